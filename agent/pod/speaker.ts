export class Speaker { constructor(_: unknown) {} onCopy(_: unknown) {} onPass(..._: unknown[]) {} async run(_: AbortSignal) {} }
