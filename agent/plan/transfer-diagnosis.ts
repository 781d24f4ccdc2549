import { isNewer, type Serial } from '../dns/serial.ts';
import type { TransferReason } from '../report/zone-report.ts';
import { reasonOfRcode, reasonOfTsig } from './failure-reason.ts';
import { type Endpoint, endpointId } from './topology.ts';
import type { Failure, TransferMemory } from './transfer-memory.ts';
import type { PrimaryProbe, SoaProbe, TransferProbe } from './transfer-probe.ts';

/** How long every primary may be silent to the agent before that alone counts: named itself has not missed it yet. */
const patienceMs = 60_000;
/** Every pod has heard of an agreement by then. */
const HEAR_MS = 5000;

/** A primary of the zone, and what the agent itself got from it last. */
export interface ObservedPrimary {
  readonly endpoint: Endpoint;
  readonly probe?: PrimaryProbe;
}

interface Look {
  readonly now: number;
  readonly primaries: readonly ObservedPrimary[];
  /** The serial that was agreed on, where the zone's primaries agree. */
  readonly wanted?: Serial;
}

/**
 * Why a secondary's copy is not as it should be, or undefined where nothing speaks against it.
 *
 * | named's log says               | the agent's own question to that primary | then                                |
 * |--------------------------------|------------------------------------------|-------------------------------------|
 * | a failure                      | not asked, or answered well              | the log: named has tried the transfer |
 * | "tsig indicates error"         | BADKEY, BADSIG or BADTIME                | the question: named does not say which |
 * | unreachable (cached)           | fails too                                | the question: it has the cause       |
 * | a failure                      | failed before it                         | the log                              |
 * | a failure                      | fails since                              | the question: it is newer            |
 * | nothing                        | every primary fails                      | the question, where data are missing or after a minute |
 */
export function diagnose(memory: TransferMemory, look: Look): Failure | undefined {
  if (look.primaries.length === 0) {
    return { at: look.now, reason: 'NoPrimaries', detail: 'no primaries' };
  }
  const probes = look.primaries.map(({ endpoint, probe }) => ({
    id: endpointId(endpoint),
    probed: probe !== undefined,
    failure: probe === undefined ? undefined : failureOf(probe, endpoint, memory, look),
  }));
  const ids = new Set(['', ...probes.map(({ id }) => id)]);
  // Of primaries that the zone has no longer, nothing counts.
  const logged = [...memory.failures]
    .filter(([id, failure]) => ids.has(id) && !mayBeAhead(failure, memory, look))
    .map(([, failure]) => failure);
  const last = logged.sort((a, b) => b.at - a.at)[0];
  if (last !== undefined) {
    const id = last.primary === undefined ? '' : endpointId(last.primary);
    return better(last, probes.find((probe) => probe.id === id)?.failure);
  }
  if (probes.some(({ probed, failure }) => !probed || failure === undefined)) return undefined;
  const missing = memory.served === undefined || memory.unserved.length > 0;
  const lasting = look.now - (memory.failingSince ?? look.now) >= patienceMs;
  return missing || lasting ? probes[0]?.failure : undefined;
}

/** Did each primary that was asked fail the agent? False where none was asked. */
export function allFail(memory: TransferMemory, look: Look): boolean {
  const asked = look.primaries.filter(({ probe }) => probe !== undefined);
  return (
    asked.length > 0 &&
    asked.every(
      ({ endpoint, probe }) => probe && failureOf(probe, endpoint, memory, look) !== undefined,
    )
  );
}

function better(logged: Failure, probed: Failure | undefined): Failure {
  if (probed === undefined) return logged;
  const vague =
    logged.reason === 'UnreachableCached' ||
    (logged.reason === 'TsigBadSignature' && probed.reason.startsWith('Tsig'));
  return vague || probed.at > logged.at ? probed : logged;
}

function failureOf(
  { at, soa, transfer }: PrimaryProbe,
  primary: Endpoint,
  memory: TransferMemory,
  look: Look,
): Failure | undefined {
  const found = failureOfAnswer(soa, 'soa') ?? (transfer && failureOfAnswer(transfer, 'transfer'));
  if (found !== undefined) return { at, primary, ...found };
  if (soa.kind !== 'soa' || memory.served === undefined || isAsAgreed(look, memory))
    return undefined;
  const asked = memory.arrival === undefined || at > memory.arrival.at;
  if (!asked || !isNewer(memory.served, soa.serial)) return undefined;
  const detail = `serial ${soa.serial} there, ${memory.served} here`;
  return { at, primary, reason: 'SerialBehind', detail };
}

/** What was agreed on is served here: a primary that is behind that is late itself, and no failure of this copy. */
export const isAsAgreed = ({ wanted }: Pick<Look, 'wanted'>, { served }: TransferMemory): boolean =>
  wanted !== undefined && served === wanted;

/** The copy is newer than what this pod has heard that was agreed on: it may hear more in a moment. */
const mayBeAhead = (
  { reason, at }: Failure,
  { served }: TransferMemory,
  { wanted, now }: Look,
): boolean =>
  reason === 'SerialBehind' &&
  wanted !== undefined &&
  served !== undefined &&
  isNewer(served, wanted) &&
  now - at < HEAR_MS;

/** What an answer says against a server; undefined where it says nothing. */
export function failureOfAnswer(
  answer: SoaProbe | TransferProbe,
  phase: 'soa' | 'transfer',
): { readonly reason: TransferReason; readonly detail: string } | undefined {
  switch (answer.kind) {
    case 'rcode':
      return { reason: reasonOfRcode(answer.rcode, phase), detail: answer.rcode };
    case 'tsig':
      return { reason: reasonOfTsig(answer.error) ?? 'TsigBadSignature', detail: answer.error };
    case 'timeout':
      return { reason: 'Timeout', detail: 'no answer in time' };
    case 'unreachable':
      return { reason: 'Unreachable', detail: answer.message };
    case 'soa':
      return answer.authoritative
        ? undefined
        : { reason: 'NotAuthoritative', detail: 'the answer is not authoritative' };
    case 'formerr':
      return { reason: 'FormErr', detail: answer.message };
    case 'ok':
      return undefined;
  }
}
