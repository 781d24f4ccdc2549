import { describe, expect, test } from 'vitest';
import { renderZone } from '../../agent/dns/zone-text.ts';
import { contentOf, limits, plainZone, record, zoneObject } from './objects.ts';

describe('content of records', () => {
  test('is this zone', async () => {
    const zone = zoneObject({
      soaRecord: {
        primaryNs: 'ns1.example.com.',
        adminEmail: 'john.doe@example.com',
        serial: 2_026_112_101,
        refresh: 7200,
      },
      ttl: 300,
      nameServers: [
        { hostname: 'ns1.example.com.', ipv4Address: '192.0.2.53', ipv6Address: '2001:DB8::53' },
        { hostname: 'ns2.example.net.', ipv4Address: '192.0.2.54' },
      ],
    });
    const { content, floor, problems } = await contentOf(zone, [
      record('ARecord', 'www', { name: 'www', addresses: ['192.0.2.2', '192.0.2.1'], ttl: 60 }),
      record('AAAARecord', 'www', { name: 'WWW', addresses: ['2001:db8:0::1'] }),
      record('CNAMERecord', 'ftp', { name: 'ftp', target: 'www' }),
      record('MXRecord', 'mx', { name: '@', priority: 10, mailServer: 'mail.example.net.' }),
      record('NSRecord', 'sub', { name: 'sub', nameserver: 'ns.sub.example.com' }),
      record('ARecord', 'glue', { name: 'ns.sub', addresses: ['192.0.2.99'] }),
      record('TXTRecord', 'spf', { name: '@', text: ['v=spf1 mx; -all'] }),
      record('SRVRecord', 'sip', {
        name: '_sip._tcp',
        priority: 0,
        weight: 5,
        port: 5060,
        target: 'sip.example.net',
      }),
      record('CAARecord', 'caa', { name: '@', flags: 0, tag: 'issue', value: 'ca.example.net' }),
      record('PTRRecord', 'ptr', { name: 'p', target: 'host' }),
      record('DNSRecord', 'ssh', {
        name: 'www',
        type: 'SSHFP',
        data: [`1 1 ${'ab'.repeat(20)}`],
        ttl: 9,
      }),
    ]);
    expect(problems).toEqual([]);
    expect(floor).toBe(2_026_112_101);
    expect(content && renderZone(content, 7)).toBe(`; written by bind9-agent
$TTL 300
example.com. 300 IN SOA ns1.example.com. john\\.doe.example.com. 7 7200 600 604800 300
example.com. 300 IN CAA 0 issue "ca.example.net"
example.com. 300 IN MX 10 mail.example.net.
example.com. 300 IN NS ns1.example.com.
example.com. 300 IN NS ns2.example.net.
example.com. 300 IN TXT "v=spf1 mx; -all"
_sip._tcp.example.com. 300 IN SRV 0 5 5060 sip.example.net.
ftp.example.com. 300 IN CNAME www.example.com.
ns1.example.com. 300 IN A 192.0.2.53
ns1.example.com. 300 IN AAAA 2001:db8::53
p.example.com. 300 IN PTR host.example.com.
sub.example.com. 300 IN NS ns.sub.example.com.
ns.sub.example.com. 300 IN A 192.0.2.99
www.example.com. 60 IN A 192.0.2.1
www.example.com. 60 IN A 192.0.2.2
www.example.com. 300 IN AAAA 2001:db8::1
www.example.com. 9 IN SSHFP 1 1 ${'AB'.repeat(20)}
`);
  });

  test('has a default for every field of the SOA', async () => {
    const { content } = await contentOf(plainZone());
    expect(content?.soa).toEqual({
      mname: 'ns1.example.net.',
      rname: 'hostmaster.example.com.',
      refresh: 3600,
      retry: 600,
      expire: 604_800,
      minimum: 300,
    });
    expect(content?.soaTtl).toBe(3600);
    const bare = await contentOf(zoneObject(), [
      record('ARecord', 'ns', { name: 'ns1', addresses: ['192.0.2.1'] }),
    ]);
    expect(bare.content?.soa.mname).toBe('ns1.example.com.');
    expect(bare.lines).toEqual([
      'example.com. 3600 IN NS ns1.example.com.',
      'ns1.example.com. 3600 IN A 192.0.2.1',
    ]);
    expect(bare.problems).toEqual([]);
  });

  test.each([
    ['admin@example.com', 'admin.example.com.'],
    ['john.doe@example.net', 'john\\.doe.example.net.'],
    ['john\\.doe.example.net.', 'john\\.doe.example.net.'],
    ['admin.example.com.', 'admin.example.com.'],
    ['admin.example.com', 'admin.example.com.'],
    ['admin', 'admin.example.com.'],
    ['a+b@example.com', 'a+b.example.com.'],
  ])('takes %s for the mailbox %s', async (adminEmail, rname) => {
    const { content, problems } = await contentOf(plainZone({ soaRecord: { adminEmail } }));
    expect(problems).toEqual([]);
    expect(content?.soa.rname).toBe(rname);
  });

  test('takes name servers from nameServerIps where there are no others', async () => {
    const zone = zoneObject({
      nameServerIps: { 'ns2.example.com.': '2001:db8::2', 'ns1.example.com.': '192.0.2.1' },
    });
    const { lines, content, problems } = await contentOf(zone);
    expect(problems).toEqual([]);
    expect(content?.soa.mname).toBe('ns1.example.com.');
    expect(lines).toEqual([
      'example.com. 3600 IN NS ns1.example.com.',
      'example.com. 3600 IN NS ns2.example.com.',
      'ns1.example.com. 3600 IN A 192.0.2.1',
      'ns2.example.com. 3600 IN AAAA 2001:db8::2',
    ]);
  });

  test('takes name servers from records alone where the zone names none', async () => {
    const { lines, problems } = await contentOf(zoneObject(), [
      record('NSRecord', 'ns', { name: '@', nameserver: 'ns.example.net.' }),
    ]);
    expect(problems).toEqual([]);
    expect(lines).toEqual(['example.com. 3600 IN NS ns.example.net.']);
  });

  test('has the same hash whatever the order and spelling of the records', async () => {
    const first = await contentOf(plainZone(), [
      record('ARecord', 'a', { name: 'www', addresses: ['192.0.2.1', '192.0.2.2'] }),
      record('MXRecord', 'b', { name: '@', priority: 5, mailServer: 'MAIL' }),
    ]);
    const second = await contentOf(plainZone({ ttl: 3600, soaRecord: { serial: 9 } }), [
      record('MXRecord', 'b', {
        name: 'example.com.',
        priority: 5,
        mailServer: 'mail.example.com.',
      }),
      record('ARecord', 'c', { name: 'www.example.com', addresses: ['192.0.2.2'] }),
      record('DNSRecord', 'd', { name: 'WWW', type: 'A', data: ['192.0.2.1'] }),
    ]);
    expect(second.content?.hash).toBe(first.content?.hash);
  });

  test('takes a whole name that stands in the zone as it is written', async () => {
    const { lines } = await contentOf(plainZone(), [
      record('ARecord', 'a', { name: 'www.example.com', addresses: ['192.0.2.1'] }),
      record('ARecord', 'b', { name: 'www.example.org', addresses: ['192.0.2.1'] }),
    ]);
    expect(lines.slice(1)).toEqual([
      'www.example.org.example.com. 3600 IN A 192.0.2.1',
      'www.example.com. 3600 IN A 192.0.2.1',
    ]);
  });

  test('serves an RFC 2317 zone', async () => {
    const zone = plainZone({ zoneName: '0/25.2.0.192.in-addr.arpa' });
    const { lines, problems, content } = await contentOf(zone, [
      record('PTRRecord', 'p', { name: '1', target: 'host.example.com.' }),
    ]);
    expect(problems).toEqual([]);
    // A name with a slash is no host name: named would refuse it in the SOA.
    expect(content?.soa.rname).toBe('hostmaster.2.0.192.in-addr.arpa.');
    expect(lines[1]).toBe('1.0/25.2.0.192.in-addr.arpa. 3600 IN PTR host.example.com.');
  });
});

describe('a mistake in a record', () => {
  const good = record('ARecord', 'good', { name: 'good', addresses: ['192.0.2.1'] });

  test.each([
    [
      'an owner outside of the zone',
      record('ARecord', 'bad', { name: 'www.example.org.', addresses: ['192.0.2.1'] }),
      ['ARecord bad spec.name: want a name in example.com, got www.example.org'],
    ],
    [
      'a bad address among good ones',
      record('ARecord', 'bad', { name: 'www', addresses: ['192.0.2.1', '192.0.2.999'] }),
      ['ARecord bad spec.ipv4Addresses: want an IPv4 address, got "192.0.2.999"'],
    ],
    [
      'no address',
      record('AAAARecord', 'bad', { name: 'www', addresses: [] }),
      ['AAAARecord bad spec.ipv6Addresses: want at least one address, got none'],
    ],
    [
      'a TTL of -1',
      record('ARecord', 'bad', { name: 'www', addresses: ['192.0.2.1'], ttl: -1 }),
      ['ARecord bad spec.ttl: want 0 to 2147483647, got -1'],
    ],
    [
      'a TTL of 2^31',
      record('DNSRecord', 'bad', { name: 'www', type: 'A', data: ['192.0.2.1'], ttl: 2 ** 31 }),
      ['DNSRecord bad spec.ttl: want 0 to 2147483647, got 2147483648'],
    ],
    [
      'several mistakes at once',
      record('MXRecord', 'bad', { name: 'a..b', priority: 70_000, mailServer: 'a b', ttl: 0.5 }),
      [
        'MXRecord bad spec.ttl: want 0 to 2147483647, got 0.5',
        'MXRecord bad spec.name: want labels between the dots, got an empty one in "a..b"',
        'MXRecord bad spec.priority: want 0 to 65535, got 70000',
        'MXRecord bad spec.mailServer: want a letter, a digit or an escape, got " " in "a b"',
      ],
    ],
    [
      'a name that named refuses as owner',
      record('ARecord', 'bad', { name: 'a_b', addresses: ['192.0.2.1', '192.0.2.2'] }),
      [
        'ARecord bad spec.name: a_b.example.com A is left out: want a host name (letters, digits, inner hyphens) as owner, got a_b.example.com',
      ],
    ],
    [
      'a name that named refuses as target',
      record('MXRecord', 'bad', { name: '@', priority: 1, mailServer: 'a_b' }),
      [
        'MXRecord bad spec.mailServer: example.com MX is left out: want a host name (letters, digits, inner hyphens) as target, got a_b.example.com',
      ],
    ],
    [
      'a CNAME at the apex',
      record('CNAMERecord', 'bad', { name: '@', target: 'www' }),
      [
        'CNAMERecord bad spec.name: example.com CNAME is left out: want nothing beside a CNAME, got SOA, NS',
      ],
    ],
    [
      'a CNAME beside other data',
      record('CNAMERecord', 'bad', { name: 'good', target: 'www' }),
      [
        'CNAMERecord bad spec.name: good.example.com CNAME is left out: want nothing beside a CNAME, got A',
      ],
    ],
    [
      'a wildcard of NS',
      record('NSRecord', 'bad', { name: '*', nameserver: 'ns.example.net.' }),
      [
        'NSRecord bad spec.name: *.example.com NS is left out: want no wildcard as owner of NS, got *.example.com',
      ],
    ],
  ])('leaves out %s, tells why, and serves the rest', async (_, bad, problems) => {
    const { lines, problems: told } = await contentOf(plainZone(), [bad, good]);
    expect(told).toEqual(problems);
    expect(lines).toEqual([
      'example.com. 3600 IN NS ns1.example.net.',
      'good.example.com. 3600 IN A 192.0.2.1',
    ]);
  });

  test('leaves the older of two CNAMEs', async () => {
    const { lines, problems } = await contentOf(plainZone(), [
      record('CNAMERecord', 'a', { name: 'x', target: 'young' }, { since: '2026-02-01T00:00:00Z' }),
      record('CNAMERecord', 'b', { name: 'x', target: 'old' }, { since: '2026-01-01T00:00:00Z' }),
      record('CNAMERecord', 'c', { name: 'x', target: 'old' }, { since: '2026-03-01T00:00:00Z' }),
    ]);
    expect(lines).toContain('x.example.com. 3600 IN CNAME old.example.com.');
    expect(lines).toHaveLength(2);
    expect(problems).toEqual([
      'CNAMERecord a spec.target: x.example.com CNAME is left out: want one CNAME, got young.example.com. beside old.example.com.',
    ]);
  });

  test('keeps what stands below a delegation or a DNAME', async () => {
    const { lines, problems } = await contentOf(plainZone(), [
      record('NSRecord', 'd', { name: 'd', nameserver: 'ns.example.net.' }),
      record('MXRecord', 'm', { name: 'm.d', priority: 1, mailServer: 'mail.example.net.' }),
      record('DNSRecord', 'e', { name: 'e', type: 'DNAME', data: ['example.net.'] }),
      record('TXTRecord', 't', { name: 't.e', text: ['x'] }),
    ]);
    expect(problems).toEqual([]);
    expect(lines).toHaveLength(5);
  });
});

describe('limits of named', () => {
  const addresses = (count: number) =>
    Array.from({ length: count }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
  const many = (count: number) => [
    record('ARecord', 'many', { name: 'many', addresses: addresses(count) }),
  ];

  test('let 101 and 5,000 records stand at one name', async () => {
    expect((await contentOf(plainZone(), many(101))).lines).toHaveLength(102);
    expect((await contentOf(plainZone(), many(5000))).lines).toHaveLength(5001);
  });

  test('leave out 10,000 records at one name, in one object or in as many', async () => {
    const one = await contentOf(plainZone(), many(10_000));
    expect(one.lines).toHaveLength(1);
    expect(one.problems).toEqual([
      'ARecord many spec.ipv4Addresses: many.example.com A is left out: want at most 5000 records, got 10000',
    ]);
    const each = addresses(10_000).map((address, i) =>
      record('ARecord', `a${i}`, { name: 'many', addresses: [address] }),
    );
    expect((await contentOf(plainZone(), each)).problems).toEqual([
      'ARecord a0 spec.ipv4Addresses: many.example.com A is left out: want at most 5000 records, got 10000 (in 10000 objects)',
    ]);
  });

  test('leave out more octets at a name than named takes', async () => {
    const text = (count: number) =>
      record('TXTRecord', 't', { name: 't', text: ['é'.repeat(Math.floor(count / 2))] });
    expect((await contentOf(plainZone(), [text(64_000)])).lines).toHaveLength(2);
    expect((await contentOf(plainZone(), [text(65_200)])).problems).toEqual([
      expect.stringContaining('t.example.com TXT is left out: want at most 65000 octets'),
    ]);
  });

  test('leave out the last types where there are too many, never NS', async () => {
    const zone = plainZone();
    const types = ['A', 'AAAA', 'TXT', 'CAA'] as const;
    const data = { A: '192.0.2.1', AAAA: '2001:db8::1', TXT: '"x"', CAA: '0 issue "x"' };
    const all = ['@', 'x'].flatMap((name) =>
      types.map((type) =>
        record('DNSRecord', `${type.toLowerCase()}-${name}`, { name, type, data: [data[type]] }),
      ),
    );
    const outcome = await contentOf(zone, all, undefined, { ...limits, maxTypesPerName: 3 });
    expect(outcome.lines).toEqual([
      'example.com. 3600 IN A 192.0.2.1',
      'example.com. 3600 IN NS ns1.example.net.',
      'x.example.com. 3600 IN A 192.0.2.1',
      'x.example.com. 3600 IN AAAA 2001:db8::1',
      'x.example.com. 3600 IN CAA 0 issue "x"',
    ]);
    expect(outcome.problems).toContain(
      'DNSRecord txt-x spec.data[0]: x.example.com TXT is left out: want at most 3 types at a name, got 4',
    );
    expect(outcome.problems).toHaveLength(4);
  });
});

describe('name servers', () => {
  const www = record('ARecord', 'www', { name: 'www', addresses: ['192.0.2.1'] });
  const placeholder = 'example.com. 300 IN NS no-usable-name-server.invalid.';

  test('without an address in the zone are left out, the others stay', async () => {
    const zone = zoneObject({
      nameServers: [{ hostname: 'ns1.example.com.' }, { hostname: 'ns2.example.net.' }],
    });
    const { lines, problems } = await contentOf(zone);
    expect(lines).toEqual(['example.com. 3600 IN NS ns2.example.net.']);
    expect(problems).toEqual([
      'spec.nameServers[0]: example.com NS is left out: want a name server with an address (an ARecord, an AAAARecord, or spec.nameServers), got no address at ns1.example.com',
    ]);
  });

  test('are never none: the zone is served all the same, and the lack is told', async () => {
    const { lines, problems } = await contentOf(zoneObject(), [www]);
    expect(lines).toEqual([placeholder, 'www.example.com. 3600 IN A 192.0.2.1']);
    expect(problems.at(-1)).toBe(
      'spec.nameServers: want a name server with an address, got none: example.com is served with no-usable-name-server.invalid in its place',
    );
  });

  test.each([
    ['have an address by a wildcard', 'ns1.w', ['ARecord', '*.w'], true],
    ['have none by a wildcard beside them', 'ns1.w.w', ['ARecord', 'x.w.w'], false],
    ['have an address by their delegation', 'ns1.d', ['NSRecord', 'd'], true],
    ['have none as a CNAME', 'c', ['CNAMERecord', 'c'], false],
    ['have none below a DNAME', 'ns1.n', ['DNSRecord', 'n'], false],
    ['have an address at the apex', '@', ['ARecord', '@'], true],
    ['have none where only names below have one', 'e', ['ARecord', 'x.e'], false],
  ] as const)('%s', async (_, hostname, [kind, name], usable) => {
    const specs = {
      ARecord: record('ARecord', 'r', { name, addresses: ['192.0.2.1'] }),
      NSRecord: record('NSRecord', 'r', { name, nameserver: 'ns.example.net.' }),
      CNAMERecord: record('CNAMERecord', 'r', { name, target: 'ns.example.net.' }),
      DNSRecord: record('DNSRecord', 'r', { name, type: 'DNAME', data: ['example.net.'] }),
    };
    const host = hostname === '@' ? 'example.com.' : `${hostname}.example.com.`;
    const { lines } = await contentOf(zoneObject({ nameServers: [{ hostname: host }] }), [
      specs[kind],
    ]);
    expect(lines.includes(placeholder)).toBe(!usable);
  });
});

describe('a mistake in the zone itself', () => {
  test('is told with all others, and there is no content', async () => {
    const zone = zoneObject({
      ttl: 2 ** 31,
      soaRecord: {
        primaryNs: 'a_b.example.com.',
        adminEmail: 'a@b_c.example',
        refresh: 0,
        retry: -1,
        expire: 2 ** 31,
        negativeTtl: -1,
      },
      nameServers: [{ hostname: 'a..b', ipv4Address: '1.2.3', ipv6Address: 'x' }],
      nameServerIps: { 'a b': '1.2.3.4' },
    });
    const { problems, lines } = await contentOf(zone);
    expect(lines).toEqual([]);
    expect(problems).toEqual([
      'spec.ttl: want 0 to 2147483647, got 2147483648',
      'spec.nameServers[0].ipv4Address: want an IPv4 address, got "1.2.3"',
      'spec.nameServers[0].ipv6Address: want an IPv6 address, got "x"',
      'spec.nameServers[0].hostname: want labels between the dots, got an empty one in "a..b"',
      'spec.nameServerIps["a b"]: want a letter, a digit or an escape, got " " in "a b"',
      'spec.soaRecord.primaryNs: want a host name (letters, digits, inner hyphens), got a_b.example.com',
      'spec.soaRecord.adminEmail: want a mailbox such as hostmaster@example.com, got "a@b_c.example"',
      'spec.soaRecord.refresh: want 1 to 2147483647, got 0',
      'spec.soaRecord.retry: want 1 to 2147483647, got -1',
      'spec.soaRecord.expire: want 1 to 2147483647, got 2147483648',
      'spec.soaRecord.negativeTtl: want 0 to 2147483647, got -1',
    ]);
  });

  test('in its name leaves nothing to serve', async () => {
    expect((await contentOf(zoneObject({ zoneName: 'a..b' }))).problems).toEqual([
      'spec.zoneName: want labels between the dots, got an empty one in "a..b"',
    ]);
  });
});
