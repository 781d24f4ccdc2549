import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeMessage } from '../../agent/dns/decode-message.ts';
import { encodeMessage, encodeQuery } from '../../agent/dns/encode-message.ts';
import type { Draft, Message, ResourceRecord } from '../../agent/dns/message.ts';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import { nameToWire, WireReader } from '../../agent/dns/wire.ts';
import type { Parsed } from '../../agent/problem.ts';

const name = (text: string): DomainName => value(parseName(text));

function value<T>(result: Parsed<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.value;
}

const decoded = (bytes: Buffer): Message => value(decodeMessage(bytes));

const problemOf = (result: Parsed<unknown>): string =>
  result.ok ? 'none' : result.problems.map(({ path, problem }) => `${path}: ${problem}`).join('; ');

/** A response to `a.test. SOA` with this answer section, given in octets. */
function responseWith(answers: readonly Buffer[]): Buffer {
  const bytes = encodeQuery({ id: 7, name: name('a.test'), type: 'SOA' });
  bytes.writeUInt16BE(0x8400, 2);
  bytes.writeUInt16BE(answers.length, 6);
  return Buffer.concat([bytes, ...answers]);
}

/** A record at `a.test.`, by a pointer to the question. */
function record(type: number, rdata: string): Buffer {
  const octets = Buffer.from(rdata.replace(/\s/g, ''), 'hex');
  const head = Buffer.from('c00c000000010000012c0000', 'hex');
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(octets.length, 10);
  return Buffer.concat([head, octets]);
}

const rdataOf = (type: number, rdata: string): string =>
  decoded(responseWith([record(type, rdata)])).answer[0]?.rdata ?? '';

const labelBytes = fc.uint8Array({ minLength: 1, maxLength: 20 });

/** Names of any octets, in canonical text, by way of their wire form. */
const anyName = fc.array(labelBytes, { maxLength: 6 }).map((labels) => {
  const wire = Buffer.concat([
    ...labels.map((label) => Buffer.from([label.length, ...label])),
    Buffer.from([0]),
  ]);
  return new WireReader(wire).name();
});

const quotedString = fc
  .uint8Array({ maxLength: 40 })
  .map((octets) => rdataOf(16, Buffer.from([octets.length, ...octets]).toString('hex')));

const u16 = fc.integer({ min: 0, max: 0xffff });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

const rdataByType: Readonly<Record<string, fc.Arbitrary<string>>> = {
  A: fc.ipV4(),
  AAAA: fc
    .uint8Array({ minLength: 16, maxLength: 16 })
    .map((octets) => rdataOf(28, Buffer.from(octets).toString('hex'))),
  NS: anyName,
  CNAME: anyName,
  PTR: anyName,
  DNAME: anyName,
  MX: fc.tuple(u16, anyName).map((fields) => fields.join(' ')),
  SRV: fc.tuple(u16, u16, u16, anyName).map((fields) => fields.join(' ')),
  SOA: fc.tuple(anyName, anyName, u32, u32, u32, u32, u32).map((fields) => fields.join(' ')),
  TXT: fc.array(quotedString, { minLength: 1, maxLength: 3 }).map((strings) => strings.join(' ')),
  CAA: fc
    .tuple(fc.integer({ min: 0, max: 255 }), fc.constantFrom('issue', 'iodef'), quotedString)
    .map((fields) => fields.join(' ')),
  SSHFP: fc
    .uint8Array({ minLength: 1, maxLength: 30 })
    .map((octets) => `\\# ${octets.length} ${Buffer.from(octets).toString('hex').toUpperCase()}`),
  TYPE65400: fc.constant('\\# 1 2A'),
};

const anyRecord: fc.Arbitrary<Omit<ResourceRecord, 'soa'>> = fc
  .constantFrom(...Object.keys(rdataByType))
  .chain((type) =>
    fc.record({
      owner: anyName,
      type: fc.constant(type),
      class: fc.constantFrom('IN', 'NONE'),
      ttl: fc.integer({ min: 0, max: 0x7fff_ffff }),
      rdata: rdataByType[type] ?? fc.constant(''),
    }),
  );

const section = fc.array(anyRecord, { maxLength: 4 });

const anyDraft: fc.Arbitrary<Draft> = fc.record({
  id: u16,
  opcode: fc.constantFrom('QUERY', 'NOTIFY', 'UPDATE'),
  rcode: fc.constantFrom('NOERROR', 'REFUSED', 'NOTAUTH', 'BADVERS'),
  flags: fc.record({
    response: fc.boolean(),
    authoritative: fc.boolean(),
    truncated: fc.boolean(),
    recursionDesired: fc.boolean(),
    recursionAvailable: fc.boolean(),
    authenticData: fc.boolean(),
    checkingDisabled: fc.boolean(),
  }),
  question: fc.array(
    fc.record({
      name: anyName,
      type: fc.constantFrom('SOA', 'ANY', 'TYPE999'),
      class: fc.constantFrom('IN', 'CH'),
    }),
    { maxLength: 2 },
  ),
  answer: section,
  authority: section,
  additional: section,
  edns: fc.record({ udpSize: u16, version: fc.constant(0), dnssecOk: fc.boolean() }),
});

const withoutSoa = ({ soa: _, ...rest }: ResourceRecord): Omit<ResourceRecord, 'soa'> => rest;

describe('a message', () => {
  test('comes back as it was sent, whatever it holds', () => {
    fc.assert(
      fc.property(anyDraft, (draft) => {
        const { answer, authority, additional, ...rest } = decoded(value(encodeMessage(draft)));
        const back = {
          ...rest,
          answer: answer.map(withoutSoa),
          authority: authority.map(withoutSoa),
          additional: additional.map(withoutSoa),
        };
        expect(back).toEqual(draft);
      }),
      { numRuns: 200 },
    );
  });

  test('of random octets is read or refused, never thrown over', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (octets) => {
        expect(typeof decodeMessage(Buffer.from(octets)).ok).toBe('boolean');
      }),
      { numRuns: 3000 },
    );
  });

  test('that was damaged on its way is read or refused, never thrown over', () => {
    const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(anyDraft, damage, fc.nat(), (draft, changes, length) => {
        const bytes = value(encodeMessage(draft));
        for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
        for (const cut of [bytes, bytes.subarray(0, length % bytes.length)]) {
          expect(typeof decodeMessage(cut).ok).toBe('boolean');
        }
      }),
      { numRuns: 500 },
    );
  });

  test('with a name that points to itself, forwards, or in a circle is refused', () => {
    const at = responseWith([]).length;
    const pointer = (target: number) => (0xc000 | target).toString(16);
    for (const owner of [pointer(at), pointer(at + 2), `0161${pointer(at)}`]) {
      const bytes = responseWith([Buffer.from(`${owner}00010001000000000004c0000201`, 'hex')]);
      expect(problemOf(decodeMessage(bytes))).toMatch(
        /answer 1: a name at octet \d+ points forwards or to itself/,
      );
    }
  });

  test('with ladders of pointers costs no time and is refused', () => {
    const ladder = Array.from({ length: 8000 }, (_, step) => 0xc000 | Math.max(12, step * 2 + 10));
    const bytes = Buffer.concat([
      Buffer.from('000784000000ffff00000000', 'hex'),
      Buffer.concat(ladder.map((pointer) => Buffer.from(pointer.toString(16), 'hex'))),
    ]);
    const started = performance.now();
    expect(decodeMessage(bytes).ok).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('tells where it is wrong', () => {
    expect(problemOf(decodeMessage(Buffer.alloc(5)))).toBe('header: cut short at octet 4');
    const whole = responseWith([record(1, 'c0000201')]);
    expect(problemOf(decodeMessage(whole.subarray(0, -1)))).toMatch(
      /^answer 1: cut short at octet/,
    );
    expect(problemOf(decodeMessage(Buffer.concat([whole, Buffer.alloc(3)])))).toBe(
      ': 3 octets after the last record',
    );
    expect(problemOf(decodeMessage(responseWith([record(1, 'c000020100')])))).toBe(
      'answer 1: 1 octets too many in the rdata of a A',
    );
    expect(problemOf(decodeMessage(responseWith([record(250, '00')])))).toBe(
      'answer 1: a TSIG out of place',
    );
  });
});

describe('rdata', () => {
  test('is shown in its own form, names written out in lower case', () => {
    expect(
      rdataOf(6, '024e53c00c 0541646d696ec00c 00000007 00000e10 00000258 00015180 0000012c'),
    ).toBe('ns.a.test. admin.a.test. 7 3600 600 86400 300');
    expect(rdataOf(16, '03 61 22 5c 02 c3 a9 00')).toBe(String.raw`"a\"\\" "\195\169" ""`);
    expect(rdataOf(257, '80 05 6973737565 63612e746573743b20783d79')).toBe(
      '128 issue "ca.test; x=y"',
    );
    expect(rdataOf(28, '20010db8 00000000 00000000 00000001')).toBe('2001:db8::1');
  });

  test('of other types is shown as RFC 3597 says, compressed names of the old ones written out', () => {
    expect(rdataOf(44, '0101abcdef')).toBe(String.raw`\# 5 0101ABCDEF`);
    expect(rdataOf(65400, '')).toBe(String.raw`\# 0`);
    // RP: two names, of which the first is a pointer.
    expect(rdataOf(17, 'c00c 0178c00c')).toBe(
      String.raw`\# 18 016104746573740001780161047465737400`,
    );
  });

  test('of a SOA comes in parts, too', () => {
    const [answer] = decoded(
      responseWith([record(6, 'c00c c00c 80000001 00000e10 00000258 00015180 0000012c')]),
    ).answer;
    expect(answer?.soa).toEqual({
      mname: 'a.test.',
      rname: 'a.test.',
      serial: 2_147_483_649,
      refresh: 3600,
      retry: 600,
      expire: 86_400,
      minimum: 300,
    });
  });

  test('that cannot be sent is refused, each with its place', () => {
    const of = (type: string, rdata: string): ResourceRecord => ({
      owner: name('a.test'),
      type,
      class: 'IN',
      ttl: 300,
      rdata,
    });
    const answer = [
      of('A', '192.0.2.256'),
      of('AAAA', '::1'),
      of('MX', '65536 mail.'),
      of('TXT', '"a'),
      of('SSHFP', '1 1 ab'),
      of('SSHFP', String.raw`\# 2 ab`),
      of('SRV', '1 2 3'),
      of('NOPE', 'x'),
    ];
    const told = problemOf(encodeMessage({ id: 1, answer })).split('; ');
    expect(told).toEqual([
      'answer 1: want an IPv4 address, got "192.0.2.256"',
      'answer 3: want 0 to 65535, got "65536"',
      'answer 4: want words and quoted strings, got a lone quote',
      String.raw`answer 5: want rdata of type SSHFP as \# length hex`,
      String.raw`answer 6: want \# length hex, with as many octets as the length says`,
      'answer 7: want 4 fields in SRV, got 3',
      'answer 8: want a known type, got "NOPE"',
    ]);
  });
});

test('a name of any octets has one text, which parseName reads as the same name', () => {
  fc.assert(
    fc.property(anyName, (text) => {
      expect(parseName(text)).toEqual({ ok: true, value: text });
      expect(new WireReader(nameToWire(text)).name()).toBe(text);
    }),
    { numRuns: 500 },
  );
});

test('an update without rdata deletes: class ANY and NONE keep it empty', () => {
  const authority = ['ANY', 'NONE'].map((recordClass) => ({
    owner: name('www.a.test'),
    type: 'A',
    class: recordClass,
    ttl: 0,
    rdata: '',
  }));
  const bytes = value(encodeMessage({ id: 1, opcode: 'UPDATE', authority }));
  expect(decoded(bytes).authority).toEqual(authority);
});

test('a message over 65,535 octets is refused', () => {
  const long = `"${'x'.repeat(255)}"`;
  const answer = Array.from({ length: 250 }, () => ({
    owner: name('a.test'),
    type: 'TXT',
    class: 'IN',
    ttl: 1,
    rdata: long,
  }));
  expect(problemOf(encodeMessage({ id: 1, answer }))).toMatch(/want at most 65535 octets, got \d+/);
});
