import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { displayName, fileNameOf } from '../../agent/dns/name.ts';
import { recordsOf, renderZone, type ZoneContent } from '../../agent/dns/zone-text.ts';
import type { DNSZoneSpec, DnsRecord } from '../../agent/resources/types.ts';
import { systemBind } from '../rig/bind-versions.ts';
import { contentOf, record, zoneObject } from './objects.ts';

const limits = { maxRecordsPerType: 150, maxTypesPerName: 20 };

const generic = (name: string, type: string, ...data: string[]) =>
  record('DNSRecord', `${type}-${name}`, { name, type, data });
const a = (name: string, ...addresses: string[]) =>
  record('ARecord', name, { name, addresses: addresses.length > 0 ? addresses : ['192.0.2.1'] });

const ds = `1 8 2 ${'00'.repeat(32)}`;
const key =
  'mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ==';

/** As RFC 4034 section 5.1.4 has it; named itself is the judge of the key tag. */
function cds(zone: string, digestType: 2 | 4): string {
  const rdata = Buffer.concat([Buffer.from([1, 1, 3, 13]), Buffer.from(key, 'base64')]);
  const owner = Buffer.concat([Buffer.from([zone.length]), Buffer.from(zone), Buffer.from([0])]);
  const hash = createHash(digestType === 2 ? 'sha256' : 'sha384');
  let sum = 0;
  for (const [i, octet] of rdata.entries()) sum += i % 2 === 0 ? octet << 8 : octet;
  const tag = (sum + (sum >> 16)) & 0xffff;
  return `${tag} 13 ${digestType} ${hash.update(owner).update(rdata).digest('hex')}`;
}

const many = Array.from({ length: 151 }, (_, i) => `192.0.2.${i}`);

/** Each would keep its whole zone from loading. */
const hazards: Record<string, DnsRecord[]> = {
  'no-name-server': [],
  'cname-at-apex': [record('CNAMERecord', 'c', { name: '@', target: 'x' })],
  'cname-beside-data': [a('x'), record('CNAMERecord', 'c', { name: 'x', target: 'y' })],
  'cname-twice': ['y', 'z'].map((target) => record('CNAMERecord', target, { name: 'x', target })),
  'cname-and-dname': [generic('x', 'CNAME', 'y'), generic('x', 'DNAME', 'z')],
  'dname-twice': [generic('x', 'DNAME', 'y', 'z')],
  'bad-owners': [
    a('a_b'),
    a('-x'),
    a('x-'),
    a('x/y'),
    a('x.*'),
    a('x\\032y'),
    generic('a_b', 'MX', '1 m.example.net.'),
    generic('a_b', 'WKS', '192.0.2.1 tcp smtp'),
    generic('a.b_c', 'MG', 'm.example.net.'),
    generic('x', 'NSEC3', '1 1 1 ab 2vptu5timamqttgl4luu9kg21e0aor3s A'),
    generic('*', 'NS', 'ns.example.net.'),
  ],
  'good-owners': [
    a('_spf'),
    a('x._spf_verify'),
    a('gc._msdcs'),
    a('*'),
    a('*.x'),
    generic('_x', 'TXT', 'x'),
  ],
  'bad-targets': [
    ...['NS a_b.', 'MX 1 a_b.', 'SRV 1 1 1 a_b.', 'AFSDB 1 a_b.', 'RT 1 a_b.', 'RP a\\032b. .'].map(
      (text, i) => generic(`x${i}`, text.split(' ')[0] ?? '', text.slice(text.indexOf(' ') + 1)),
    ),
    generic('s', 'SVCB', '1 a_b.'),
    generic('h', 'HTTPS', '1 a_b.'),
    generic('h2', 'HTTPS', '0 a_b.'),
  ],
  'reverse.in-addr.arpa': [
    record('PTRRecord', 'bad', { name: '1', target: 'a_b.example.com.' }),
    record('PTRRecord', 'good', { name: '2', target: 'host.example.com.' }),
  ],
  '0/25.2.0.192.in-addr.arpa': [record('PTRRecord', 'p', { name: '1', target: 'h.example.com.' })],
  'ds-at-apex': [generic('@', 'DS', ds), generic('x', 'DS', ds)],
  'ds-delegated': [generic('x', 'NS', 'ns.example.net.'), generic('x', 'DS', ds)],
  'cds-at-apex': [generic('@', 'CDS', ds), generic('@', 'CDNSKEY', '257 3 13 AAAA')],
  'cds-of-another-key': [
    generic('@', 'DNSKEY', `257 3 13 ${key}`),
    generic('@', 'CDS', ds),
    generic('@', 'CDNSKEY', `256 3 13 ${key}`),
  ],
  'cds-of-the-key': [
    generic('@', 'DNSKEY', `257 3 13 ${key}`),
    generic('@', 'CDS', cds('cds-of-the-key', 2), cds('cds-of-the-key', 4)),
    generic('@', 'CDNSKEY', `257 3 13 ${key}`),
  ],
  'cds-withdrawn': [generic('@', 'CDS', '0 0 0 00'), generic('@', 'CDNSKEY', '0 3 0 AA==')],
  'dns-service': [
    generic('_dns', 'SVCB', '0 x.'),
    generic('_dns.a', 'SVCB', '1 x. port=853'),
    generic('_853._dns', 'SVCB', '1 x. alpn=dot,h2'),
    generic('_dns.b', 'SVCB', '1 x. alpn=dot'),
    generic('_443._dns', 'SVCB', '1 x. alpn=h2,h3 dohpath=/q{?dns}'),
    generic('x._dns', 'SVCB', '1 x.'),
  ],
  nsec3param: [generic('@', 'NSEC3PARAM', '2 0 10 ab'), generic('x', 'NSEC3PARAM', '1 0 10 ab')],
  'too-many-records': [a('x', ...many), a('y', ...many.slice(0, 150))],
  'too-many-types': ['@', 'x'].flatMap((name) =>
    Array.from({ length: 30 }, (_, i) => generic(name, `TYPE${65_300 + i}`, '\\# 1 00')),
  ),
  'too-many-octets': [
    record('TXTRecord', 'x', { name: 'x', text: ['x'.repeat(65_250)] }),
    record('TXTRecord', 'y', { name: 'y', text: ['x'.repeat(64_000)] }),
    generic(
      'z',
      'TXT',
      ...Array.from({ length: 140 }, (_, i) => `${i} ${`${'x'.repeat(250)} `.repeat(2)}`),
    ),
  ],
  'long-ttl': [record('ARecord', 'x', { name: 'x', addresses: ['192.0.2.1'], ttl: 2 ** 31 - 1 })],
  delegations: [
    record('NSRecord', 'd', { name: 'd', nameserver: 'ns.d.delegations' }),
    generic('x.d', 'MX', '1 mail'),
    generic('e', 'NS', 'nowhere'),
    generic('n', 'DNAME', 'example.net.'),
    a('x.n'),
  ],
};

/** Name servers of the zone itself, each with what stands at its name. */
const nameServers: Record<string, [DNSZoneSpec['nameServers'], DnsRecord[]]> = {
  'ns-without-address': [[{ hostname: 'ns' }], []],
  'ns-is-cname': [[{ hostname: 'ns' }], [record('CNAMERecord', 'c', { name: 'ns', target: 'x' })]],
  'ns-below-dname': [[{ hostname: 'ns.d.ns-below-dname' }], [generic('d', 'DNAME', 'x')]],
  'ns-by-wildcard': [[{ hostname: 'ns.d.ns-by-wildcard' }], [a('*.d')]],
  'ns-wildcard-hidden': [[{ hostname: 'ns.d.ns-wildcard-hidden' }], [a('*'), a('d')]],
  'ns-delegated': [
    [{ hostname: 'ns.d.ns-delegated' }],
    [record('NSRecord', 'd', { name: 'd', nameserver: 'x.example.net.' })],
  ],
  'ns-with-glue': [[{ hostname: 'ns', ipv6Address: '2001:db8::1' }], []],
  'ns-partly': [[{ hostname: 'ns' }, { hostname: 'ns.example.net' }], []],
  ns_not_a_host: [undefined, [a('@')]],
};

const provided = await systemBind();
if (!provided.ok) throw new Error(provided.why);
const { named, version } = provided.bind;

describe(`named ${version}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'loads-'));
  const zones = new Map<string, ZoneContent>();
  let log = '';

  beforeAll(async () => {
    for (const [zoneName, records] of Object.entries(hazards)) {
      const servers = zoneName === 'no-name-server' ? undefined : [{ hostname: 'ns.example.net.' }];
      await add(zoneName, servers, records);
    }
    for (const [zoneName, [servers, records]] of Object.entries(nameServers)) {
      await add(zoneName, servers, records);
    }
    log = await loadAll(named, folder, [...zones.values()]);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function add(
    zoneName: string,
    servers: DNSZoneSpec['nameServers'],
    records: readonly DnsRecord[],
  ): Promise<void> {
    const zone = zoneObject({
      zoneName,
      ...(servers === undefined ? {} : { nameServers: servers }),
    });
    const { content, problems } = await contentOf(zone, records, undefined, limits);
    if (content === undefined) throw new Error(`${zoneName}: ${problems.join('; ')}`);
    zones.set(zoneName, content);
  }

  test.each([...Object.keys(hazards), ...Object.keys(nameServers)])('loads %s', (zoneName) => {
    const said = log.split('\n').filter((line) => line.includes(`zone ${zoneName}/IN`));
    expect(said.filter((line) => line.includes('loaded serial 1'))).toHaveLength(1);
  });

  test('has kept what it takes of each', () => {
    const count = (zoneName: string) => zones.get(zoneName)?.records;
    expect(Object.fromEntries([...zones.keys()].map((key) => [key, count(key)]))).toEqual({
      'no-name-server': 1,
      'cname-at-apex': 1,
      'cname-beside-data': 2,
      'cname-twice': 2,
      'cname-and-dname': 2,
      'dname-twice': 2,
      'bad-owners': 1,
      'good-owners': 7,
      'bad-targets': 2,
      'reverse.in-addr.arpa': 2,
      '0/25.2.0.192.in-addr.arpa': 2,
      'ds-at-apex': 1,
      'ds-delegated': 3,
      'cds-at-apex': 1,
      'cds-of-another-key': 2,
      'cds-of-the-key': 5,
      'cds-withdrawn': 3,
      'dns-service': 4,
      nsec3param: 2,
      'too-many-records': 151,
      'too-many-types': 39,
      'too-many-octets': 2,
      'long-ttl': 2,
      delegations: 6,
      'ns-without-address': 1,
      'ns-is-cname': 2,
      'ns-below-dname': 2,
      'ns-by-wildcard': 2,
      'ns-wildcard-hidden': 3,
      'ns-delegated': 2,
      'ns-with-glue': 2,
      'ns-partly': 1,
      ns_not_a_host: 1,
    });
  });
});

/** Starts named on these zones and returns what it said until it had loaded or refused all of them. */
async function loadAll(
  named: string,
  folder: string,
  zones: readonly ZoneContent[],
): Promise<string> {
  const stanzas = zones.map((content) => {
    const { zone } = recordsOf(content);
    const file = join(folder, fileNameOf(zone));
    writeFileSync(file, renderZone(content, 1));
    return `zone "${displayName(zone)}" { type primary; file "${file}"; };`;
  });
  const conf = join(folder, 'named.conf');
  const { maxRecordsPerType, maxTypesPerName } = limits;
  writeFileSync(
    conf,
    `options { directory "${folder}"; listen-on { none; }; listen-on-v6 { none; }; recursion no;
      pid-file none; session-keyfile none; dnssec-validation no; empty-zones-enable no;
      max-records-per-type ${maxRecordsPerType}; max-types-per-name ${maxTypesPerName}; };
      controls { };\n${stanzas.join('\n')}\n`,
  );
  await promisify(execFile)('named-checkconf', [conf]);
  const child = spawn(named, ['-g', '-c', conf], { stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`named ended: ${log}`)));
    child.on('error', reject);
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('all zones loaded')) resolve();
    });
  });
  child.removeAllListeners('exit');
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.kill('SIGTERM');
  await ended;
  return log;
}
