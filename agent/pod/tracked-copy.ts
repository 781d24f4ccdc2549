import { timestamp, toSeconds } from '../clock.ts';
import { displayName } from '../dns/name.ts';
import type { NamedZone } from '../observe/named-statistics.ts';
import type { PrimaryPlan, SecondaryPlan } from '../plan/plan-zone.ts';
import type { ZoneTransferState } from '../plan/transfer-state.ts';
import type { FeedZone } from '../report/feed.ts';
import type { ZoneCopy } from '../report/zone-copy.ts';
import type { Texts } from '../texts.ts';
import type { OffCopy } from './off-copies.ts';

/** What is known of this pod's copy of one zone. */
export interface TrackedCopy extends OffCopy {
  plan: PrimaryPlan | SecondaryPlan;
  statistics: NamedZone | undefined;
  /** As it is told since it was last seen. */
  copy: FeedZone | undefined;
  /** By the monotonic clock, in whole ms. */
  lookedAt: number;
}

/** Every field is written out: V8 keeps those that were spread in a second object beside the first. */
export const trackedCopy = ({
  plan,
  wanted,
  memory,
  statistics,
}: Pick<TrackedCopy, 'plan' | 'wanted' | 'memory' | 'statistics'>): TrackedCopy => ({
  plan,
  wanted,
  memory,
  off: undefined,
  statistics,
  copy: undefined,
  lookedAt: 0,
});

/** As it is told to peers. Zones that came together have equal times, to the second. */
export function copyOf(
  plan: PrimaryPlan | SecondaryPlan,
  state: ZoneTransferState,
  texts: Texts,
): ZoneCopy {
  const { lastTransferTime, expiresAt, behindSince, ...rest } = state;
  const shared = (time: number): string => texts.share(toSeconds(timestamp(time)));
  const zone = displayName(plan.zone);
  const { zoneName } = plan.object.spec;
  return {
    // Mostly the text that the object has already.
    zone: zone === zoneName ? zoneName : zone,
    object: plan.object.key,
    role: plan.kind,
    ...rest,
    ...(lastTransferTime === undefined ? {} : { lastTransferTime: shared(lastTransferTime) }),
    ...(expiresAt === undefined ? {} : { expiresAt: shared(expiresAt) }),
    ...(behindSince === undefined ? {} : { behindSince: timestamp(behindSince) }),
  };
}

/** The other way round than `copyOf`; times to the second. */
export function seenState(copy: FeedZone): ZoneTransferState {
  const { zone: _, object: __, role: ___, seq: ____, ...rest } = copy;
  const { lastTransferTime, expiresAt, behindSince, ...state } = rest;
  return {
    ...state,
    ...(lastTransferTime === undefined ? {} : { lastTransferTime: Date.parse(lastTransferTime) }),
    ...(expiresAt === undefined ? {} : { expiresAt: Date.parse(expiresAt) }),
    ...(behindSince === undefined ? {} : { behindSince: Date.parse(behindSince) }),
  };
}
