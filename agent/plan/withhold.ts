import { displayName } from '../dns/name.ts';
import { recordsOf, type ZoneContent } from '../dns/zone-text.ts';
import { liveOthers } from './placement.ts';
import type { PrimaryPlan } from './plan-zone.ts';
import type { Allocation } from './registration.ts';
import type { ServedZone } from './served-zone.ts';

/** What is known of a zone whose content may lack what nobody here has ever been able to read. */
export interface Withholding {
  readonly self: string;
  readonly plan: PrimaryPlan;
  readonly served: ServedZone | undefined;
  /** What named serves of it, where that is known record by record. */
  readonly content: ZoneContent | undefined;
  readonly allocated: Allocation | undefined;
}

/** What of a zone would be gone without new content having it; undefined: nothing, or what is new was agreed on. */
export function lossIn({
  self,
  plan,
  served,
  content,
  allocated,
}: Withholding): string | undefined {
  const { hash, records } = plan.content;
  if (hash === served?.hash || hash === allocated?.contentHash) return undefined;
  const lost = content === undefined ? undefined : lostRecords(content, plan.content);
  if (lost !== undefined) return lost;
  const fewer = (served?.records ?? 0) - records;
  if (content === undefined && fewer > 0) return `${fewer} of ${served?.records} records`;
  const behind = allocated !== undefined && allocated.contentHash !== served?.hash;
  return behind && liveOthers(plan.placement, self).length > 0
    ? `what ${allocated.by} agreed on at serial ${allocated.serial}`
    : undefined;
}

export const whyWithheld = (lost: string, unremembered: string): string =>
  `its content stays as it is served: ${lost} would be lost, and may only be missing because ${unremembered}`;

/** Data alone counts: another TTL loses nothing. */
function lostRecords(served: ZoneContent, next: ZoneContent): string | undefined {
  const kept = new Map(
    recordsOf(next).rrsets.map(({ owner, type, rdata }) => [`${owner} ${type}`, rdata]),
  );
  const lost = recordsOf(served).rrsets.flatMap(({ owner, type, rdata }) => {
    const left = new Set(kept.get(`${owner} ${type}`));
    return rdata.filter((data) => !left.has(data)).map(() => `${displayName(owner)} ${type}`);
  });
  const [first, ...more] = lost;
  if (first === undefined || more.length === 0) return first;
  return `${first} and ${more.length} more record${more.length === 1 ? '' : 's'}`;
}

/** The zone's plan with its content withheld, and this told. */
export const withheldPlan = (plan: PrimaryPlan, why: string): PrimaryPlan => ({
  ...plan,
  withheld: why,
  problems: [...plan.problems, { path: '', problem: why }],
});
