import { setTimeout as sleep } from 'node:timers/promises';

export interface Patience {
  /** What is waited for, for the error; by default the probe's own source text. */
  readonly what?: string;
  /** Default 15,000 ms. */
  readonly withinMs?: number;
  /** Pause between two probes, default 20 ms. */
  readonly everyMs?: number;
}

/**
 * Waits until the probe returns something truthy and returns that. A probe that throws counts as "not yet"; its last
 * error is told when the deadline has passed.
 */
export async function until<T>(
  probe: () => T | Promise<T>,
  { what = probe.toString(), withinMs = 15_000, everyMs = 20 }: Patience = {},
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const seen = await attempt(probe);
    if (seen.ok && seen.value) return seen.value;
    if (performance.now() >= deadline) {
      throw new Error(`waited ${withinMs / 1000} s in vain for: ${what}; last ${tell(seen)}`);
    }
    await sleep(everyMs);
  }
}

/** Waits until what is read is the wanted value (compared as JSON), and tells the last one seen if it never is. */
export async function untilEqual<T>(
  read: () => T | Promise<T>,
  wanted: T,
  patience: Patience = {},
): Promise<void> {
  const text = JSON.stringify(wanted);
  const state: { seen: Seen<T> } = { seen: { ok: false, error: new Error('not read yet') } };
  const probe = async (): Promise<boolean> => {
    state.seen = await attempt(read);
    return state.seen.ok && JSON.stringify(state.seen.value) === text;
  };
  try {
    await until(probe, { ...patience, what: `${patience.what ?? read.toString()} to be ${text}` });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/; last saw .*$/s, '') : cause;
    throw new Error(`${reason}; last ${tell(state.seen)}`);
  }
}

type Seen<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

async function attempt<T>(probe: () => T | Promise<T>): Promise<Seen<T>> {
  try {
    return { ok: true, value: await probe() };
  } catch (error) {
    return { ok: false, error };
  }
}

function tell(seen: Seen<unknown>): string {
  if (seen.ok) return `saw ${JSON.stringify(seen.value)}`;
  return `failed: ${seen.error instanceof Error ? seen.error.message : String(seen.error)}`;
}
