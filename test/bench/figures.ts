/** The middle value, or the mean of the two in the middle; null of nothing. */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)];
  const lower = sorted[Math.ceil(middle) - 1];
  return upper === undefined || lower === undefined ? null : (upper + lower) / 2;
}

/** The nearest-rank 95th percentile: the largest value of fewer than 20. */
export function p95(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? null;
}

export const rounded = (value: number | null): number | null =>
  value === null ? null : Math.round(value * 100) / 100;

/** What a benchmark has measured: one number a run, of the agent and (where there is one) of the baseline. */
export interface Measured {
  readonly unit: 'ms' | 'MB' | 'writes';
  readonly values: readonly number[];
  readonly baselines?: readonly number[];
  /** More fields for the line. */
  readonly extras?: Readonly<Record<string, number | string | readonly number[] | null>>;
}

/** The one line of a benchmark. `over` is value - baseline, `ratio` value / baseline; null where there is none. */
export function resultLine(
  head: { readonly bench: string; readonly cluster: string; readonly zones: number },
  { unit, values, baselines = [], extras = {} }: Measured,
): Record<string, unknown> {
  const value = median(values);
  const baseline = median(baselines);
  const both = value !== null && baseline !== null;
  return {
    ...head,
    runs: values.length,
    unit,
    value: rounded(value),
    p95: rounded(p95(values)),
    baseline: rounded(baseline),
    over: both ? rounded(value - baseline) : null,
    ratio: both && baseline !== 0 ? rounded(value / baseline) : null,
    ...extras,
  };
}
