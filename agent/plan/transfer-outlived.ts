import { isNewer, type Serial } from '../dns/serial.ts';
import { orNone } from './alike.ts';
import { endpointId } from './topology.ts';
import { isAsAgreed, type ObservedPrimary } from './transfer-diagnosis.ts';
import {
  noMemory,
  proven,
  type TransferMemory,
  withFailures,
  withoutFailure,
} from './transfer-memory.ts';
import type { PrimaryProbe } from './transfer-probe.ts';

interface Look {
  readonly primaries: readonly ObservedPrimary[];
  readonly expiresAt?: number;
}

/** A later expiry than at the last look: named has refreshed since, and what failed before that look is outlived. */
export function forgetOutlived(
  memory: TransferMemory,
  { expiresAt, primaries }: Look,
): TransferMemory {
  const before = memory.expiresAt;
  let next = expiresAt === undefined ? memory : { ...memory, expiresAt };
  if (before !== undefined && expiresAt !== undefined && expiresAt > before) {
    const late = [...memory.failures].filter(([, { at }]) => at > (memory.seenAt ?? 0));
    next = withFailures(proven(next), late);
  }
  for (const { endpoint, probe } of primaries) {
    const id = endpointId(endpoint);
    if (probe !== undefined && disproves(probe, next, id)) next = withoutFailure(next, id);
  }
  return next;
}

/** A primary that is behind what was agreed on, and is served here, is late; it is told of its own copy. */
export function withoutLate(
  memory: TransferMemory,
  look: { readonly wanted?: Serial },
): TransferMemory {
  const others = [...memory.failures].filter(([, { reason }]) => reason !== 'SerialBehind');
  return others.length === memory.failures.size || !isAsAgreed(look, memory)
    ? memory
    : withFailures(memory, others);
}

/** The primary answered after the failure, and has nothing that is not served here. */
function disproves(probe: PrimaryProbe, memory: TransferMemory, id: string): boolean {
  const failure = memory.failures.get(id);
  if (failure === undefined || probe.at <= failure.at) return false;
  if (probe.soa.kind !== 'soa' || !probe.soa.authoritative) return false;
  return probe.soa.serial === memory.served;
}

/** The zone is served with this serial: what is older is no longer waited for. */
export function serving(memory: TransferMemory, served: Serial): TransferMemory {
  const { expiredAt: _, ...rest } = memory;
  const unserved = memory.unserved.filter(({ serial }) => isNewer(serial, served));
  return { ...rest, served, unserved: orNone(unserved) };
}

/** Asked before the last transfer came: its serial is history. */
export function outdated({ arrival }: TransferMemory, { at }: PrimaryProbe): boolean {
  return arrival !== undefined && at < arrival.at;
}

/** Serials that no primary has any more, e.g. of one that died before anyone took them, are not waited for. */
export function withoutPhantoms(memory: TransferMemory, { primaries }: Look): TransferMemory {
  const { served, unserved } = memory;
  const last = unserved.at(-1);
  if (served === undefined || last === undefined || primaries.length === 0) return memory;
  const gone = primaries.every(
    ({ probe }) =>
      probe?.soa.kind === 'soa' &&
      probe.soa.authoritative &&
      probe.at > last.since &&
      !isNewer(probe.soa.serial, served),
  );
  return gone ? { ...memory, unserved: noMemory.unserved } : memory;
}
