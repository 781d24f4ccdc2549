import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseName } from '../../agent/dns/name.ts';
import { renderZone } from '../../agent/dns/zone-text.ts';
import type { DNSZoneSpec, DnsRecord } from '../../agent/resources/types.ts';
import { example, readByBind } from '../dns/bind.ts';
import { contentOf, plainZone, record, zoneObject } from './objects.ts';

const attacks = [
  '\n$INCLUDE /etc/passwd\n',
  'x\n@ NS evil.example.org.',
  'x\r@ NS evil.example.org.',
  'x ; comment',
  'x;',
  '"',
  'x" "y',
  '" \n@ NS evil.example.org. ; "',
  "'",
  '(',
  ')',
  'x\\',
  'x\\"',
  '$INCLUDE /etc/passwd',
  '$ORIGIN evil.example.org.',
  '\0',
  '\x7f',
  '\u2028@ NS evil.example.org.',
  '\u0085',
  'x\t300 IN NS evil.example.org.',
  '@ 300 IN NS evil.example.org.',
  '%s{{.}}$(id)`id`',
];

const text = fc.oneof(
  fc.constantFrom(...attacks),
  fc.tuple(fc.constantFrom(...attacks), fc.constantFrom(...attacks)).map((both) => both.join('')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
);

/** What each kind of record is made of, its strings all hostile but one or two. */
const hostile = (i: number, a: string, b: string): DnsRecord[] => [
  record('ARecord', `a${i}`, { name: a, addresses: ['192.0.2.1'] }),
  record('ARecord', `b${i}`, { name: `b${i}`, addresses: [a] }),
  record('AAAARecord', `a${i}`, { name: `b${i}`, addresses: [a] }),
  record('CNAMERecord', `a${i}`, { name: `c${i}`, target: a }),
  record('CNAMERecord', `b${i}`, { name: a, target: b }),
  record('PTRRecord', `a${i}`, { name: `p${i}`, target: a }),
  record('NSRecord', `a${i}`, { name: `n${i}`, nameserver: a }),
  record('MXRecord', `a${i}`, { name: `m${i}`, priority: 1, mailServer: a }),
  record('TXTRecord', `a${i}`, { name: `t${i}`, text: [a, b] }),
  record('TXTRecord', `b${i}`, { name: a, text: [b] }),
  record('SRVRecord', `a${i}`, { name: a, priority: 1, weight: 1, port: 1, target: b }),
  record('CAARecord', `a${i}`, { name: `q${i}`, flags: 0, tag: 'issue', value: a }),
  record('CAARecord', `b${i}`, { name: `q${i}`, flags: 0, tag: a, value: b }),
  record('DNSRecord', `a${i}`, { name: `d${i}`, type: 'TXT', data: [a] }),
  record('DNSRecord', `b${i}`, { name: `d${i}`, type: a, data: ['192.0.2.1'] }),
  record('DNSRecord', `c${i}`, { name: a, type: 'A', data: ['192.0.2.1'] }),
  record('DNSRecord', `d${i}`, { name: `d${i}`, type: 'HINFO', data: [`${a} ${b}`] }),
];

describe('whatever a user writes', () => {
  test('in a record becomes that record or none, never another one', async () => {
    const pairs = fc.array(fc.tuple(text, text), { minLength: 30, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(pairs, async (list) => {
        const records = list.flatMap(([a, b], i) => hostile(i, a, b));
        const { content } = await contentOf(plainZone(), records);
        if (content === undefined) throw new Error('no content');
        const rendered = renderZone(content, 1);
        expect(rendered.split('\n').filter((line) => line.startsWith('$'))).toEqual(['$TTL 3600']);
        expect(rendered.split('\n')).toHaveLength(content.records + 4);
        const read = readByBind(rendered).filter(({ type }) => type !== 'SOA');
        expect(read).toEqual(content.rrsets);
        expect(
          content.rrsets.find((set) => set.owner === example && set.type === 'NS')?.rdata,
        ).toEqual(['ns1.example.net.']);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  const specs: [string, (attack: string) => Partial<DNSZoneSpec>][] = [
    ['zoneName', (zoneName) => ({ zoneName })],
    ['primaryNs', (primaryNs) => ({ soaRecord: { primaryNs } })],
    ['adminEmail', (adminEmail) => ({ soaRecord: { adminEmail } })],
    ['adminEmail before the @', (local) => ({ soaRecord: { adminEmail: `${local}@example.com` } })],
    ['hostname', (hostname) => ({ nameServers: [{ hostname }] })],
    ['ipv4Address', (address) => ({ nameServers: [{ hostname: 'ns1', ipv4Address: address }] })],
    ['nameServerIps', (host) => ({ nameServerIps: { [host]: '192.0.2.1' } })],
  ];

  test.each(specs)('in %s of a zone becomes one zone of its own or a problem', async (_, spec) => {
    for (const attack of attacks) {
      const { content, problems } = await contentOf(zoneObject(spec(attack)));
      if (content === undefined) {
        expect(problems.length).toBeGreaterThan(0);
        continue;
      }
      const rendered = renderZone(content, 1);
      expect(rendered.split('\n')).toHaveLength(content.records + 4);
      const read = readByBind(rendered, content.zone);
      expect(read.filter(({ type }) => type !== 'SOA')).toEqual(content.rrsets);
      expect(content.zone).toBe(nameOf(spec(attack).zoneName ?? 'example.com'));
    }
  });
});

function nameOf(written: string): string {
  const parsed = parseName(written);
  return parsed.ok ? parsed.value : '';
}
