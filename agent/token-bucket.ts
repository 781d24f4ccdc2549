import type { Clock } from './clock.ts';

export interface TokenRate {
  /** So many at once … */
  readonly burst: number;
  /** … and so many a second from then on. */
  readonly perSecond: number;
}

/** How often something may be done. */
export class TokenBucket {
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #rate: TokenRate;
  #tokens: number;
  #filledAt: number;

  constructor(clock: Pick<Clock, 'monotonic'>, rate: TokenRate) {
    this.#clock = clock;
    this.#rate = rate;
    this.#tokens = rate.burst;
    this.#filledAt = clock.monotonic();
  }

  /** How long until there is a token, in ms; 0: now. */
  inMs(): number {
    const { burst, perSecond } = this.#rate;
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1000);
    this.#filledAt = now;
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1000) / perSecond;
  }

  /** More than there are delay the next one. */
  take(count = 1): void {
    this.#tokens -= count;
  }

  /** Takes one, if there is one. */
  tryTake(): boolean {
    const has = this.inMs() === 0;
    if (has) this.take();
    return has;
  }
}
