import { type Parsed, parsed, refused } from '../problem.ts';
import { className, opcodeName, rcodeName, typeName } from './codes.ts';
import {
  type Edns,
  type Flags,
  flagBits,
  type Message,
  type Question,
  type ResourceRecord,
  type SoaRdata,
} from './message.ts';
import type { DomainName } from './name.ts';
import { readRdata } from './rdata-from-wire.ts';
import { readTsig, type TsigRecord } from './tsig-record.ts';
import { Garbled, WireReader } from './wire.ts';

/** Reads a whole message. Whatever the octets are, it returns; a problem names the section and what is wrong there. */
export function decodeMessage(bytes: Buffer): Parsed<Message> {
  const place = { path: 'header' };
  try {
    return parsed(readMessage(new WireReader(bytes), place));
  } catch (error) {
    if (error instanceof Garbled) return refused(place.path, error.message);
    throw error;
  }
}

function readMessage(reader: WireReader, place: { path: string }): Message {
  const id = reader.u16();
  const bits = reader.u16();
  const counts = [reader.u16(), reader.u16(), reader.u16(), reader.u16()] as const;
  const question = times(counts[0], 'question', place, () => readQuestion(reader));
  const answer = times(counts[1], 'answer', place, () => readRecord(reader));
  const authority = times(counts[2], 'authority', place, () => readRecord(reader));
  const extras: Extras = {};
  const additional = times(counts[3], 'additional', place, () =>
    readAdditional(reader, extras),
  ).filter((record) => record !== undefined);
  place.path = '';
  if (reader.left > 0) throw new Garbled(`${reader.left} octets after the last record`);
  const { extendedRcode = 0, ...rest } = extras;
  return {
    id,
    opcode: opcodeName((bits >> 11) & 15),
    rcode: rcodeName((extendedRcode << 4) | (bits & 15)),
    flags: flagsOf(bits),
    question,
    answer,
    authority,
    additional,
    ...rest,
  };
}

function times<T>(count: number, section: string, place: { path: string }, read: () => T): T[] {
  const list: T[] = [];
  for (let index = 1; index <= count; index += 1) {
    place.path = `${section} ${index}`;
    list.push(read());
  }
  return list;
}

const flagsOf = (bits: number): Flags => ({
  response: (bits & flagBits.response) !== 0,
  authoritative: (bits & flagBits.authoritative) !== 0,
  truncated: (bits & flagBits.truncated) !== 0,
  recursionDesired: (bits & flagBits.recursionDesired) !== 0,
  recursionAvailable: (bits & flagBits.recursionAvailable) !== 0,
  authenticData: (bits & flagBits.authenticData) !== 0,
  checkingDisabled: (bits & flagBits.checkingDisabled) !== 0,
});

function readQuestion(reader: WireReader): Question {
  return { name: reader.name(), type: typeName(reader.u16()), class: className(reader.u16()) };
}

interface RecordHead {
  readonly owner: DomainName;
  readonly type: string;
  readonly classNumber: number;
  readonly ttl: number;
  readonly length: number;
}

const readHead = (reader: WireReader): RecordHead => ({
  owner: reader.name(),
  type: typeName(reader.u16()),
  classNumber: reader.u16(),
  ttl: reader.u32(),
  length: reader.u16(),
});

function readRecord(reader: WireReader): ResourceRecord {
  const head = readHead(reader);
  if (head.type === 'OPT' || head.type === 'TSIG') throw new Garbled(`a ${head.type} out of place`);
  return readRest(reader, head);
}

function readRest(
  reader: WireReader,
  { owner, type, classNumber, ttl, length }: RecordHead,
): ResourceRecord {
  const recordClass = className(classNumber);
  const rdata = within(reader, length, (inner) => rdataText(inner, type, recordClass));
  const record = {
    owner,
    type,
    class: recordClass,
    // RFC 2181 section 8: with the top bit set it counts as zero.
    ttl: ttl > 0x7fff_ffff ? 0 : ttl,
    rdata,
  };
  return type === 'SOA' && rdata !== '' ? { ...record, soa: soaOf(rdata) } : record;
}

// An update has records without rdata: "delete the whole set", "this name is in use" (RFC 2136 section 2.4 and 2.5).
const rdataText = (reader: WireReader, type: string, recordClass: string): string =>
  reader.left === 0 && (recordClass === 'ANY' || recordClass === 'NONE')
    ? ''
    : readRdata(reader, type, recordClass);

function within<T>(reader: WireReader, length: number, read: (inner: WireReader) => T): T {
  const start = reader.position;
  reader.take(length);
  return read(new WireReader(reader.bytes, start, start + length));
}

interface Extras {
  edns?: Edns;
  extendedRcode?: number;
  tsig?: TsigRecord;
  tsigStart?: number;
}

function readAdditional(reader: WireReader, extras: Extras): ResourceRecord | undefined {
  if (extras.tsig !== undefined) throw new Garbled('a record after the TSIG record');
  const start = reader.position;
  const head = readHead(reader);
  if (head.type === 'TSIG') {
    if (head.classNumber !== 255) throw new Garbled('a TSIG record of a class that is not ANY');
    extras.tsig = within(reader, head.length, (inner) => readTsig(inner, head.owner));
    extras.tsigStart = start;
    return undefined;
  }
  if (head.type !== 'OPT') return readRest(reader, head);
  if (extras.edns !== undefined) throw new Garbled('a second OPT record');
  reader.take(head.length);
  extras.extendedRcode = head.ttl >>> 24;
  extras.edns = {
    udpSize: head.classNumber,
    version: (head.ttl >>> 16) & 0xff,
    dnssecOk: (head.ttl & 0x8000) !== 0,
  };
  return undefined;
}

function soaOf(rdata: string): SoaRdata {
  const [mname = '.', rname = '.', ...numbers] = rdata.split(' ');
  const [serial = 0, refresh = 0, retry = 0, expire = 0, minimum = 0] = numbers.map(Number);
  return {
    mname: mname as DomainName,
    rname: rname as DomainName,
    serial,
    refresh,
    retry,
    expire,
    minimum,
  };
}
