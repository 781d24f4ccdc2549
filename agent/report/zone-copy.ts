import type { Serial } from '../dns/serial.ts';
import type { Role } from '../plan/registration.ts';
import type { TransferMethod, TransferReason, TransferState } from './zone-report.ts';

/** One pod's own copy of one zone, as it tells its peers: an entry of `GET /transfers`. */
export interface ZoneCopy extends CopyState {
  /** Without the trailing dot, as people write it. */
  readonly zone: string;
  /** The DNSZone, `namespace/name`. Unique within a pod. */
  readonly object: string;
}

/** What a pod says of its copy. Times are RFC 3339. */
export interface CopyState {
  readonly role: Role;
  readonly state: TransferState;
  readonly serial?: Serial;
  /** The address it was transferred from. */
  readonly from?: string;
  readonly method?: TransferMethod;
  readonly lastTransferTime?: string;
  readonly expiresAt?: string;
  /** Since when a newer serial than the one served is known. */
  readonly behindSince?: string;
  readonly reason?: TransferReason;
  readonly message?: string;
}
