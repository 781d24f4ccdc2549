import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { showProblem } from '../../agent/problem.ts';
import { type ReadObject, readObject } from '../../agent/resources/read-object.ts';
import type { DNSZone, DnsRecord } from '../../agent/resources/types.ts';

const origin = { where: 'zones.yaml, document 1 (line 1)', defaultNamespace: 'default' };
const beta = 'bindy.firestoned.io/v1beta1';

const read = (kind: string, spec: unknown, more: object = {}): ReadObject =>
  readObject({ apiVersion: beta, kind, metadata: { name: 'it' }, spec, ...more }, origin);

const zone = (spec: object): ReadObject => read('DNSZone', { zoneName: 'example.com', ...spec });

function problemsOf(result: ReadObject): string[] {
  if (result.kind === 'invalid') return result.invalid.problems.map(showProblem);
  return [`not invalid: ${result.kind}`];
}

function warningsOf(result: ReadObject): string[] {
  if (result.kind === 'object') return result.warnings.map(showProblem);
  return [JSON.stringify(result)];
}

function objectOf(result: ReadObject) {
  if (result.kind !== 'object') throw new Error(JSON.stringify(result));
  return result.object;
}

const zoneOf = (result: ReadObject): DNSZone => objectOf(result) as DNSZone;
const recordOf = (result: ReadObject): DnsRecord => objectOf(result) as DnsRecord;

describe('a zone', () => {
  test('needs no more than its name, and any part of an SOA', () => {
    expect(zoneOf(zone({})).spec).toEqual({ zoneName: 'example.com' });
    const soaRecord = { adminEmail: 'hostmaster@example.com', retry: 60 };
    expect(zoneOf(zone({ soaRecord })).spec.soaRecord).toEqual(soaRecord);
  });

  test('is told all of its problems at once, by schema and by rule, each with its field, the wanted and the got', () => {
    const result = read('DNSZone', {
      zoneName: 'exa mple.com',
      type: 'master',
      ttl: '3600',
      soaRecord: { refresh: 0, retry: 1.5, expire: 2 ** 31, serial: -1, primaryNs: 'a..b' },
      nameServers: [{ ipv4Address: '2001:db8::1' }, { hostname: 'ns', ipv6Address: '10.0.0.1' }],
      nameServerIps: { 'ns..1': '192.0.2.1', 'ns.2': 'here' },
      instanceSelector: {
        matchLabels: { canary: true },
        matchExpressions: [{ key: 'a', operator: 'In' }, { operator: 'Is' }],
      },
      secondaryConfig: { primaryServers: ['ns1.example.net', '10.0.0.1:99999', '10.0.0.1'] },
      zoneFile: '$ORIGIN x.',
      zoneFileFrom: { configMapKeyRef: { name: 'zones' } },
      dnssecPolicy: 'no such"; };',
      updates: { allow: ['external-dns', 'a b'] },
      transfer: {
        allowTransfer: ['10.0.0.1/8', 'any; }; include "/etc/passwd"', '!none'],
        alsoNotify: ['[::1]:53', '::1:'],
        tsigKeyRef: '"',
        tls: '',
      },
      suspend: 'no',
    });
    expect(problemsOf(result)).toEqual([
      'spec.zoneFileFrom: want only one of zoneFile and zoneFileFrom, got both',
      'spec.zoneName: want the name of a zone, got "exa mple.com"',
      'spec.type: want primary or secondary, got "master"',
      'spec.ttl: want 0 to 2147483647, got "3600"',
      'spec.soaRecord.refresh: want 1 to 2147483647, got 0',
      'spec.soaRecord.retry: want 1 to 2147483647, got 1.5',
      'spec.soaRecord.expire: want 1 to 2147483647, got 2147483648',
      'spec.soaRecord.serial: want 0 to 4294967295, got -1',
      expect.stringMatching(
        /^spec\.soaRecord\.primaryNs: want labels .* got an empty one in "a\.\.b"$/,
      ),
      'spec.nameServers[0].hostname: want a domain name, got nothing',
      'spec.nameServers[0].ipv4Address: want an IPv4 address, got "2001:db8::1"',
      'spec.nameServers[1].ipv6Address: want an IPv6 address, got "10.0.0.1"',
      expect.stringMatching(/^spec\.nameServerIps\["ns\.\.1"\]: want labels/),
      'spec.nameServerIps["ns.2"]: want an IP address, got "here"',
      'spec.instanceSelector.matchLabels.canary: want text, got true (in quotes it would be text)',
      'spec.instanceSelector.matchExpressions[0].values: want values for operator In, got an empty list',
      'spec.instanceSelector.matchExpressions[1].key: want text, got nothing',
      'spec.instanceSelector.matchExpressions[1].operator: want In, NotIn, Exists or DoesNotExist, got "Is"',
      'spec.secondaryConfig.primaryServers[0]: want an IP, ip:port or [ipv6]:port, got "ns1.example.net"',
      'spec.secondaryConfig.primaryServers[1]: want an IP, ip:port or [ipv6]:port, got "10.0.0.1:99999"',
      'spec.zoneFileFrom.configMapKeyRef.key: want a key (letters, digits, - _ and .), got nothing',
      'spec.dnssecPolicy: want a policy\'s name (letters, digits, - and _), got "no such\\"; };"',
      'spec.updates.allow[1]: want a key\'s name (letters, digits, - _ and .), got "a b"',
      'spec.transfer.allowTransfer[0]: want 10.0.0.0/8 (no bits beyond the prefix), got "10.0.0.1/8"',
      'spec.transfer.allowTransfer[1]: want an IP, a network, any, none, localhost, localnets or key "name", got "any; }; include \\"/etc/passwd\\""',
      'spec.transfer.alsoNotify[1]: want an IP, ip:port or [ipv6]:port, got "::1:"',
      'spec.transfer.tsigKeyRef: want a key\'s name (letters, digits, - _ and .), got "\\""',
      'spec.transfer.tls: want a key\'s name (letters, digits, - _ and .), got ""',
      'spec.suspend: want true or false, got "no"',
    ]);
  });

  test('that is secondary has no content of its own', () => {
    const spec = { type: 'secondary', zoneFile: 'x', updates: { allow: [] } };
    expect(
      problemsOf(zone({ ...spec, zoneFileFrom: { configMapKeyRef: { name: 'a', key: 'b' } } })),
    ).toEqual([
      'spec.zoneFileFrom: want only one of zoneFile and zoneFileFrom, got both',
      'spec.zoneFile: want none in a secondary zone, whose content comes by transfer, got "x"',
      'spec.zoneFileFrom: want none in a secondary zone, whose content comes by transfer, got a mapping',
      'spec.updates: want none in a secondary zone, whose content comes by transfer, got a mapping',
    ]);
  });

  test('that is primary is warned of a secondaryConfig', () => {
    expect(warningsOf(zone({ secondaryConfig: {} }))).toEqual([
      'spec.secondaryConfig: want type: secondary beside it, got none',
    ]);
  });

  test.each([
    ['www.example.com.', true],
    ['0/25.2.0.192.in-addr.arpa', true],
    ['_tcp.example.com', true],
    ['bücher.example', true],
    ['.', true],
    [`${'a'.repeat(63)}.example`, true],
    [`${'a'.repeat(64)}.example`, false],
    [Array(5).fill('a'.repeat(60)).join('.'), false],
    ['a..b', false],
    ['*.example.com', false],
    ['@', false],
    ['a;b', false],
    ['a"b', false],
    ['', false],
    ['example.com\n', false],
  ])('named %j is accepted: %j', (zoneName, accepted) => {
    expect(read('DNSZone', { zoneName }).kind).toBe(accepted ? 'object' : 'invalid');
  });

  test('gets its access rules in the form in which they stand in named.conf', () => {
    const allowTransfer = [' ! 10.0.0.1', 'ANY', 'key transfer', '2001:DB8::/32'];
    expect(zoneOf(zone({ transfer: { allowTransfer } })).spec.transfer?.allowTransfer).toEqual([
      '!10.0.0.1',
      'any',
      'key "transfer"',
      '2001:db8::/32',
    ]);
  });

  test('keeps the difference between nobody and nothing said', () => {
    expect(zoneOf(zone({ transfer: { allowTransfer: [] } })).spec.transfer).toEqual({
      allowTransfer: [],
    });
    expect(zoneOf(zone({ transfer: { allowTransfer: null } })).spec.transfer).toEqual({});
  });
});

describe('unknown fields', () => {
  test('are kept, and told where a slip of the finger explains them or nothing reads them', () => {
    const result = zone({ soaRecord: { refesh: 5 }, clusterref: 'c', shoeSize: 44 });
    expect(warningsOf(result)).toEqual([
      'spec.soaRecord.refesh: unknown field: did you mean refresh?',
      'spec.clusterref: unknown field: did you mean clusterRef?',
      'spec.shoeSize: unknown field: it has no effect',
    ]);
    expect(zoneOf(result).spec).toMatchObject({ shoeSize: 44 });
  });

  test('come with the problems that they explain', () => {
    expect(problemsOf(read('DNSZone', { zonename: 'example.com' }))).toEqual([
      'spec.zoneName: want the name of a zone, got nothing',
      'spec.zonename: unknown field: did you mean zoneName?',
    ]);
    expect(problemsOf(read('DNSZone', undefined, { Spec: {} })).at(-1)).toBe(
      'Spec: unknown field: did you mean spec?',
    );
  });

  test('of instances and clusters belong to others', () => {
    expect(
      warningsOf(read('Bind9Instance', { storage: {}, image: { image: 'x' }, rolle: 'primary' })),
    ).toEqual(['spec.rolle: unknown field: did you mean role?']);
  });

  test('that are null are as if they were absent', () => {
    expect(zoneOf(zone({ ttl: null, soaRecord: { refresh: null, retry: 7 } })).spec).toEqual({
      zoneName: 'example.com',
      soaRecord: { retry: 7 },
    });
    expect(problemsOf(read('DNSZone', { zoneName: null }))).toEqual([
      'spec.zoneName: want the name of a zone, got nothing',
    ]);
  });
});

describe('an instance', () => {
  test('is told what is wrong with its options', () => {
    const config = {
      recursion: 'yes',
      allowQuery: ['10.0.0.0/33'],
      allowTransfer: [1],
      forwarders: ['resolver.example'],
      listenOn: ['localhost', 'key x'],
      dnssec: { validation: 'auto' },
    };
    expect(
      problemsOf(read('Bind9Instance', { version: 9.18, role: 'master', replicas: 101, config })),
    ).toEqual([
      'spec.version: want text, got 9.18 (in quotes it would be text)',
      'spec.role: want primary or secondary, got "master"',
      'spec.replicas: want 0 to 100, got 101',
      'spec.config.recursion: want true or false, got "yes"',
      'spec.config.allowQuery[0]: want an IP, a network, any, none, localhost, localnets or key "name", got "10.0.0.0/33"',
      'spec.config.allowTransfer[0]: want text, got 1 (in quotes it would be text)',
      'spec.config.forwarders[0]: want an IP, ip:port or [ipv6]:port, got "resolver.example"',
      'spec.config.listenOn[0]: want an IP, a network, any or none, got "localhost"',
      'spec.config.listenOn[1]: want an IP, a network, any or none, got "key x"',
      'spec.config.dnssec.validation: want true or false, got "auto"',
    ]);
  });

  test('is warned of what named or the agent would pass over in silence', () => {
    const config = { listenOn: ['::1'], listenOnV6: ['10.0.0.0/8', 'any'] };
    expect(warningsOf(read('Bind9Instance', { config, primaryServers: ['ns1.example'] }))).toEqual([
      'spec.primaryServers[0]: want an IP, ip:port or [ipv6]:port, got "ns1.example": it is not used',
      'spec.config.listenOn[0]: want an IPv4 address, got "::1": it has no effect',
      'spec.config.listenOnV6[0]: want an IPv6 address, got "10.0.0.0/8": it has no effect',
    ]);
  });

  test('needs nothing at all', () => {
    expect(objectOf(read('Bind9Instance', undefined))).toMatchObject({ spec: {} });
  });
});

test('a cluster is told what is wrong with the options that its instances share', () => {
  const spec = { global: { allowQuery: ['nobody'] }, primary: { replicas: '2' } };
  expect(problemsOf(read('Bind9Cluster', spec))).toEqual([
    'spec.global.allowQuery[0]: want an IP, a network, any, none, localhost, localnets or key "name", got "nobody"',
    'spec.primary.replicas: want 0 to 100, got "2"',
  ]);
});

describe('a record', () => {
  test('has its addresses in one list, whichever version wrote it', () => {
    for (const apiVersion of ['bindy.firestoned.io/v1alpha1', beta])
      for (const spec of [
        { name: 'www', ipv4Address: '192.0.2.1' },
        { name: 'www', ipv4Addresses: ['192.0.2.1'] },
        { name: 'www', ipv4Address: '192.0.2.1', ipv4Addresses: ['192.0.2.1'] },
      ])
        expect(recordOf(read('ARecord', spec, { apiVersion }))).toEqual({
          kind: 'ARecord',
          apiVersion,
          key: 'ARecord/default/it',
          metadata: { name: 'it', namespace: 'default', labels: {}, annotations: {} },
          spec: { name: 'www', addresses: ['192.0.2.1'] },
        });
  });

  test('has its addresses canonical, sorted and without doubles', () => {
    const ipv6Addresses = ['2001:DB8:0::2', '2001:db8::1', '2001:db8::2'];
    expect(recordOf(read('AAAARecord', { name: 'www', ipv6Addresses })).spec).toMatchObject({
      addresses: ['2001:db8::1', '2001:db8::2'],
    });
  });

  test('takes no address of the other family, nor from a field of the other kind', () => {
    expect(
      problemsOf(read('ARecord', { name: 'www', ipv4Address: '::1', ipv4Addresses: ['x'] })),
    ).toEqual([
      'spec.ipv4Address: want an IPv4 address, got "::1"',
      'spec.ipv4Addresses[0]: want an IPv4 address, got "x"',
    ]);
    const spec = { name: 'www', ipv4Address: '192.0.2.1', ipv6Address: 'anything' };
    expect(recordOf(read('ARecord', spec)).spec).toMatchObject({ addresses: ['192.0.2.1'] });
  });

  test('needs an address', () => {
    expect(problemsOf(read('ARecord', { name: 'www' }))).toEqual([
      'spec.ipv4Addresses: want at least one address, got nothing',
    ]);
    expect(problemsOf(read('AAAARecord', { name: 'www', ipv6Addresses: [] }))).toEqual([
      'spec.ipv6Addresses: want at least one address, got an empty list',
    ]);
  });

  test.each([
    [
      'CNAMERecord',
      [
        'spec.name: want a domain name, got nothing',
        'spec.target: want a domain name, got nothing',
      ],
    ],
    ['MXRecord', ['spec.name', 'spec.priority: want 0 to 65535, got nothing', 'spec.mailServer']],
    ['NSRecord', ['spec.name', 'spec.nameserver']],
    ['TXTRecord', ['spec.name', 'spec.text: want a list, got nothing']],
    ['SRVRecord', ['spec.name', 'spec.priority', 'spec.weight', 'spec.port', 'spec.target']],
    [
      'CAARecord',
      ['spec.name', 'spec.flags: want 0 to 255, got nothing', 'spec.tag', 'spec.value'],
    ],
    ['PTRRecord', ['spec.name', 'spec.target']],
    ['DNSRecord', ['spec.name', 'spec.type', 'spec.data']],
  ])('of kind %s is told each field that it lacks', (kind, problems) => {
    expect(problemsOf(read(kind, {}))).toEqual(
      problems.map((problem) => expect.stringContaining(problem)),
    );
  });

  test('of any type has its type in upper case, and data that stay on one line', () => {
    const data = ['10 3600 "a; (b" \\;x', '( 1\t2 )'];
    expect(recordOf(read('DNSRecord', { name: '@', type: 'type65400', data })).spec).toEqual({
      name: '@',
      type: 'TYPE65400',
      data,
    });
    for (const bad of ['1 (2', '1 ; comment', 'x\n$INCLUDE /etc/passwd', '"open', 'end\\', ''])
      expect(problemsOf(read('DNSRecord', { name: '@', type: 'TXT', data: [bad] }))).toEqual([
        expect.stringMatching(/^spec\.data\[0\]: want .*/),
      ]);
  });

  test.each(['SOA', 'rrsig', 'AXFR', 'A B', '$INCLUDE'])('of type %s is refused', (type) => {
    expect(problemsOf(read('DNSRecord', { name: '@', type, data: ['x'] }))).toEqual([
      expect.stringMatching(/^spec\.type: want .*, got /),
    ]);
  });

  test.each(['a b', 'a..b', 'x;y', `${'a'.repeat(64)}`])('named %j is refused', (name) => {
    expect(problemsOf(read('NSRecord', { name, nameserver: 'ns' }))).toEqual([
      expect.stringMatching(/^spec\.name: want .*, got /),
    ]);
  });
});

describe('metadata', () => {
  test('is read leniently but for what names the object', () => {
    const metadata = {
      name: 'it',
      labels: { role: 'primary', canary: true, tier: 1, bad: {} },
      annotations: 'none',
      generation: '4',
      uid: 7,
      creationTimestamp: null,
    };
    expect(
      objectOf(
        readObject(
          { apiVersion: beta, kind: 'DNSZone', metadata, spec: { zoneName: 'a' } },
          origin,
        ),
      ).metadata,
    ).toEqual({
      name: 'it',
      namespace: 'default',
      labels: { role: 'primary', canary: 'true', tier: '1' },
      annotations: {},
    });
  });

  test('of the API server is kept', () => {
    const metadata = {
      name: 'it',
      namespace: 'dns',
      uid: 'u',
      generation: 4,
      creationTimestamp: '2026-01-01T00:00:00Z',
    };
    expect(objectOf(read('DNSZone', { zoneName: 'a' }, { metadata })).metadata).toEqual({
      ...metadata,
      labels: {},
      annotations: {},
    });
  });

  test.each([
    [undefined, 'metadata.name', 'got nothing'],
    [{}, 'metadata.name', 'got nothing'],
    [{ name: '../../etc/passwd' }, 'metadata.name', 'got "../../etc/passwd"'],
    [{ name: 'Upper' }, 'metadata.name', 'got "Upper"'],
    [{ name: 'a'.repeat(254) }, 'metadata.name', 'got "aaa'],
    [{ name: 'a', namespace: 'b/c' }, 'metadata.namespace', 'got "b/c"'],
    ['x', 'metadata', 'got "x"'],
  ])('%j makes an object that is named by its place', (metadata, path, got) => {
    const result = read('DNSZone', { zoneName: 'a..b' }, { metadata });
    expect(result).toMatchObject({
      kind: 'invalid',
      named: false,
      invalid: { object: `DNSZone in ${origin.where}` },
    });
    expect(problemsOf(result)).toEqual([
      expect.stringMatching(new RegExp(`^${path}: want .*`)),
      expect.stringContaining('spec.zoneName: want'),
    ]);
    expect(problemsOf(result)[0]).toContain(got);
  });
});

describe('an object', () => {
  test('that is wrong keeps its name, and a zone its key', () => {
    expect(read('DNSZone', {})).toMatchObject({
      named: true,
      invalid: { object: 'DNSZone default/it', zone: 'default/it' },
    });
    expect(read('ARecord', {})).toMatchObject({
      named: true,
      invalid: { object: 'ARecord default/it' },
    });
  });

  test.each(['bindy.firestoned.io/v1', 'bindy.firestoned.io', 'v1beta1'])(
    'of apiVersion %s is told which ones there are',
    (apiVersion) => {
      expect(problemsOf(read('DNSZone', { zoneName: 'a' }, { apiVersion }))).toEqual([
        `apiVersion: want bindy.firestoned.io/v1beta1 or bindy.firestoned.io/v1alpha1, got "${apiVersion}"`,
      ]);
    },
  );

  test('of a kind that is nearly ours is told the right one', () => {
    expect(problemsOf(read('DnsZone', {}))).toEqual(['kind: want DNSZone, got "DnsZone"']);
    expect(problemsOf(read('Gadget', {}))[0]).toMatch(
      /^kind: want DNSZone, .* or DNSRecord, got "Gadget"$/,
    );
  });

  test.each([
    ['Deployment', 'apps/v1', 'the agent does not use this kind'],
    ['Namespace', 'v1', 'the agent does not use this kind'],
    ['Service', 'v1', 'the agent does not use this kind'],
    ['ClusterBind9Provider', beta, 'the agent does not use this kind'],
    ['DNSZone', 'dns.example/v1', `want apiVersion ${beta} for it to be used, got dns.example/v1`],
  ])('of kind %s of %s is skipped with a note', (kind, apiVersion, why) => {
    expect(read(kind, {}, { apiVersion })).toEqual({
      kind: 'skipped',
      object: `${kind} default/it`,
      why,
    });
  });

  test.each([
    [null, 'want an object with apiVersion and kind, got nothing'],
    [[1], 'want an object with apiVersion and kind, got a list'],
    ['x', 'want an object with apiVersion and kind, got "x"'],
    [{ apiVersion: beta }, 'kind: want text, got nothing'],
    [{ kind: 'DNSZone', apiVersion: 1, metadata: { name: 'it' } }, 'apiVersion: want text, got 1'],
  ])('%j is none', (value, problem) => {
    expect(problemsOf(readObject(value, origin))[0]).toBe(problem);
  });

  test('that is a ConfigMap gives its texts, or every value that is none', () => {
    const configMap = { apiVersion: 'v1', binaryData: { x: 'AA==' } };
    expect(
      objectOf(read('ConfigMap', undefined, { ...configMap, data: { zone: '@ SOA', none: null } })),
    ).toMatchObject({
      kind: 'ConfigMap',
      key: 'default/it',
      data: { zone: '@ SOA' },
    });
    expect(
      problemsOf(read('ConfigMap', undefined, { ...configMap, data: { a: 1, 'b.c': true } })),
    ).toEqual(['data.a: want text, got 1', 'data["b.c"]: want text, got true']);
  });

  test('whatever it is never makes its reader throw', () => {
    const kinds = ['DNSZone', 'Bind9Instance', 'Bind9Cluster', 'ARecord', 'DNSRecord', 'ConfigMap'];
    const fields = fc.constantFrom('zoneName', 'soaRecord', 'config', 'transfer', '__proto__', 'x');
    const object = fc.record({
      apiVersion: fc.constantFrom(beta, 'v1'),
      kind: fc.constantFrom(...kinds, 'constructor', '__proto__', 'toString'),
      metadata: fc.oneof(fc.constant({ name: 'it' }), fc.jsonValue()),
      spec: fc.oneof(fc.dictionary(fields, fc.jsonValue()), fc.jsonValue()),
      data: fc.jsonValue(),
    });
    fc.assert(
      fc.property(fc.oneof(object, fc.jsonValue(), fc.anything()), (value) => {
        expect(readObject(value, origin).kind).toMatch(/^(object|invalid|skipped)$/);
      }),
      { numRuns: 2000 },
    );
  });

  test('so deep that nobody could walk it is read all the same', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`);
    expect(read('Bind9Instance', { volumes: deep, role: null }).kind).toBe('object');
  });
});
