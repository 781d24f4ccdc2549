import { isNewer, newest, type Serial } from '../dns/serial.ts';
import type { TransferMethod, TransferReason } from '../report/zone-report.ts';
import { type Endpoint, endpointId } from './topology.ts';
import type { TransferEvent } from './transfer-event.ts';

/** Why something about a zone's transfer did not work. Times are milliseconds since the epoch. */
export interface Failure {
  readonly at: number;
  readonly reason: TransferReason;
  /** named's or the server's own word for it. */
  readonly detail: string;
  /** Absent where it is no primary's fault: a key that is missing here, a quota of our own. */
  readonly primary?: Endpoint;
}

/** The last transfer that brought data. */
export interface Arrival {
  readonly at: number;
  readonly serial: Serial;
  readonly from?: string;
  readonly method?: Exclude<TransferMethod, 'Seed'>;
}

/** How the last attempt ended, for counting. */
export interface Attempt {
  readonly result: 'success' | 'not-needed' | 'failure';
  readonly reason?: TransferReason;
  readonly method?: Exclude<TransferMethod, 'Seed'>;
  readonly seconds: number;
  readonly bytes: number;
}

/** What is remembered of the transfers of one zone into this pod. */
export interface TransferMemory {
  readonly running?: {
    readonly since: number;
    readonly from?: Endpoint;
    readonly ending?: Omit<Attempt, 'seconds' | 'bytes'>;
  };
  readonly arrival?: Arrival;
  readonly attempt?: Attempt;
  /** By primary (`endpointId`), or `''`; only since the last success. */
  readonly failures: ReadonlyMap<string, Failure>;
  readonly loadProblem?: string;
  readonly notLoaded?: Failure;
  readonly expiredAt?: number;
  /** The serial that this pod was last seen serving. */
  readonly served?: Serial;
  /** Newer serials that primaries are known to have, the oldest first, and since when each is known. */
  readonly unserved: readonly { readonly serial: Serial; readonly since: number }[];
  /** When the pod's own answers were last looked at, and until when the data were good then. */
  readonly seenAt?: number;
  readonly expiresAt?: number;
  /** Since when all of the zone's primaries fail the agent when it asks. */
  readonly failingSince?: number;
}

export const noMemory: TransferMemory = { failures: new Map(), unserved: [] };

/**
 * What is known of a zone's transfers after one more line of the log.
 *
 * @param journalTouched of a `transfer-completed`: the zone's journal exists now and is not older than the transfer.
 *   An IXFR writes it; an AXFR removes it and writes the file anew (BIND 9.18, 9.20). Its time alone would not tell:
 *   a refresh that finds nothing new sets it as well.
 */
export function remember(
  memory: TransferMemory,
  event: TransferEvent,
  journalTouched?: boolean,
): TransferMemory {
  switch (event.kind) {
    case 'transfer-started':
      return { ...withoutFailure(memory, ''), running: { since: event.at } };
    case 'transfer-connected':
      return { ...memory, running: { since: event.at, ...memory.running, from: endpoint(event) } };
    case 'transferred':
      return arrived(memory, event);
    case 'transfer-not-needed':
      return { ...proven(memory), running: ending(memory, event.at, { result: 'not-needed' }) };
    case 'transfer-failed':
      return {
        ...failed(memory, event, endpoint(event)),
        running: ending(memory, event.at, { result: 'failure', reason: event.reason }),
      };
    case 'transfer-completed':
      return completed(memory, event, journalTouched);
    case 'refresh-failed':
      return failed(memory, event, endpoint(event));
    case 'serial-behind': {
      const detail = `serial ${event.theirs} there, ${event.ours} here`;
      return failed(memory, { at: event.at, reason: 'SerialBehind', detail }, endpoint(event));
    }
    case 'transfer-deferred':
      return failed(memory, { at: event.at, reason: 'QuotaDeferred', detail: event.detail });
    case 'key-missing':
      return failed(memory, { at: event.at, reason: 'TsigUnknownKey', detail: event.key });
    case 'no-primaries':
      return failed(memory, { at: event.at, reason: 'NoPrimaries', detail: 'no primaries' });
    case 'expired':
      return { ...memory, expiredAt: event.at };
    case 'load-problem':
      return { ...memory, loadProblem: event.detail };
    case 'not-loaded': {
      const detail = memory.loadProblem ?? 'see its log';
      return { ...memory, notLoaded: { at: event.at, reason: 'NotLoaded', detail } };
    }
    case 'loaded': {
      const { notLoaded: _, loadProblem: __, running: ___, ...rest } = memory;
      return rest;
    }
    case 'notified':
      return event.serial === undefined ? memory : noteSerial(memory, event.serial, event.at);
    case 'transfer-succeeded':
    case 'notify-refused':
    case 'send-started':
    case 'send-ended':
    case 'send-refused':
    case 'bad-signature':
      return memory;
  }
}

/** Remembers that a primary has this serial, unless one as new is served or known already. */
export function noteSerial(memory: TransferMemory, serial: Serial, at: number): TransferMemory {
  const known = newest(memory.served, memory.unserved.at(-1)?.serial);
  if (known !== undefined && !isNewer(serial, known)) return memory;
  // The first and the last are what lag is told from; the list must not grow while nothing is transferred.
  const kept = memory.unserved.slice(0, 15);
  return { ...memory, unserved: [...kept, { serial, since: at }] };
}

/** named was started anew: what it was doing ended with it. */
export function afterRestart(memory: TransferMemory): TransferMemory {
  const { running: _, ...rest } = memory;
  return rest;
}

/** How the last attempt ended was counted, and is of no more use. */
export function attemptCounted(memory: TransferMemory): TransferMemory {
  const { attempt: _, ...rest } = memory;
  return rest;
}

/** Everything that a success disproves is forgotten. */
export function proven(memory: TransferMemory): TransferMemory {
  const { expiredAt: _, failingSince: __, ...rest } = memory;
  return memory.failures.size === 0 ? rest : { ...rest, failures: noMemory.failures };
}

function arrived(
  memory: TransferMemory,
  { at, serial }: { readonly at: number; readonly serial: Serial },
): TransferMemory {
  const from = memory.running?.from?.address;
  return {
    ...proven(memory),
    arrival: { at, serial, ...(from !== undefined && { from }) },
    running: ending(memory, at, { result: 'success' }),
  };
}

function completed(
  memory: TransferMemory,
  { seconds, bytes }: { readonly seconds: number; readonly bytes: number },
  journalTouched: boolean | undefined,
): TransferMemory {
  const { running, ...rest } = memory;
  if (running?.ending === undefined) return rest;
  const attempt = { ...running.ending, seconds, bytes };
  if (attempt.result !== 'success' || journalTouched === undefined) return { ...rest, attempt };
  const method = journalTouched ? 'IXFR' : 'AXFR';
  const { arrival } = memory;
  return {
    ...rest,
    attempt: { ...attempt, method },
    ...(arrival !== undefined && { arrival: { ...arrival, method } }),
  };
}

function ending(
  { running }: TransferMemory,
  at: number,
  how: Omit<Attempt, 'seconds' | 'bytes'>,
): NonNullable<TransferMemory['running']> {
  return { since: at, ...running, ending: how };
}

/** One attempt asks for the SOA, then for the zone, and may log a failure of both. */
const sameAttemptMs = 5_000;

/** What says most about the cause, first. */
const telling: readonly TransferReason[] = [
  'TsigBadTime',
  'TsigUnknownKey',
  'TsigBadSignature',
  'NotAuthoritative',
  'Refused',
];

function failed(
  memory: TransferMemory,
  { at, reason, detail }: Pick<Failure, 'at' | 'reason' | 'detail'>,
  primary?: Endpoint,
): TransferMemory {
  const id = primary === undefined ? '' : endpointId(primary);
  const before = memory.failures.get(id);
  const failure = { at, reason, detail, ...(primary !== undefined && { primary }) };
  const kept =
    before !== undefined && at - before.at < sameAttemptMs && rank(before.reason) < rank(reason)
      ? before
      : failure;
  return { ...memory, failures: new Map(memory.failures).set(id, kept) };
}

const rank = (reason: TransferReason): number => {
  const at = telling.indexOf(reason);
  return at < 0 ? telling.length : at;
};

export function withoutFailure(memory: TransferMemory, id: string): TransferMemory {
  if (!memory.failures.has(id)) return memory;
  return withFailures(
    memory,
    [...memory.failures].filter(([each]) => each !== id),
  );
}

/** With these alone; thousands of zones without any share what is then kept. */
export const withFailures = (
  memory: TransferMemory,
  failures: readonly (readonly [string, Failure])[],
): TransferMemory => ({
  ...memory,
  failures: failures.length === 0 ? noMemory.failures : new Map(failures),
});

const endpoint = ({ primary, port }: { primary: string; port: number }): Endpoint => ({
  address: primary,
  port,
});
