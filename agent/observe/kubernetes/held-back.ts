import type { Clock } from '../../clock.ts';

export interface HeldBackOptions {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** A wish for more than this counts as this, in ms: a wrong header must not keep a pod out of the world. */
const LONGEST_MS = 30_000;
/** Those who were sent away together come back spread over so much more, as a share. */
const SPREAD = 0.5;

/** It is too early to ask. */
export class TooEarlyError extends Error {
  /** By the monotonic clock. */
  readonly until: number;

  constructor(message: string, until: number) {
    super(message);
    this.until = until;
  }
}

/** What the server does not want to be asked again before a time that it told (Retry-After, RFC 9110 section 10.2.3). */
export class HeldBack {
  readonly #options: HeldBackOptions;
  readonly #held = new Map<string, TooEarlyError>();

  constructor(options: HeldBackOptions) {
    this.#options = options;
  }

  /** @param retryAfter seconds, or an HTTP date */
  note(what: string, code: number, retryAfter: string): void {
    const { clock, random } = this.#options;
    const ms = /^\d+$/.test(retryAfter)
      ? Number(retryAfter) * 1000
      : Date.parse(retryAfter) - clock.now();
    if (!(ms > 0)) return;
    const pause = Math.min(ms, LONGEST_MS) * (1 + SPREAD * random());
    // The same as long as it says the same: what is told of it is not to change with each attempt.
    const why = `HTTP ${code}, and it wants not to be asked again so soon (Retry-After: ${retryAfter})`;
    this.#held.set(what, new TooEarlyError(why, clock.monotonic() + pause));
  }

  /**
   * Whoever asks goes on with something else meanwhile: nobody's zones wait for this.
   *
   * @throws TooEarlyError before that time
   */
  check(what: string): void {
    const held = this.#held.get(what);
    if (held === undefined) return;
    if (held.until > this.#options.clock.monotonic()) throw held;
    this.#held.delete(what);
  }
}
