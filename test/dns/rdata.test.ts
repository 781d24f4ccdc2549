import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatRdata, type RdataFields } from '../../agent/dns/rdata.ts';
import type { RRset } from '../../agent/dns/rrset.ts';
import { example, name, throughBind } from './bind.ts';

const format = (fields: RdataFields): string => {
  const formatted = formatRdata(fields, example);
  if (!formatted.ok) throw new Error(JSON.stringify(formatted.problems));
  return formatted.value;
};

const refusal = (fields: RdataFields): string[] => {
  const formatted = formatRdata(fields, example);
  return formatted.ok ? [] : formatted.problems.map(({ path, problem }) => `${path}: ${problem}`);
};

describe('rdata', () => {
  test.each<[RdataFields, string]>([
    [{ type: 'A', address: '192.0.2.1' }, '192.0.2.1'],
    [{ type: 'AAAA', address: '2001:DB8:0:0:0:0:0:1' }, '2001:db8::1'],
    [{ type: 'AAAA', address: '2001:db8:0:1:1:1:1:1' }, '2001:db8:0:1:1:1:1:1'],
    [{ type: 'AAAA', address: '2001:0:0:1:0:0:0:1' }, '2001:0:0:1::1'],
    [{ type: 'AAAA', address: '2001:db8:0:0:1:0:0:1' }, '2001:db8::1:0:0:1'],
    [{ type: 'AAAA', address: '::FFFF:192.0.2.1' }, '::ffff:192.0.2.1'],
    [{ type: 'AAAA', address: '0::0' }, '::'],
    [{ type: 'CNAME', target: 'www' }, 'www.example.com.'],
    [{ type: 'CNAME', target: '@' }, 'example.com.'],
    [{ type: 'CNAME', target: 'WWW.Example.NET.' }, 'www.example.net.'],
    [{ type: 'CNAME', target: 'www.example.net' }, 'www.example.net.'],
    [{ type: 'PTR', target: 'host' }, 'host.example.com.'],
    [{ type: 'NS', nameserver: 'ns1.example.net.' }, 'ns1.example.net.'],
    [{ type: 'MX', priority: 10, mailServer: 'mail' }, '10 mail.example.com.'],
    [{ type: 'MX', priority: 0, mailServer: '.' }, '0 .'],
    [
      { type: 'SRV', priority: 1, weight: 2, port: 5060, target: 'sip' },
      '1 2 5060 sip.example.com.',
    ],
    [
      { type: 'CAA', flags: 128, tag: 'issue', value: 'ca.example; x="y"' },
      '128 issue "ca.example; x=\\"y\\""',
    ],
    [{ type: 'CAA', flags: 0, tag: 'issue', value: ';' }, '0 issue ";"'],
    [{ type: 'TXT', text: ['v=spf1 -all'] }, '"v=spf1 -all"'],
    [{ type: 'TXT', text: ['', 'b'] }, '"" "b"'],
    [{ type: 'TXT', text: ['a"b\\c;d'] }, '"a\\"b\\\\c;d"'],
    [{ type: 'TXT', text: ['line\nbreak\r\0\t\x7f'] }, '"line\\010break\\013\\000\\009\\127"'],
    [{ type: 'TXT', text: ['é'] }, '"\\195\\169"'],
    [{ type: 'TXT', text: ['x'.repeat(255)] }, `"${'x'.repeat(255)}"`],
    [{ type: 'TXT', text: ['x'.repeat(256)] }, `"${'x'.repeat(255)}" "x"`],
    [{ type: 'TXT', text: ['é'.repeat(128)] }, `"${'\\195\\169'.repeat(127)}\\195" "\\169"`],
  ])('%j is %s', (fields, text) => {
    expect(format(fields)).toBe(text);
  });

  test.each<[RdataFields, string[]]>([
    [{ type: 'A', address: '192.0.2.256' }, ['address: want an IPv4 address, got "192.0.2.256"']],
    [{ type: 'A', address: '192.0.2.1\n@ NS evil.' }, [expect.stringContaining('want an IPv4')]],
    [{ type: 'A', address: '::1' }, [expect.stringContaining('want an IPv4')]],
    [{ type: 'AAAA', address: '192.0.2.1' }, [expect.stringContaining('want an IPv6')]],
    [{ type: 'AAAA', address: 'fe80::1%eth0' }, [expect.stringContaining('want an IPv6')]],
    [{ type: 'CNAME', target: 'a b' }, [expect.stringContaining('target: want a letter')]],
    [
      { type: 'SRV', priority: -1, weight: 65_536, port: 1.5, target: 'a..b' },
      [
        'priority: want 0 to 65535, got -1',
        'weight: want 0 to 65535, got 65536',
        'port: want 0 to 65535, got 1.5',
        expect.stringContaining('target: want labels between the dots'),
      ],
    ],
    [
      { type: 'CAA', flags: 256, tag: 'is sue', value: '' },
      ['flags: want 0 to 255, got 256', 'tag: want letters and digits, got "is sue"'],
    ],
    [{ type: 'TXT', text: [] }, ['text: want at least one string, got none']],
  ])('%j is refused, all of it at once', (fields, problems) => {
    expect(refusal(fields)).toEqual(problems);
  });
});

const anyText = (maxLength: number) =>
  fc.oneof(
    fc.string({ unit: 'binary', maxLength }),
    fc.string({ unit: 'grapheme', maxLength }),
    fc.string({
      unit: fc.constantFrom('"', '\\', ';', '\n', '(', ')', ' ', '$', '@', '0'),
      maxLength,
    }),
  );

const host = fc
  .array(
    fc.string({ unit: fc.constantFrom('a', 'B', '0', '-', '_', '*'), minLength: 1, maxLength: 20 }),
    {
      minLength: 1,
      maxLength: 4,
    },
  )
  .map((found) => `${found.join('.')}.`);

const u16 = fc.integer({ min: 0, max: 65_535 });

const anyFields: fc.Arbitrary<RdataFields> = fc.oneof(
  fc.record({ type: fc.constant('A' as const), address: fc.ipV4() }),
  fc.record({ type: fc.constant('AAAA' as const), address: fc.ipV6() }),
  fc.record({ type: fc.constantFrom('CNAME' as const, 'PTR' as const), target: host }),
  fc.record({ type: fc.constant('NS' as const), nameserver: host }),
  fc.record({ type: fc.constant('MX' as const), priority: u16, mailServer: host }),
  fc.record({
    type: fc.constant('TXT' as const),
    text: fc.array(anyText(400), { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant('SRV' as const),
    priority: u16,
    weight: u16,
    port: u16,
    target: host,
  }),
  fc.record({
    type: fc.constant('CAA' as const),
    flags: fc.integer({ min: 0, max: 255 }),
    tag: fc.string({ unit: fc.constantFrom('a', 'Z', '9'), minLength: 1, maxLength: 9 }),
    value: anyText(300),
  }),
);

describe('what is rendered', () => {
  test('is read back by BIND as the same records, whatever their data', () => {
    fc.assert(
      fc.property(fc.array(anyFields, { minLength: 100, maxLength: 200 }), (list) => {
        const wanted = list.map(
          (fields, i): RRset => ({
            owner: name(`r${String(i).padStart(4, '0')}`, example),
            type: fields.type,
            ttl: i,
            rdata: [format(fields)],
          }),
        );
        expect(throughBind(wanted)).toEqual(wanted);
      }),
      { numRuns: 15, endOnFailure: true },
    );
  });

  test('is read back with the same owners, whatever their octets', () => {
    const owner = fc
      .array(fc.uint8Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 3 })
      .map((found) => found.map((label) => [...label].map(ddd).join('')).join('.'));
    fc.assert(
      fc.property(fc.uniqueArray(owner, { minLength: 100, maxLength: 150 }), (owners) => {
        const names = [...new Set(owners.map((text) => name(text, example)))];
        const wanted = names.map(
          (each): RRset => ({ owner: each, type: 'TXT', ttl: 5, rdata: ['"x"'] }),
        );
        const read = throughBind(wanted);
        expect(new Set(read.map((rrset) => rrset.owner))).toEqual(new Set(names));
        expect(read).toHaveLength(names.length);
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });
});

const ddd = (octet: number): string => `\\${String(octet).padStart(3, '0')}`;
