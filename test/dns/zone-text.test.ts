import { describe, expect, test } from 'vitest';
import type { RRset } from '../../agent/dns/rrset.ts';
import { formatSoa, parseSoa } from '../../agent/dns/soa.ts';
import { parseCompiled, recordsOf, renderZone, zoneContentOf } from '../../agent/dns/zone-text.ts';
import { contentOf, example, name, readByBind } from './bind.ts';

const records: RRset[] = [
  { owner: name('www', example), type: 'A', ttl: 300, rdata: ['192.0.2.2', '192.0.2.1'] },
  { owner: example, type: 'TXT', ttl: 3600, rdata: ['"v=spf1 -all"'] },
  { owner: name('_sip._tcp', example), type: 'SRV', ttl: 0, rdata: ['0 0 5060 sip.example.com.'] },
];

const golden = `; written by bind9-agent
$TTL 3600
example.com. 3600 IN SOA ns1.example.net. hostmaster.example.net. 2026112104 3600 600 604800 300
example.com. 3600 IN NS ns1.example.net.
example.com. 3600 IN TXT "v=spf1 -all"
_sip._tcp.example.com. 0 IN SRV 0 0 5060 sip.example.com.
www.example.com. 300 IN A 192.0.2.1
www.example.com. 300 IN A 192.0.2.2
`;

describe('zone text', () => {
  test('is this, in canonical order', () => {
    expect(renderZone(contentOf(records), 2_026_112_104)).toBe(golden);
  });

  test('does not depend on the order that records come in', () => {
    const content = contentOf([...records].reverse());
    expect(renderZone(content, 2_026_112_104)).toBe(golden);
    expect(content.hash).toBe(contentOf(records).hash);
    expect(content.records).toBe(5);
  });

  test('is read back by BIND as the content with the same hash', () => {
    const content = contentOf(records);
    const read = readByBind(renderZone(content, 7));
    const soa = parseSoa(read.find(({ type }) => type === 'SOA')?.rdata[0] ?? '');
    expect(soa?.serial).toBe(7);
    expect(soa?.soa).toEqual(recordsOf(content).soa);
    const rrsets = read.filter(({ type }) => type !== 'SOA');
    expect(zoneContentOf({ ...recordsOf(content), rrsets })).toEqual(content);
    expect(recordsOf(content).rrsets).toEqual(rrsets);
  });

  test.each(['.', 'e.', "a\\$&\\$'.example.", '1.168.192.in-addr.arpa.'])(
    'of a zone that is called %s has each name as it was',
    (text) => {
      const zone = name(text);
      const rrsets = [
        { owner: zone, type: 'TXT', ttl: 60, rdata: [`"${text} ${text.toUpperCase()}"`] },
        { owner: name('www.not-e', zone), type: 'CNAME', ttl: 60, rdata: [`x${text}`] },
      ];
      const made = zoneContentOf({ ...recordsOf(contentOf([])), zone, rrsets });
      expect(recordsOf(made)).toMatchObject({ zone, rrsets });
    },
  );

  test('is read back where every timer and the serial are at their limit', () => {
    const content = recordsOf(
      contentOf([{ owner: example, type: 'A', ttl: 2_147_483_647, rdata: ['192.0.2.1'] }]),
    );
    const largest = 2_147_483_647;
    const soa = {
      ...content.soa,
      refresh: largest,
      retry: largest,
      expire: largest,
      minimum: largest,
    };
    const text = renderZone(zoneContentOf({ ...content, soa, soaTtl: largest }), 4_294_967_295);
    const read = readByBind(text);
    expect(read.map(({ ttl }) => ttl)).toEqual([2_147_483_647, 3600, largest]);
    expect(read[2]?.rdata).toEqual([formatSoa(soa, 4_294_967_295)]);
  });
});

describe('the hash of a zone', () => {
  const content = contentOf(records);
  const parts = recordsOf(content);

  test('is that of its records and timers', () => {
    expect(content.hash).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(zoneContentOf(recordsOf(content))).toEqual(content);
    // Pods of two releases have to agree.
    expect(content.hash).toBe(
      'sha256:6928c9427fc328c7477e376f3d1f80d0d7ee5a1c73fe74fa5ddf355ce9d2e7c9',
    );
  });

  test.each([
    ['a record', contentOf(records.slice(1))],
    ['a TTL', contentOf(records.map((rrset) => ({ ...rrset, ttl: rrset.ttl + 1 })))],
    ['a timer', zoneContentOf({ ...parts, soa: { ...parts.soa, refresh: 1 } })],
    ['the TTL of the SOA', zoneContentOf({ ...parts, soaTtl: 1 })],
  ])('changes with %s', (_, other) => {
    expect(other.hash).not.toBe(content.hash);
  });
});

describe('compiled text', () => {
  test('is read with tabs, comments and any case', () => {
    const read = parseCompiled(
      [
        '; <<>> DiG 9.18 <<>> AXFR example.com',
        ';; global options: +cmd',
        'Example.COM.\t\t3600\tIN\tSOA\tNS1.example.com. Admin.example.com. 5 1 2 3 4',
        'example.com.\t\t3600\tIN\tMX\t10 Mail.Example.com.',
        'a\\@b.example.com.\t5\tIN\tTXT\t"Keep My CASE" "; and this"',
        'N.example.com. 1 IN NAPTR 1 2 "U" "E2U+sip" "!^.*$!sip:A@Example.com!" SIP.example.com.',
        's.example.com. 1 IN SVCB 1 . alpn="h2"',
        'Example.COM.\t\t3600\tIN\tSOA\tNS1.example.com. Admin.example.com. 5 1 2 3 4',
        ';; Query time: 1 msec',
        '',
      ].join('\n'),
    );
    expect(read).toEqual([
      { owner: 'example.com.', type: 'MX', ttl: 3600, rdata: ['10 mail.example.com.'] },
      {
        owner: 'example.com.',
        type: 'SOA',
        ttl: 3600,
        rdata: ['ns1.example.com. admin.example.com. 5 1 2 3 4'],
      },
      { owner: 'a\\@b.example.com.', type: 'TXT', ttl: 5, rdata: ['"Keep My CASE" "; and this"'] },
      {
        owner: 'n.example.com.',
        type: 'NAPTR',
        ttl: 1,
        rdata: ['1 2 "U" "E2U+sip" "!^.*$!sip:A@Example.com!" sip.example.com.'],
      },
      { owner: 's.example.com.', type: 'SVCB', ttl: 1, rdata: ['1 . alpn="h2"'] },
    ]);
  });

  test('is an error where a line is no record', () => {
    expect(() => parseCompiled('example.com. 300 IN A 192.0.2.1\nno record')).toThrow('no record');
  });

  test('has one form for data of any type, however it was written', () => {
    const text = (data: string) => `$TTL 60\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\nssh SSHFP ${data}\n`;
    const written = readByBind(text('1 1 00112233445566778899aabbccddeeff00112233'));
    expect(readByBind(text('\\# 22 0101 00112233445566778899AABBCCDDEEFF00112233'))).toEqual(
      written,
    );
    expect(written.find(({ type }) => type === 'SSHFP')?.rdata).toEqual([
      '1 1 00112233445566778899AABBCCDDEEFF00112233',
    ]);
  });
});

test('an SOA is read as it is written', () => {
  const { soa } = recordsOf(contentOf([]));
  expect(parseSoa(formatSoa(soa, 9))).toEqual({ soa, serial: 9 });
  expect(parseSoa('a. b. 1 2 3 4')).toBeUndefined();
  expect(parseSoa('a. b. 1 2 3 4 -5')).toBeUndefined();
  expect(parseSoa('')).toBeUndefined();
});
