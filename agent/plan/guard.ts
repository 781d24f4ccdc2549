import { createHash } from 'node:crypto';
import { type DomainName, displayName } from '../dns/name.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { Action } from './action.ts';
import { explainAction, zoneOf } from './action.ts';
import { dropsIn } from './diff.ts';
import { liveOthers } from './placement.ts';
import type { PrimaryPlan, ZonePlan } from './plan-zone.ts';
import type { Plan } from './planner.ts';
import type { Allocation } from './registration.ts';
import type { ServedZone } from './served-zone.ts';

export interface GuardLimits {
  /** A plan may drop so many zones at once … */
  readonly zones: number;
  /** … or so many percent of what is served, whichever is more. */
  readonly percent: number;
}

/** A part of a plan that is not carried out until somebody approves it. */
export interface Held {
  /** Names exactly this plan: 16 hex digits. */
  readonly hash: string;
  readonly why: string;
  /** What would be done, a sentence each. */
  readonly actions: readonly string[];
  /** The zones that would be dropped. */
  readonly zones: readonly DomainName[];
}

/** A zone that would lose most of its records. */
export interface Loss {
  readonly plan: PrimaryPlan;
  /** The records that are served of it, and their hash. */
  readonly records: number;
  readonly hash: string;
}

export interface Guarding {
  readonly drops: readonly Drop[];
  readonly losses: readonly Loss[];
  readonly served: ReadonlyMap<string, ServedZone>;
  readonly limits: GuardLimits;
  /** Hashes of held plans that somebody approved. */
  readonly approved: ReadonlySet<string>;
}

export interface Guarded {
  /** The drops that may be carried out. */
  readonly drops: readonly Drop[];
  /** The zones whose content stays as it is served, and why. */
  readonly withheld: ReadonlyMap<ObjectKey, string>;
  readonly held: Held | undefined;
  /** The approval without which something would be held. */
  readonly approved: string | undefined;
}

type Drop = Extract<Action, { kind: 'drop' }>;

/** Who looks, at what, and knows what. */
export interface GuardedView {
  readonly view: Pick<ClusterView, 'invalid' | 'removalsFrozen' | 'statuses'>;
  readonly self: string;
  readonly served: ReadonlyMap<DomainName, ServedZone>;
  /** What of it no plan wants (`unwantedIn`). */
  readonly unwanted: readonly ServedZone[];
  /** The plans whose content may be another than what is served. */
  readonly changing: Iterable<ZonePlan>;
  readonly limits: GuardLimits;
  readonly approved: ReadonlySet<string>;
}

/** What a plan would drop and lose, judged. */
export function guardPlan(
  { zones }: Pick<Plan, 'zones'>,
  { view, self, served, unwanted, changing, limits, approved }: GuardedView,
): Guarded {
  const unreadable = view.invalid.flatMap(({ zone }) => (zone === undefined ? [] : [zone]));
  const drops = dropsIn({
    plans: zones,
    unwanted,
    unreadable: new Set(unreadable),
    removalsFrozen: view.removalsFrozen,
  });
  const allocatedOf = (zone: ObjectKey) => view.statuses.get(zone)?.allocated;
  const losses = lossesIn(changing, served, allocatedOf, self);
  return guard({ drops, losses, served, limits, approved });
}

/** Fewer records than this are too few to tell a mistake from an edit. */
const FEW_RECORDS = 10;
const NOTHING_WITHHELD: ReadonlyMap<ObjectKey, string> = new Map();

/**
 * Holds back what looks like a mistake: a plan that drops many zones or the last one, or most of a zone's records.
 * The rest of the plan is carried out. A zone once held is not dropped because the others have come back.
 */
export function guard({ drops, losses, served, limits, approved }: Guarding): Guarded {
  const massive = isMassive(drops.length, served.size, limits);
  const dropped = massive ? drops : drops.filter(({ zone }) => served.get(zone)?.held === true);
  if (dropped.length === 0 && losses.length === 0)
    return { drops, withheld: NOTHING_WITHHELD, held: undefined, approved: undefined };
  const hash = hashOf(dropped, losses, served);
  if (approved.has(hash))
    return { drops, withheld: NOTHING_WITHHELD, held: undefined, approved: hash };
  const why =
    dropped.length > 0
      ? `would stop serving ${dropped.length} of ${served.size} zones`
      : `would remove more than half of the records of ${losses.length === 1 ? 'a zone' : `${losses.length} zones`}`;
  return {
    drops: drops.filter((drop) => !dropped.includes(drop)),
    withheld: new Map(
      losses.map((loss) => [
        loss.plan.object.key,
        `its content stays as it is served: ${sentenceOf(loss)}; approve that as plan ${hash}`,
      ]),
    ),
    held: {
      hash,
      why,
      actions: [...dropped.map(explainAction), ...losses.map(sentenceOf)],
      zones: dropped.map(zoneOf),
    },
    approved: undefined,
  };
}

/**
 * The zones that would lose most of their records. They are found before the primaries agree on the new content, and a
 * primary that has nothing of a zone yet goes by what was agreed on. What is agreed on was let through, by a pod where
 * it was approved.
 */
export function lossesIn(
  plans: Iterable<ZonePlan>,
  served: ReadonlyMap<string, ServedZone>,
  allocatedOf: (zone: ObjectKey) => Allocation | undefined,
  self: string,
): Loss[] {
  const losses: Loss[] = [];
  for (const plan of plans) {
    if (plan.kind !== 'primary' || plan.dynamic) continue;
    const now = served.get(plan.zone);
    if (now?.hash === plan.content.hash) continue;
    const allocated = allocatedOf(plan.object.key);
    if (allocated?.contentHash === plan.content.hash) continue;
    const { hash, records = 0 } =
      now?.hash === undefined ? heldElsewhere(plan, allocated, self) : now;
    const shrinks = records >= FEW_RECORDS && plan.content.records * 2 < records;
    if (hash !== undefined && shrinks) losses.push({ plan, records, hash });
  }
  return losses;
}

/** What others still serve, where nobody has it any more what is left is better than nothing. */
function heldElsewhere(
  { placement }: PrimaryPlan,
  allocated: Allocation | undefined,
  self: string,
): { readonly hash?: string; readonly records?: number } {
  if (allocated?.records === undefined || liveOthers(placement, self).length === 0) return {};
  return { hash: allocated.contentHash, records: allocated.records };
}

const sentenceOf = ({ plan, records }: Loss): string =>
  `${plan.content.records} of ${records} records of ${displayName(plan.zone)} would be left`;

function isMassive(dropped: number, all: number, { zones, percent }: GuardLimits): boolean {
  if (dropped === 0) return false;
  return dropped === all || (dropped > zones && dropped * 100 > all * percent);
}

/**
 * Over what would be lost, not over the sentences: a plan that grew needs a new approval, and so does the loss of a zone
 * that was made anew since. All pods of an instance come to the same.
 */
function hashOf(
  dropped: readonly Drop[],
  losses: readonly Loss[],
  served: ReadonlyMap<string, ServedZone>,
): string {
  const lost = [
    ...dropped.map(({ zone }) => `drop ${zone} ${served.get(zone)?.uid}`),
    ...losses.map(({ plan, hash }) => `load ${plan.zone} ${hash} ${plan.content.hash}`),
  ];
  return createHash('sha256').update(lost.sort().join('\n')).digest('hex').slice(0, 16);
}
