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
    const now = this.#clock.monotonic();
    for (const [old, { until }] of this.#kept) {
      if (until > now) break;
      this.#kept.delete(old);
    }
    this.#kept.delete(key);
    this.#kept.set(key, { value, until: now + this.#ms });
  }

  forget(key: K): void {
    this.#kept.delete(key);
  }
}
