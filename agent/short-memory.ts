import type { Clock } from './clock.ts';

interface Kept<V> {
  readonly value: V;
  readonly until: number;
}

/** What is good to know for a while: each value is forgotten so many ms after it was put. */
export class ShortMemory<K, V> {
  readonly #ms: number;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** In the order in which they expire. */
  readonly #kept = new Map<K, Kept<V>>();
  #pruning: NodeJS.Timeout | undefined;

  constructor(ms: number, clock: Pick<Clock, 'monotonic'>) {
    this.#ms = ms;
    this.#clock = clock;
  }

  /** How many are kept. */
  get size(): number {
    return this.#kept.size;
  }

  get(key: K): V | undefined {
    const kept = this.#kept.get(key);
    return kept === undefined || kept.until <= this.#clock.monotonic() ? undefined : kept.value;
  }

  put(key: K, value: V): void {
    this.#prune();
    this.#kept.delete(key);
    this.#kept.set(key, { value, until: this.#clock.monotonic() + this.#ms });
    this.#pruneLater();
  }

  forget(key: K): void {
    this.#kept.delete(key);
  }

  #prune(): void {
    const now = this.#clock.monotonic();
    for (const [key, { until }] of this.#kept) {
      if (until > now) break;
      this.#kept.delete(key);
    }
  }

  /** What was put of thousands is not to stay where nothing is put any more. */
  #pruneLater(): void {
    this.#pruning ??= setTimeout(() => {
      this.#pruning = undefined;
      this.#prune();
      if (this.#kept.size > 0) this.#pruneLater();
    }, this.#ms + 1).unref();
  }
}
