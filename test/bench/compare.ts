import type { Contestant } from './contestant.ts';
import { type Measured, p95, rounded } from './figures.ts';
import type { Healed, Story } from './heal.ts';

/** Tells a story with both contestants in turn, so that what the machine does meanwhile hits both. */
export async function compare(
  story: Story,
  [agents, baseline]: readonly [Contestant, Contestant],
  runs: number,
  progress: (line: string) => void,
): Promise<Measured> {
  await agents.open();
  await baseline.open();
  const own: Healed[] = [];
  const others: Healed[] = [];
  for (let run = 0; run < runs; run += 1) {
    const mine = await story(agents, run);
    const theirs = await story(baseline, run);
    own.push(mine);
    others.push(theirs);
    progress(`run ${run + 1}: ${mine.ms.toFixed(0)} ms, baseline ${theirs.ms.toFixed(0)} ms`);
  }
  const values = own.map(({ ms }) => ms);
  const baselines = others.map(({ ms }) => ms);
  const extras = {
    baselineP95: rounded(p95(baselines)),
    ...loadOf(own),
    ...loadOfBaseline(others),
  };
  return { unit: 'ms', values, baselines, extras };
}

const total = (healed: readonly Healed[], field: 'queries' | 'failedQueries'): number =>
  healed.reduce((sum, { load }) => sum + load[field], 0);

const worst = (healed: readonly Healed[], field: 'queryP95Ms' | 'queryMaxMs'): number =>
  Math.max(...healed.map(({ load }) => load[field] ?? 0));

const loadOf = (healed: readonly Healed[]) => ({
  queries: total(healed, 'queries'),
  failedQueries: total(healed, 'failedQueries'),
  queryP95Ms: worst(healed, 'queryP95Ms'),
  queryMaxMs: worst(healed, 'queryMaxMs'),
});

const loadOfBaseline = (healed: readonly Healed[]) => ({
  baselineFailedQueries: total(healed, 'failedQueries'),
  baselineQueryMaxMs: worst(healed, 'queryMaxMs'),
});
