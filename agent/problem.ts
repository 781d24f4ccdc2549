/** One thing that is wrong with one field: where it stands and what was wanted and got. */
export interface Problem {
  /** The field's path in its object, e.g. `spec.soaRecord.refresh`; empty for the object as a whole. */
  readonly path: string;
  /** A sentence part: what was wanted, then what was got. */
  readonly problem: string;
}

/** A parser's verdict: the parsed value, or every reason why there is none. */
export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

export const parsed = <T>(value: T): Parsed<T> => ({ ok: true, value });

export const refused = (path: string, problem: string): Parsed<never> => ({
  ok: false,
  problems: [{ path, problem }],
});

export const showProblem = ({ path, problem }: Problem): string =>
  path === '' ? problem : `${path}: ${problem}`;

/** A failure outside our control that is worth another try: a timeout, a refused connection, a full disk. */
export class TransientError extends Error {
  override readonly name = 'TransientError';
}

/** Waits for work that must not hold up what comes after it: its failure is returned. What is no such failure is thrown. */
export async function failureOf(work: Promise<unknown>): Promise<TransientError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof TransientError) return error;
    throw error;
  }
}
