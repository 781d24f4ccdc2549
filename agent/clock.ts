import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';

/** Time as a parameter: tests and plans have their own. All in milliseconds. */
export interface Clock {
  /** Since 1970; may jump. */
  now(): number;
  /** Since some start; never jumps. */
  monotonic(): number;
  /** Resolves early, without an error, when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    if (signal?.aborted) return;
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};

export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** As the Kubernetes API has times. Fractions of seconds help nobody, and make equal times differ. */
export const toSeconds = (time: string): string => time.replace(/\.\d+Z$/, 'Z');
