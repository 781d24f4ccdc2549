import { type Parsed, type Problem, parsed, refused } from '../problem.ts';
import { classNumber, opcodeNumber, rcodeNumber, typeNumber } from './codes.ts';
import {
  type Draft,
  type Edns,
  type Flags,
  flagBits,
  type Question,
  type ResourceRecord,
} from './message.ts';
import type { DomainName } from './name.ts';
import { rdataToWire } from './rdata-to-wire.ts';
import { nameToWire, u16, u32 } from './wire.ts';

const optType = 41;
const longestMessage = 0xffff;

/** A query for one type at one name of class IN, not recursive. `udpSize`: with EDNS, offering that many octets. */
export function encodeQuery({
  id,
  name,
  type,
  udpSize,
}: {
  readonly id: number;
  readonly name: DomainName;
  readonly type: 'SOA' | 'AXFR' | 'IXFR' | 'NS' | 'TXT';
  readonly udpSize?: number;
}): Buffer {
  const edns =
    udpSize === undefined ? [] : [ednsToWire({ udpSize, version: 0, dnssecOk: false }, 0)];
  return Buffer.concat([
    ...[id, 0, 1, 0, 0, edns.length].map(u16),
    nameToWire(name),
    u16(typeNumber(type) ?? 0),
    u16(1),
    ...edns,
  ]);
}

/** Any message, names uncompressed, without a TSIG record (`signMessage` adds it). Problems name the section. */
export function encodeMessage(draft: Draft): Parsed<Buffer> {
  const problems: Problem[] = [];
  const taken = <T>(path: string, result: Parsed<T>, otherwise: T): T => {
    if (result.ok) return result.value;
    problems.push(...result.problems.map(({ problem }) => ({ path, problem })));
    return otherwise;
  };
  const none = Buffer.alloc(0);
  const { question = [], answer = [], authority = [], additional = [] } = draft;
  const questions = question.map((asked, index) =>
    taken(`question ${index + 1}`, questionToWire(asked), none),
  );
  const records = Object.entries({ answer, authority, additional }).flatMap(([section, list]) =>
    list.map((record, index) => taken(`${section} ${index + 1}`, recordToWire(record), none)),
  );
  const rcode = taken('rcode', known('rcode', draft.rcode ?? 'NOERROR', rcodeNumber), 0);
  const opcode = taken('opcode', known('opcode', draft.opcode ?? 'QUERY', opcodeNumber), 0);
  if (rcode > 15 && draft.edns === undefined) {
    problems.push({ path: 'rcode', problem: `want EDNS to carry ${draft.rcode}` });
  }
  const edns = draft.edns === undefined ? [] : [ednsToWire(draft.edns, rcode >> 4)];
  const flags = Object.entries(flagBits)
    .filter(([name]) => draft.flags?.[name as keyof Flags] === true)
    .reduce((bits, [, bit]) => bits | bit, (opcode << 11) | (rcode & 15));
  const counts = [question, answer, authority, [...additional, ...edns]].map(
    ({ length }) => length,
  );
  const message = Buffer.concat([
    ...[draft.id, flags, ...counts.map((count) => Math.min(count, 0xffff))].map(u16),
    ...questions,
    ...records,
    ...edns,
  ]);
  if (message.length > longestMessage) {
    problems.push({ path: '', problem: `want at most 65535 octets, got ${message.length}` });
  }
  return problems.length === 0 ? parsed(message) : { ok: false, problems };
}

function known(
  what: string,
  name: string,
  numberOf: (name: string) => number | undefined,
): Parsed<number> {
  const number = numberOf(name);
  return number === undefined ? refused('', `want a known ${what}, got "${name}"`) : parsed(number);
}

function typeAndClass(type: string, recordClass: string): Parsed<Buffer> {
  const first = known('type', type, typeNumber);
  const second = known('class', recordClass, classNumber);
  if (!first.ok) return first;
  return second.ok ? parsed(Buffer.concat([u16(first.value), u16(second.value)])) : second;
}

function questionToWire({ name, type, class: asked }: Question): Parsed<Buffer> {
  const codes = typeAndClass(type, asked);
  return codes.ok ? parsed(Buffer.concat([nameToWire(name), codes.value])) : codes;
}

function recordToWire(record: ResourceRecord): Parsed<Buffer> {
  const codes = typeAndClass(record.type, record.class);
  if (!codes.ok) return codes;
  const rdata =
    record.rdata === ''
      ? parsed(Buffer.alloc(0))
      : rdataToWire(record.type, record.class, record.rdata);
  if (!rdata.ok) return rdata;
  const { length } = rdata.value;
  if (length > longestMessage) return refused('', `want at most 65535 octets, got ${length}`);
  return parsed(
    Buffer.concat([
      nameToWire(record.owner),
      codes.value,
      u32(record.ttl),
      u16(length),
      rdata.value,
    ]),
  );
}

function ednsToWire({ udpSize, version, dnssecOk }: Edns, extendedRcode: number): Buffer {
  const flags = ((extendedRcode << 24) | (version << 16) | (dnssecOk ? 0x8000 : 0)) >>> 0;
  return Buffer.concat([Buffer.from([0]), u16(optType), u16(udpSize), u32(flags), u16(0)]);
}
