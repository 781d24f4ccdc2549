import type { Serial } from '../dns/serial.ts';
import type { Role } from '../plan/registration.ts';

export const transferStates = [
  'Pending',
  'Transferring',
  'Current',
  'Lagging',
  'Failing',
  'Expired',
] as const;
export type TransferState = (typeof transferStates)[number];

/** The pod has the zone not, or not any more, and for a reason that does not pass by itself. */
export const isBad = ({ state }: { readonly state: TransferState }): boolean =>
  state === 'Failing' || state === 'Expired';

export const transferReasons = [
  'Refused',
  'NotAuthoritative',
  'Unreachable',
  'UnreachableCached',
  'TsigUnknownKey',
  'TsigBadSignature',
  'TsigBadTime',
  'QuotaDeferred',
  'SerialBehind',
  'Timeout',
  'FormErr',
  'BadData',
  'Expired',
  'NoPrimaries',
  'NotLoaded',
] as const;
export type TransferReason = (typeof transferReasons)[number];

export type TransferMethod = 'AXFR' | 'IXFR' | 'Seed';

/** One pod's copy of one zone: an entry of `DNSZone.status.transfers`. Times are RFC 3339. */
export interface Transfer {
  readonly pod: string;
  readonly instance: string;
  readonly role: Role;
  readonly ip: string;
  readonly state: TransferState;
  readonly serial?: Serial;
  /** The address it was transferred from. */
  readonly from?: string;
  readonly method?: TransferMethod;
  readonly lastTransferTime?: string;
  readonly expiresAt?: string;
  /** Why it is not `Current`. */
  readonly reason?: TransferReason;
  readonly message?: string;
}

export interface Condition {
  readonly type: 'Ready' | 'TransfersHealthy' | 'Conflict' | 'Diverged';
  readonly status: 'True' | 'False' | 'Unknown';
  readonly observedGeneration?: number;
  readonly reason: string;
  readonly message: string;
  readonly lastTransitionTime: string;
}

/** `DNSZone.status` without the fields that primaries agree on (`allocated`, `writer`). */
export interface ZoneReport {
  readonly observedGeneration?: number;
  /** Live secondaries of the zone, sorted. */
  readonly secondaryIps: readonly string[];
  readonly secondaryCount: number;
  /** The newest serial seen served by a primary. */
  readonly serial?: Serial;
  /** Since when a copy has been behind; RFC 3339. Absent where all are current. */
  readonly behindSince?: string;
  /** Why the zone is not ready, or its worst copy not current. */
  readonly worstReason?: string;
  readonly reportedBy: string;
  readonly reportedTime: string;
  readonly transfers: readonly Transfer[];
  readonly conditions: readonly Condition[];
}
