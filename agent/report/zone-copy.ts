import { toSeconds } from '../clock.ts';
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

/** Without what tells whose copy it is, and with times that many have in common: former releases tell ms. */
export function stateOf(copy: ZoneCopy): CopyState {
  const { role, state, serial, from, method, behindSince, reason, message } = copy;
  const { lastTransferTime, expiresAt } = copy;
  return {
    role,
    state,
    ...(serial !== undefined && { serial }),
    ...(from !== undefined && { from }),
    ...(method !== undefined && { method }),
    ...(lastTransferTime !== undefined && { lastTransferTime: toSeconds(lastTransferTime) }),
    ...(expiresAt !== undefined && { expiresAt: toSeconds(expiresAt) }),
    ...(behindSince !== undefined && { behindSince }),
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
  };
}
