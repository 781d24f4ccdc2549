import type { Clock } from '../../clock.ts';

export interface PausesOptions {
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** What was open for so long was good: its end is not counted with what failed before. */
const GOOD_MS = 5000;

/** Pauses between attempts, in ms: growing while they fail, and never the same for two agents. */
export class Pauses {
  readonly #options: PausesOptions;
  #openedAt: number | undefined;
  #failures = 0;

  constructor(options: PausesOptions) {
    this.#options = options;
  }

  /** Attempts that failed in a row. */
  get failures(): number {
    return this.#failures;
  }

  succeeded(): void {
    this.#failures = 0;
  }

  opened(): void {
    this.#openedAt = this.#options.clock.monotonic();
  }

  /** The server has ended it, as it should after a while. */
  afterEnd(): number {
    const { clock, firstPauseMs } = this.#options;
    const lived = clock.monotonic() - (this.#openedAt ?? Number.POSITIVE_INFINITY);
    if (lived < firstPauseMs) return this.afterFailure();
    this.#openedAt = undefined;
    this.#failures = 0;
    return 0;
  }

  afterFailure(): number {
    const { clock, random, firstPauseMs, longestPauseMs } = this.#options;
    const lived = clock.monotonic() - (this.#openedAt ?? Number.POSITIVE_INFINITY);
    this.#openedAt = undefined;
    this.#failures = lived > GOOD_MS ? 1 : this.#failures + 1;
    if (this.#failures === 1) return 1 + random() * firstPauseMs;
    const pause = Math.min(longestPauseMs, firstPauseMs * 2 ** (this.#failures - 2));
    return pause * (0.5 + random() / 2);
  }
}
