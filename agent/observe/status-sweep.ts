import type { ObjectKey } from '../resources/types.ts';

/** Finds the statuses of zones that are no more, so that a zone made anew under the name begins afresh. */
export class StatusSweep {
  readonly #graceMs: number;
  readonly #goneSince = new Map<ObjectKey, { readonly version: string; readonly since: number }>();

  /** A zone must be gone, and its status unchanged, for so long: somebody who writes it still knows the zone. */
  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** Nothing is known for sure at the moment. */
  forget(): void {
    this.#goneSince.clear();
  }

  /** The statuses to remove. `now` in ms of a clock that does not jump. */
  due(
    statuses: ReadonlyMap<ObjectKey, { readonly version: string }>,
    isKnown: (zone: ObjectKey) => boolean,
    now: number,
  ): readonly { readonly zone: ObjectKey; readonly version: string }[] {
    for (const zone of this.#goneSince.keys()) {
      if (!statuses.has(zone) || isKnown(zone)) this.#goneSince.delete(zone);
    }
    return [...statuses].flatMap(([zone, { version }]) => {
      if (isKnown(zone)) return [];
      const gone = this.#goneSince.get(zone);
      if (gone?.version === version) {
        return now - gone.since >= this.#graceMs ? [{ zone, version }] : [];
      }
      this.#goneSince.set(zone, { version, since: now });
      return [];
    });
  }
}
