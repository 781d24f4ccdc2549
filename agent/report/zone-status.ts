import { toSeconds } from '../clock.ts';
import { isNewer, newest, type Serial } from '../dns/serial.ts';
import { reasonOfTsig } from '../plan/failure-reason.ts';
import type { Registration, Role } from '../plan/registration.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';
import { isObject } from '../resources/got.ts';
import { type Findings, judgeZone } from './zone-conditions.ts';
import type { CopyState } from './zone-copy.ts';
import type { Transfer, TransferReason, TransferState, ZoneReport } from './zone-report.ts';
import { behindSince, worstReason } from './zone-summary.ts';

/** One pod that should serve the zone, as the speaker sees it. */
export interface SeenCopy {
  readonly pod: Registration;
  readonly role: Role;
  readonly live: boolean;
  /** What the pod answers on the wire; absent: it was not asked, being gone. */
  readonly wire: SoaProbe | undefined;
  /** What the pod says of its own copy; absent: its feed does not answer, or does not know the zone. */
  readonly copy: CopyState | undefined;
}

export interface ReportInput extends Findings {
  readonly self: string;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly observedGeneration: number | undefined;
  readonly copies: readonly SeenCopy[];
  readonly before: ZoneReport | undefined;
}

/** The report of one zone by its speaker. The wire decides what is served; the pods' own words tell why and since when. */
export function reportOf(input: ReportInput): ZoneReport {
  const { self, copies, observedGeneration, before } = input;
  const now = toSeconds(new Date(input.now).toISOString());
  const serial = newestServed(copies);
  const told = new Map(before?.transfers.map((transfer) => [transfer.pod, transfer]));
  const transfers = copies
    .filter(({ live }) => live)
    .map((seen) => transferOf(seen, serial, told.get(seen.pod.pod), now));
  const secondaries = transfers.filter(({ role }) => role === 'secondary');
  const conditions = judgeZone({
    findings: input,
    transfers,
    serial,
    observedGeneration,
    now,
    before: before?.conditions ?? [],
  });
  const behind = behindSince(copies, transfers, before, now);
  const worst = worstReason(conditions, transfers);
  return {
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    secondaryIps: secondaries.map(({ ip }) => ip).sort(),
    secondaryCount: secondaries.length,
    ...(serial === undefined ? {} : { serial }),
    ...(behind === undefined ? {} : { behindSince: toSeconds(behind) }),
    ...(worst === undefined ? {} : { worstReason: worst }),
    reportedBy: self,
    reportedTime: now,
    transfers,
    conditions,
  };
}

/**
 * Whether writing the new report would tell anything. When a copy expires moves with every refresh and is not worth a
 * write to every watcher by itself; it is brought up to date with whatever else changes, and before half of the time
 * that is left to the copy has gone by: a time that has passed must not stand beside a copy that is well.
 */
export function sameReport(published: ZoneReport, now: ZoneReport): boolean {
  return isSame(comparable(published), comparable(now)) && !expiryIsStale(published, now);
}

function expiryIsStale(published: ZoneReport, now: ZoneReport): boolean {
  const told = new Map(published.transfers.map(({ pod, expiresAt }) => [pod, expiresAt]));
  return now.transfers.some(({ pod, expiresAt }) => {
    const before = told.get(pod);
    if (expiresAt === undefined || before === undefined) return expiresAt !== before;
    const left = Date.parse(expiresAt) - Date.parse(now.reportedTime);
    return Date.parse(expiresAt) - Date.parse(before) > Math.max(left / 2, shortestDriftMs);
  });
}

/** A zone that lives for seconds only is not written for each of its refreshes either. */
const shortestDriftMs = 60_000;

/** The API server keeps entries in an order of its own. */
function comparable({ reportedTime: _, transfers, conditions, ...report }: ZoneReport): object {
  return {
    ...report,
    transfers: transfers
      .map(({ expiresAt: __, ...transfer }) => transfer)
      .sort((a, b) => (a.pod < b.pod ? -1 : 1)),
    conditions: conditions.toSorted((a, b) => (a.type < b.type ? -1 : 1)),
  };
}

/** A field that is undefined is as good as none. */
function isSame(a: unknown, b: unknown): boolean {
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((each, index) => isSame(each, b[index]));
  if (!isObject(a) || !isObject(b)) return a === b;
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...names].every((name) => isSame(a[name], b[name]));
}

/** Of the primaries; of the secondaries where the primaries are outside or none answers. */
function newestServed(copies: readonly SeenCopy[]): Serial | undefined {
  const of = (role: Role) =>
    newest(...copies.filter((each) => each.role === role).map((each) => servedSerial(each)));
  return of('primary') ?? of('secondary');
}

const servedSerial = ({ wire, live }: SeenCopy): Serial | undefined =>
  live && wire?.kind === 'soa' && wire.authoritative ? wire.serial : undefined;

function transferOf(
  seen: SeenCopy,
  newestSerial: Serial | undefined,
  before: Transfer | undefined,
  now: string,
): Transfer {
  const { pod, role, copy } = seen;
  const serial = servedSerial(seen);
  const verdict = serial === undefined ? absent(seen) : present(serial, newestSerial, copy);
  const { from, method, lastTransferTime, expiresAt: told } = provenance(seen, serial, before);
  const expiresAt = copy?.expiresAt ?? (told !== undefined && told > now ? told : undefined);
  return {
    pod: pod.pod,
    instance: pod.instance,
    role,
    ip: pod.ips[0] ?? '',
    state: verdict.state,
    ...(serial === undefined ? {} : { serial }),
    ...(from === undefined ? {} : { from }),
    ...(method === undefined ? {} : { method }),
    ...(lastTransferTime === undefined ? {} : { lastTransferTime: toSeconds(lastTransferTime) }),
    ...(expiresAt === undefined ? {} : { expiresAt: toSeconds(expiresAt) }),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
  };
}

/**
 * Where the data came from, and until when they are good. What a pod says of another serial than it answers with is older
 * than its answer. An agent that was restarted, or does not answer, does not know it of data that came before; what was told
 * of this serial then still holds.
 */
function provenance(
  { copy, role }: SeenCopy,
  serial: Serial | undefined,
  before: Transfer | undefined,
): Pick<Transfer, 'from' | 'method' | 'lastTransferTime' | 'expiresAt'> {
  const isOfThis = serial === undefined || copy?.serial === serial;
  const own: Partial<CopyState> = isOfThis ? (copy ?? {}) : {};
  if (own.from !== undefined || own.method !== undefined) return own;
  return before?.role === role && before.serial === serial ? before : own;
}

interface Verdict {
  readonly state: TransferState;
  readonly reason?: TransferReason;
  readonly message?: string;
}

/** The pod answers with a serial. What it says of itself may be a moment older than its answer. */
function present(
  serial: Serial,
  newestSerial: Serial | undefined,
  copy: CopyState | undefined,
): Verdict {
  const behind = newestSerial !== undefined && isNewer(newestSerial, serial);
  if (copy?.state === 'Failing' || copy?.state === 'Transferring')
    return behind || copy.state === 'Failing' ? ownWords(copy) : { state: 'Current' };
  return { state: behind ? 'Lagging' : 'Current' };
}

/** The pod gives no serial: its own words tell why, where it has any; else the answer does. */
function absent({ pod, wire, copy }: SeenCopy): Verdict {
  const where = `${pod.ips[0]} port ${pod.dnsPort}`;
  switch (wire?.kind) {
    case 'timeout':
      return failing('Timeout', `pod ${pod.pod} does not answer queries at ${where}`);
    case 'unreachable':
      return failing(
        'Unreachable',
        `pod ${pod.pod} cannot be reached at ${where}: ${wire.message}`,
      );
    case 'tsig': {
      const reason = reasonOfTsig(wire.error) ?? 'TsigBadSignature';
      return failing(reason, `pod ${pod.pod} does not accept our signature: ${wire.error}`);
    }
    case 'rcode':
      if (copy !== undefined && copy.state !== 'Current') return ownWords(copy);
      return wire.rcode === 'SERVFAIL'
        ? failing('NotLoaded', `pod ${pod.pod} has the zone but cannot serve it (SERVFAIL)`)
        : { state: 'Pending' };
    case 'soa':
    case undefined:
      return copy !== undefined && copy.state !== 'Current' ? ownWords(copy) : { state: 'Pending' };
  }
}

const ownWords = ({ state, reason, message }: CopyState): Verdict => ({
  state,
  ...(reason === undefined ? {} : { reason }),
  ...(message === undefined ? {} : { message }),
});

const failing = (reason: TransferReason, message: string): Verdict => ({
  state: 'Failing',
  reason,
  message,
});
