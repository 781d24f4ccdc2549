import type { Serial } from '../dns/serial.ts';
import type { TransferMethod, TransferReason, TransferState } from '../report/zone-report.ts';
import type { Role } from './registration.ts';
import { endpointId } from './topology.ts';
import { allFail, diagnose, type ObservedPrimary } from './transfer-diagnosis.ts';
import { type Failure, noteSerial, type TransferMemory } from './transfer-memory.ts';
import {
  forgetOutlived,
  outdated,
  serving,
  withoutLate,
  withoutPhantoms,
} from './transfer-outlived.ts';
import type { SoaProbe } from './transfer-probe.ts';
import { explainFailure } from './transfer-sentence.ts';

/** One look at a zone of this pod. Times are milliseconds since the epoch. */
export interface Observation {
  readonly now: number;
  readonly role: Role;
  /** What this pod's named answers on loopback; absent: not asked yet. */
  readonly served?: SoaProbe;
  /** Those that named may transfer from; empty for a primary. */
  readonly primaries: readonly ObservedPrimary[];
  /** From the statistics channel: until when the data are good, and when they were loaded. */
  readonly expiresAt?: number;
  readonly loadedAt?: number;
  /** The serial that was agreed on, where the zone's primaries agree. */
  readonly wanted?: Serial;
  /** The data served were written by the agent and not transferred yet. */
  readonly seeded?: boolean;
}

/** What is known of a zone's copy in this pod. Times are milliseconds since the epoch. */
export interface ZoneTransferState {
  readonly state: TransferState;
  readonly serial?: Serial;
  readonly from?: string;
  readonly method?: TransferMethod;
  readonly lastTransferTime?: number;
  readonly expiresAt?: number;
  /** Since when a newer serial than the one served is known; lag = now - behindSince. Absent: nothing newer is known. */
  readonly behindSince?: number;
  readonly reason?: TransferReason;
  readonly message?: string;
}

/**
 * What is remembered after one more look. The serials served and seen move, and what a success has disproved is
 * forgotten: at its usual level named does not log a refresh that finds nothing new, so that a failure in the log
 * says nothing of what came after.
 */
export function observe(memory: TransferMemory, look: Observation): TransferMemory {
  const served = serialOf(look.served);
  let next = forgetOutlived(served === undefined ? memory : serving(memory, served), look);
  for (const { probe } of look.primaries) {
    if (probe?.soa.kind === 'soa' && probe.soa.authoritative && !outdated(next, probe)) {
      next = noteSerial(next, probe.soa.serial, probe.at);
    }
  }
  if (look.role === 'primary' && look.wanted !== undefined) {
    next = noteSerial(next, look.wanted, look.now);
  }
  next = withoutLate(withoutPhantoms(next, look), look);
  const { failingSince, ...rest } = next;
  return allFail(next, look)
    ? { ...rest, seenAt: look.now, failingSince: failingSince ?? look.now }
    : { ...rest, seenAt: look.now };
}

/** The state of the copy, from what is remembered (after `observe` of the same look) and what was just seen. */
export function judge(memory: TransferMemory, look: Observation): ZoneTransferState {
  const serial = serialOf(look.served);
  const verdict = look.role === 'primary' ? judgePrimary(memory, look) : judgeCopy(memory, look);
  const { state, failure } = verdict;
  const behindSince =
    memory.unserved[0]?.since ?? (serial === undefined ? memory.expiredAt : undefined);
  return {
    state,
    ...(serial !== undefined && { serial }),
    ...(look.role === 'secondary' && provenance(memory, look)),
    ...(behindSince !== undefined && { behindSince }),
    ...(failure === undefined
      ? progress(state)
      : { reason: failure.reason, message: explainFailure(failure, keyFor(look, failure)) }),
  };
}

/** What goes on where nothing failed. */
function progress(state: TransferState): { readonly message?: string } {
  switch (state) {
    case 'Pending':
      return { message: 'waits for its first data' };
    case 'Transferring':
      return { message: 'the transfer is running' };
    case 'Lagging':
      return { message: 'a newer serial is known and not served yet' };
    case 'Current':
    case 'Failing':
    case 'Expired':
      return {};
  }
}

interface Verdict {
  readonly state: TransferState;
  readonly failure?: Failure | undefined;
}

function judgePrimary(memory: TransferMemory, look: Observation): Verdict {
  const behind = memory.unserved.length > 0;
  if (serialOf(look.served) !== undefined) {
    if (!behind) return { state: 'Current' };
    return memory.notLoaded === undefined
      ? { state: 'Lagging' }
      : { state: 'Failing', failure: memory.notLoaded };
  }
  const silence = ownSilence(look, memory);
  return silence === undefined ? { state: 'Pending' } : { state: 'Failing', failure: silence };
}

function judgeCopy(memory: TransferMemory, look: Observation): Verdict {
  const failure = diagnose(memory, look);
  if (serialOf(look.served) !== undefined) return judgeServed(memory, failure);
  if (namedIsSilent(look)) return { state: 'Failing', failure: ownSilence(look, memory) };
  if (hasExpired(memory, look)) {
    const expired: Failure = { at: look.now, reason: 'Expired', detail: 'expired' };
    return { state: 'Expired', failure: failure ?? expired };
  }
  if (look.served === undefined || failure === undefined) {
    return { state: memory.running === undefined ? 'Pending' : 'Transferring' };
  }
  return failure.reason === 'QuotaDeferred'
    ? { state: 'Pending', failure }
    : { state: 'Failing', failure };
}

function judgeServed(memory: TransferMemory, failure: Failure | undefined): Verdict {
  const behind = memory.unserved.length > 0;
  if (failure?.reason === 'QuotaDeferred')
    return behind ? { state: 'Lagging', failure } : { state: 'Current' };
  if (failure !== undefined) return { state: 'Failing', failure };
  if (!behind) return { state: 'Current' };
  return { state: memory.running === undefined ? 'Lagging' : 'Transferring' };
}

function provenance(
  { arrival }: TransferMemory,
  { expiresAt, loadedAt, seeded }: Observation,
): Partial<ZoneTransferState> {
  const time = arrival?.at ?? (seeded ? undefined : loadedAt);
  const method = arrival?.method ?? (seeded && arrival === undefined ? 'Seed' : undefined);
  return {
    ...(arrival?.from !== undefined && { from: arrival.from }),
    ...(method !== undefined && { method }),
    ...(time !== undefined && { lastTransferTime: time }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

function namedIsSilent({ served }: Observation): boolean {
  return served?.kind === 'timeout' || served?.kind === 'unreachable' || served?.kind === 'tsig';
}

/** Why this pod's own named gives no serial; undefined: the zone is just not there yet. */
function ownSilence(
  { now, served }: Observation,
  { notLoaded }: TransferMemory,
): Failure | undefined {
  switch (served?.kind) {
    case 'timeout':
      return { at: now, reason: 'Timeout', detail: 'no answer on loopback' };
    case 'unreachable':
      return { at: now, reason: 'Unreachable', detail: served.message };
    case 'tsig':
      return { at: now, reason: 'TsigBadSignature', detail: served.error };
    case 'rcode':
      if (served.rcode !== 'SERVFAIL') return undefined;
      return notLoaded ?? { at: now, reason: 'NotLoaded', detail: 'SERVFAIL, see its log' };
    default:
      return undefined;
  }
}

function hasExpired({ expiredAt }: TransferMemory, { now, expiresAt }: Observation): boolean {
  return expiredAt !== undefined || (expiresAt !== undefined && expiresAt <= now);
}

function keyFor({ primaries }: Observation, { primary }: Failure): string | undefined {
  if (primary === undefined) return undefined;
  const id = endpointId(primary);
  return primaries.find(({ endpoint }) => endpointId(endpoint) === id)?.endpoint.key;
}

/** The serial of an authoritative answer. */
function serialOf(probe: SoaProbe | undefined): Serial | undefined {
  return probe?.kind === 'soa' && probe.authoritative ? probe.serial : undefined;
}
