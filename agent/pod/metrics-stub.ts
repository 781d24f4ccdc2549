export class Metrics { constructor(_: unknown) {} observePass(_: number) {} observeControlCommand(_: string, _s: number) {} observeTransfer(_: unknown) {} }
