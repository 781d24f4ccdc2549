import type { Clock } from '../../clock.ts';

export interface TokenBucketOptions extends Pick<Clock, 'monotonic'> {
  /** So many at once … */
  readonly burst: number;
  /** … and so many a second from then on. */
  readonly perSecond: number;
}

/** How often something may be done. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  #tokens: number;
  #filledAt: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#tokens = options.burst;
    this.#filledAt = options.monotonic();
  }

  /** How long until there is a token, in ms; 0: now. */
  inMs(): number {
    const { burst, perSecond, monotonic } = this.#options;
    const now = monotonic();
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) * perSecond) / 1000);
    this.#filledAt = now;
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) * 1000) / perSecond;
  }

  take(): void {
    this.#tokens -= 1;
  }
}
