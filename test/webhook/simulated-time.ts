import type { Clock } from '../../agent/clock.ts';

/** A clock that goes on as soon as everybody waits for it. */
export class SimulatedTime implements Clock {
  readonly start = Date.UTC(2030, 0, 1);
  #now = 0;
  #busy = 0;
  #waiting: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.start + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((wake) => {
      this.#waiting.push({ at: this.#now + ms, wake });
      signal?.addEventListener('abort', () => wake(), { once: true });
    });
  }

  /** Work that waits for something else than this clock: time stands still meanwhile. */
  async busy<T>(work: Promise<T>): Promise<T> {
    this.#busy += 1;
    try {
      return await work;
    } finally {
      this.#busy -= 1;
    }
  }

  /** Goes on to this time, in ms since the start; calls back after everything that happens. */
  async run(to: number, after: () => void = () => undefined): Promise<void> {
    for (;;) {
      do await new Promise((resolve) => setImmediate(resolve));
      while (this.#busy > 0);
      after();
      this.#waiting.sort((a, b) => a.at - b.at);
      const [next] = this.#waiting;
      if (next === undefined || next.at > to) break;
      this.#waiting.shift();
      this.#now = next.at;
      next.wake();
    }
    this.#now = to;
  }
}
