import { publish, readIfPresent } from '../files.ts';

export type ReadState<T> =
  | { readonly kind: 'read'; readonly value: T }
  | { readonly kind: 'absent' }
  /** It is there, but not what we once wrote; `why` goes with "the file …". */
  | { readonly kind: 'damaged'; readonly why: string };

/**
 * Reads a small document of ours. `parse` gives the value, or undefined for what has another shape. Throws a FileError
 * when the file is there and cannot be read.
 */
export async function readJson<T>(
  path: string,
  parse: (value: unknown) => T | undefined,
): Promise<ReadState<T>> {
  const text = await readIfPresent(path);
  if (text === undefined) return { kind: 'absent' };
  try {
    const value = parse(JSON.parse(text));
    if (value !== undefined) return { kind: 'read', value };
    return { kind: 'damaged', why: `${path} does not hold what is expected there` };
  } catch {
    return { kind: 'damaged', why: `${path} is not JSON` };
  }
}

/** Replaces a small document whole. */
export async function publishJson(path: string, value: unknown): Promise<void> {
  await publish(path, `${JSON.stringify(value)}\n`);
}
