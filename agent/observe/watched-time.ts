/**
 * A clock, in ms, that runs only while somebody is looking. What nobody could have seen must not count as silence: while
 * the folder cannot be read, or while this process is stopped, the time stands still for the judgement of others.
 */
export class WatchedTime {
  readonly #monotonic: () => number;
  readonly #longestMs: number;
  #lastLook: number | undefined;
  #watched = 0;

  /** `longestMs`: two looks further apart count as this far apart. */
  constructor(monotonic: () => number, longestMs: number) {
    this.#monotonic = monotonic;
    this.#longestMs = longestMs;
  }

  /** Somebody is about to look, and will see what has come until now. */
  look(): number {
    const now = this.#monotonic();
    this.#watched += Math.min(now - (this.#lastLook ?? now), this.#longestMs);
    this.#lastLook = now;
    return this.#watched;
  }
}
