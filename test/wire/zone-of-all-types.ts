const addresses = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => [
    `host-${n} A 192.0.2.${n % 256}`,
    `host-${n} TXT "${`filler ${n} `.repeat(8)}"`,
  ]).flat();

/** Every type that has a form of its own on the wire's reading side, and others; `hosts` times two records more. */
export const zoneOfAllTypes = (serial: number, hosts: number): string =>
  [
    '$TTL 300',
    `@ SOA Ns1 Admin\\.of.All ${serial} 3600 600 86400 300`,
    '@ NS ns1',
    '@ NS ns.elsewhere.test.',
    '@ MX 10 Mail',
    '@ CAA 0 issue "ca.test; account=1"',
    '@ CAA 128 iodef "mailto:a@b.test"',
    'ns1 A 192.0.2.1',
    'mail A 192.0.2.2',
    'mail 60 AAAA 2001:db8::2',
    'v6 AAAA ::ffff:192.0.2.3',
    'v6 AAAA ::192.0.2.3',
    'v6 AAAA 1:0:0:2:0:0:0:3',
    'v6 AAAA 1:0:2:3:4:5:6:7',
    'v6 AAAA ::2',
    'www CNAME Host-0',
    '1.2.0.192.in-addr.arpa PTR ns1',
    'moved DNAME elsewhere.test.',
    'txt TXT "a;b" "q\\"u\\\\o" "\\195\\169" plain ""',
    `long TXT ${`"${'x'.repeat(250)}" `.repeat(6)}`,
    '_sip._tcp SRV 1 2 5060 Mail',
    '*.wild A 192.0.2.4',
    'sp\\032ace\\.dot\\;\\@ A 192.0.2.5',
    'sshfp SSHFP 1 1 123456789abcdef67890123456789abcdef67890',
    'tlsa TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef',
    'hinfo HINFO "pc" "linux"',
    'rp RP admin txt',
    'afsdb AFSDB 1 ns1',
    'naptr NAPTR 1 2 "s" "x" "" mail',
    'kx KX 1 mail',
    'rt RT 1 mail',
    'px PX 1 mail txt',
    'minfo MINFO mail txt',
    'mb MB mail',
    'loc LOC 52 0 0 N 13 0 0 E 30m',
    'ds DS 12345 8 2 f1e184c0e1d615d20eb3c223aced3b03c773dd952d5f0eb5c777586de18da6b5',
    'svc HTTPS 1 . alpn=h2',
    'apl APL 1:192.0.2.0/24',
    'unknown TYPE65400 \\# 3 abcdef',
    ...addresses(hosts),
    '',
  ].join('\n');

export const smallZone = (serial: number): string =>
  `$TTL 300\n@ SOA ns1 admin ${serial} 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n`;
