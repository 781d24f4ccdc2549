import type { ResourceRecord, SoaRdata } from './message.ts';
import { type Asked, type FormErr, type GoodReply, openReply, type ReplyFailure } from './reply.ts';
import { canonicalRRsets, type RRset } from './rrset.ts';

/** A zone, or the start of it, as it came by AXFR. */
export interface TransferredZone {
  readonly kind: 'ok';
  /** False where only the first message was wanted and more would have come. */
  readonly complete: boolean;
  readonly soa: SoaRdata;
  /** Seconds. */
  readonly soaTtl: number;
  /** In canonical order, the SOA not among them; of an incomplete transfer what its first message held. */
  readonly rrsets: readonly RRset[];
  /** The SOA not counted. */
  readonly records: number;
  readonly messages: number;
  readonly bytes: number;
}

/**
 * Takes the messages of one AXFR in their order (RFC 5936 section 2.2) and returns the outcome with the one that
 * decides it. `now` in seconds since the epoch.
 */
export type TransferReader = (
  bytes: Buffer,
  now: number,
) => TransferredZone | ReplyFailure | undefined;

export function transferReader(
  asked: Asked,
  { firstMessageOnly = false }: { readonly firstMessageOnly?: boolean } = {},
): TransferReader {
  const sets = new Map<string, Collected>();
  const progress: Progress = { messages: 0, bytes: 0, records: 0, ended: false };
  return (bytes, now) => {
    const reply = openReply(bytes, asked, now);
    if (reply.kind === 'stray') return formErr('a message that answers something else');
    if (reply.kind !== 'reply') return reply;
    progress.messages += 1;
    progress.bytes += bytes.length;
    const problem = takeRecords(reply.message.answer, asked, progress, sets);
    if (problem !== undefined) return formErr(problem);
    const outcome = progress.ended || firstMessageOnly ? finish(reply, progress) : undefined;
    return outcome?.kind === 'ok'
      ? { ...outcome, rrsets: canonicalRRsets(sets.values()) }
      : outcome;
  };
}

interface Progress {
  messages: number;
  bytes: number;
  records: number;
  ended: boolean;
  first?: { readonly soa: SoaRdata; readonly ttl: number };
}

interface Collected extends RRset {
  ttl: number;
  readonly rdata: string[];
}

/** Returns what is wrong, if anything is. */
function takeRecords(
  records: readonly ResourceRecord[],
  { name: zone }: Asked,
  progress: Progress,
  sets: Map<string, Collected>,
): string | undefined {
  for (const record of records) {
    if (progress.ended) return 'a record after the closing SOA';
    if (record.class !== 'IN') return `a record of class ${record.class}`;
    const soa = record.owner === zone ? record.soa : undefined;
    if (soa === undefined && progress.first !== undefined) {
      collect(record, sets);
      progress.records += 1;
    } else {
      const problem = takeSoa(soa, record.ttl, progress);
      if (problem !== undefined) return problem;
    }
  }
  return progress.first === undefined ? 'no SOA in the answer' : undefined;
}

function takeSoa(soa: SoaRdata | undefined, ttl: number, progress: Progress): string | undefined {
  if (soa === undefined) return 'the first record is not the SOA of the zone';
  const opened = progress.first?.soa.serial;
  if (opened === undefined) {
    progress.first = { soa, ttl };
    return undefined;
  }
  progress.ended = true;
  return soa.serial === opened
    ? undefined
    : `serial ${opened} at the start, ${soa.serial} at the end`;
}

function collect({ owner, type, ttl, rdata }: ResourceRecord, sets: Map<string, Collected>): void {
  const key = `${owner} ${type}`;
  const set = sets.get(key);
  if (set === undefined) {
    sets.set(key, { owner, type, ttl, rdata: [rdata] });
  } else {
    set.ttl = Math.min(set.ttl, ttl);
    set.rdata.push(rdata);
  }
}

function finish(
  { message, proven }: GoodReply,
  { messages, bytes, records, ended, first }: Progress,
): TransferredZone | ReplyFailure {
  if (first === undefined) return formErr('no SOA in the answer');
  // RFC 8945 section 5.3.1: the last message must be signed.
  if (!proven) return { kind: 'tsig', error: 'unsigned', by: 'client', rcode: message.rcode };
  return {
    kind: 'ok',
    complete: ended,
    soa: first.soa,
    soaTtl: first.ttl,
    rrsets: [],
    records,
    messages,
    bytes,
  };
}

const formErr = (message: string): FormErr => ({ kind: 'formerr', message });
