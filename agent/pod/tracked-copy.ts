import { timestamp } from '../clock.ts';
import { displayName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { NamedZone } from '../observe/named-statistics.ts';
import type { PrimaryPlan, SecondaryPlan } from '../plan/plan-zone.ts';
import type { TransferMemory } from '../plan/transfer-memory.ts';
import type { ZoneTransferState } from '../plan/transfer-state.ts';
import type { ZoneCopy } from '../report/zone-copy.ts';
import { type OffCopy, PATIENCE_MS } from './off-copies.ts';

/** What is known of this pod's copy of one zone. */
export interface TrackedCopy extends OffCopy {
  plan: PrimaryPlan | SecondaryPlan;
  statistics: NamedZone | undefined;
  state: ZoneTransferState | undefined;
  copy: ZoneCopy | undefined;
  /** By the monotonic clock. */
  lookedAt: number;
}

const NONE: readonly never[] = [];

/** Every field is written out: V8 keeps those that were spread in a second object beside the first. */
export const trackedCopy = (
  plan: PrimaryPlan | SecondaryPlan,
  wanted: Serial | undefined,
  memory: TransferMemory,
): TrackedCopy => ({
  plan,
  wanted,
  memory,
  offSince: undefined,
  patience: PATIENCE_MS,
  nudgedAt: 0,
  nudges: 0,
  probed: NONE,
  probedAt: 0,
  probes: 0,
  statistics: undefined,
  state: undefined,
  copy: undefined,
  lookedAt: Number.NEGATIVE_INFINITY,
});

/** As it is told to peers. */
export function copyOf(plan: PrimaryPlan | SecondaryPlan, state: ZoneTransferState): ZoneCopy {
  const { lastTransferTime, expiresAt, behindSince, ...rest } = state;
  return {
    zone: displayName(plan.zone),
    object: plan.object.key,
    role: plan.kind,
    ...rest,
    ...(lastTransferTime === undefined ? {} : { lastTransferTime: timestamp(lastTransferTime) }),
    ...(expiresAt === undefined ? {} : { expiresAt: timestamp(expiresAt) }),
    ...(behindSince === undefined ? {} : { behindSince: timestamp(behindSince) }),
  };
}
