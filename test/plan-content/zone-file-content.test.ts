import { describe, expect, test } from 'vitest';
import { contentOf, plainZone, record, zoneObject } from './objects.ts';

const text = `$TTL 1h
$ORIGIN example.com.
@ IN SOA ns1 admin ( 2026112101 ; serial
    2h 30m 2w 5m )
  NS ns1
  NS ns2.example.net.
ns1 A 192.0.2.53
www 60 IN A 192.0.2.1
$GENERATE 1-3 host$ A 192.0.2.$
$ORIGIN sub
@ MX 10 Mail.Example.COM.
key SSHFP 1 1 ${'ab'.repeat(20)}
`;

describe('content of a zone file', () => {
  test('is that of the file, its timers kept and its serial a floor', async () => {
    const { lines, problems, floor, content } = await contentOf(zoneObject({ zoneFile: text }));
    expect(problems).toEqual([]);
    expect(floor).toBe(2_026_112_101);
    expect(content?.soaTtl).toBe(3600);
    expect(content?.soa).toEqual({
      mname: 'ns1.example.com.',
      rname: 'admin.example.com.',
      refresh: 7200,
      retry: 1800,
      expire: 1_209_600,
      minimum: 300,
    });
    expect(lines).toEqual([
      'example.com. 3600 IN NS ns1.example.com.',
      'example.com. 3600 IN NS ns2.example.net.',
      'host1.example.com. 3600 IN A 192.0.2.1',
      'host2.example.com. 3600 IN A 192.0.2.2',
      'host3.example.com. 3600 IN A 192.0.2.3',
      'ns1.example.com. 3600 IN A 192.0.2.53',
      'sub.example.com. 3600 IN MX 10 mail.example.com.',
      `key.sub.example.com. 3600 IN SSHFP 1 1 ${'AB'.repeat(20)}`,
      'www.example.com. 60 IN A 192.0.2.1',
    ]);
  });

  test('has the hash of the same records as resources', async () => {
    const file = await contentOf(
      zoneObject({
        zoneFile:
          '@ 300 SOA NS1.example.net. Admin 5 3600 600 604800 300\n@ 300 NS Ns1.Example.net.\nwww 300 TXT a\\;b "c\\"d\\009" ""\n',
      }),
    );
    const records = await contentOf(
      plainZone({ ttl: 300, soaRecord: { adminEmail: 'admin@example.com' } }),
      [record('TXTRecord', 't', { name: 'www', text: ['a;b', 'c"d\t', ''] })],
    );
    expect(file.problems).toEqual([]);
    expect(file.content?.hash).toBe(records.content?.hash);
  });

  test('takes the newer of its serial and the one in the spec for the floor', async () => {
    const zone = (serial: number) => zoneObject({ zoneFile: text, soaRecord: { serial } });
    expect((await contentOf(zone(2_026_112_109))).floor).toBe(2_026_112_109);
    expect((await contentOf(zone(7))).floor).toBe(2_026_112_101);
    const last = text.replace('2026112101', '4294967295');
    expect((await contentOf(zoneObject({ zoneFile: last }))).floor).toBe(4_294_967_295);
  });

  test('may come from a ConfigMap, and must be there', async () => {
    const zone = zoneObject({
      zoneFileFrom: { configMapKeyRef: { name: 'zones', key: 'example' } },
    });
    expect((await contentOf(zone, [], text)).lines).toHaveLength(9);
    const missing = await contentOf(zone, [
      record('ARecord', 'a', { name: 'a', addresses: ['192.0.2.1'] }),
    ]);
    expect(missing.lines).toEqual([]);
    expect(missing.problems).toEqual([
      'spec.zoneFileFrom.configMapKeyRef: want the key example in the ConfigMap zones, got none: it is not there, or this agent could not read it',
    ]);
  });

  test('tells of records beside it, which are not served', async () => {
    const records = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((name) =>
      record('ARecord', name, { name, addresses: ['192.0.2.1'] }),
    );
    const { lines, problems } = await contentOf(zoneObject({ zoneFile: text }), records);
    expect(lines).toHaveLength(9);
    expect(problems).toEqual([
      'spec.zoneFile: want no record objects beside a zone file, got ARecord a, ARecord b, ARecord c, ARecord d, ARecord e and 2 more: they are not served',
    ]);
  });

  test('leaves out what named would refuse, and tells of what it reads past', async () => {
    const bad = 'a_b A 192.0.2.9\nwww.example.org. A 192.0.2.9\nlong 4294967295 A 192.0.2.9\n';
    const { lines, problems } = await contentOf(
      zoneObject({ zoneFile: text.replace('$ORIGIN sub', `${bad}$ORIGIN sub`) }),
    );
    expect(lines).toHaveLength(10);
    expect(lines).toContain('long.example.com. 0 IN A 192.0.2.9');
    expect(problems).toEqual([
      'spec.zoneFile line 11: ignoring out-of-zone data (www.example.org)',
      'spec.zoneFile line 12: $TTL 4294967295 > MAXTTL, setting $TTL to 0',
      'spec.zoneFile: a_b.example.com A is left out: want a host name (letters, digits, inner hyphens) as owner, got a_b.example.com',
    ]);
  });
});

describe('a zone file that cannot be used', () => {
  const head =
    '@ 300 SOA ns1.example.net. admin 5 3600 600 604800 300\n@ 300 NS ns1.example.net.\n';

  test.each([
    [
      'for mistakes on lines, in the order of the lines',
      `${head}a 300 A 192.0.2.300\nb 300 CNAME c\nb 300 A 192.0.2.1\n`,
      [
        "spec.zoneFile line 3: near '192.0.2.300': bad dotted quad",
        'spec.zoneFile line 5: b.example.com: CNAME and other data',
      ],
    ],
    [
      'for an $INCLUDE',
      `${head}\n$include /etc/passwd\n`,
      ['spec.zoneFile line 4: want the whole zone in one text, got $INCLUDE'],
    ],
    [
      'for an open quote',
      `${head}a TXT "x\n`,
      ['spec.zoneFile line 3: want a closing quote on the same line'],
    ],
    ['without NS', head.split('\n').slice(0, 1).join('\n'), ['spec.zoneFile: has no NS records']],
    [
      'with a name server without an address',
      head.replace('NS ns1.example.net.', 'NS ns1'),
      ["spec.zoneFile: NS 'ns1.example.com' has no address records (A or AAAA)"],
    ],
    [
      'without an SOA',
      'a 300 A 192.0.2.1\n',
      ['spec.zoneFile: has 0 SOA records', 'spec.zoneFile: has no NS records'],
    ],
    ['that is empty', '', ['spec.zoneFile: has 0 SOA records', 'spec.zoneFile: has no NS records']],
    [
      'for the names in its SOA',
      head.replace('ns1.example.net. admin', 'n_s.example.net. admin.a_b'),
      [
        'spec.zoneFile SOA: want a host name as MNAME, got n_s.example.net',
        'spec.zoneFile SOA: want a mailbox as RNAME, got admin.a_b.example.com',
      ],
    ],
  ])('%s says why', async (_, zoneFile, problems) => {
    const outcome = await contentOf(zoneObject({ zoneFile }), [], zoneFile);
    expect(outcome.lines).toEqual([]);
    expect(outcome.problems).toEqual(problems);
  });
});
