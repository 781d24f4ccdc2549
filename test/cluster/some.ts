import { until } from '../rig/until.ts';

/** Waits until there is something, and returns it. */
export async function some<T>(probe: () => T | undefined): Promise<T> {
  const found: { value?: T } = {};
  await until(
    () => {
      const value = probe();
      if (value !== undefined) found.value = value;
      return value !== undefined;
    },
    { what: probe.toString(), everyMs: 2 },
  );
  return found.value as T;
}
