import { createHash } from 'node:crypto';
import type { DomainName } from '../dns/name.ts';
import type { Action } from './action.ts';
import { explainAction, zoneOf } from './action.ts';
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

export interface Guarded {
  readonly actions: readonly Action[];
  readonly held: Held | undefined;
  /** The approval without which something would be held. */
  readonly approved: string | undefined;
}

/** Fewer records than this are too few to tell a mistake from an edit. */
const FEW_RECORDS = 10;

/**
 * Holds back what looks like a mistake: a plan that drops many zones or the last one, or most of a zone's records.
 * The rest of the plan is carried out. A zone once held is not dropped because the others have come back.
 *
 * @param approved the hash of a held plan that somebody approved
 */
export function guard(
  actions: readonly Action[],
  served: ReadonlyMap<string, ServedZone>,
  limits: GuardLimits,
  approved: ReadonlySet<string>,
): Guarded {
  const drops = actions.filter((action) => action.kind === 'drop');
  const shrinking = actions.filter((action) => shrinks(action, served));
  const massive = isMassive(drops.length, served.size, limits);
  const dropped = massive ? drops : drops.filter(({ zone }) => served.get(zone)?.held === true);
  const held = [...dropped, ...shrinking];
  if (held.length === 0) return { actions, held: undefined, approved: undefined };
  const hash = hashOf(held, served);
  if (approved.has(hash)) return { actions, held: undefined, approved: hash };
  const why =
    dropped.length > 0
      ? `would stop serving ${dropped.length} of ${served.size} zones`
      : `would remove more than half of the records of ${shrinking.length === 1 ? 'a zone' : `${shrinking.length} zones`}`;
  return {
    actions: actions.filter((action) => !held.includes(action)),
    held: { hash, why, actions: held.map(explainAction), zones: dropped.map(zoneOf) },
    approved: undefined,
  };
}

function isMassive(dropped: number, all: number, { zones, percent }: GuardLimits): boolean {
  if (dropped === 0) return false;
  return dropped === all || (dropped > zones && dropped * 100 > all * percent);
}

function shrinks(action: Action, served: ReadonlyMap<string, ServedZone>): boolean {
  if (action.kind !== 'load') return false;
  const before = served.get(action.zone)?.records ?? 0;
  return before >= FEW_RECORDS && action.target.content.records * 2 < before;
}

/**
 * Over what would be lost, not over the sentences: a plan that grew needs a new approval, and so does the loss of a zone
 * that was made anew since. All pods of an instance come to the same.
 */
function hashOf(held: readonly Action[], served: ReadonlyMap<string, ServedZone>): string {
  const lost = held.map((action) => {
    const { uid, hash } = served.get(zoneOf(action)) ?? {};
    return action.kind === 'load'
      ? `load ${action.zone} ${hash} ${action.target.content.hash}`
      : `${action.kind} ${zoneOf(action)} ${uid}`;
  });
  return createHash('sha256').update(lost.sort().join('\n')).digest('hex').slice(0, 16);
}
