import { type Clock, timestamp } from '../../clock.ts';
import { TransientError } from '../../problem.ts';

export interface HeldBackOptions {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** A wish for more than this counts as this, in ms: a wrong header must not keep a pod out of the world. */
const LONGEST_MS = 30_000;
/** Those who were sent away together come back spread over so much more, as a share. */
const SPREAD = 0.5;

/** What the server does not want to be asked again before a time that it told (Retry-After, RFC 9110 section 10.2.3). */
export class HeldBack {
  readonly #options: HeldBackOptions;
  readonly #until = new Map<string, { readonly at: number; readonly why: TransientError }>();

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
    const why = new TransientError(
      `HTTP ${code}, and it wants not to be asked again before ${timestamp(clock.now() + pause)}`,
    );
    this.#until.set(what, { at: clock.monotonic() + pause, why });
  }

  /**
   * Whoever asks goes on with something else meanwhile: nobody's zones wait for this.
   *
   * @throws TransientError before that time
   */
  check(what: string): void {
    const held = this.#until.get(what);
    if (held === undefined) return;
    if (held.at > this.#options.clock.monotonic()) throw held.why;
    this.#until.delete(what);
  }
}
