import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { objectName } from '../rig/manifests.ts';
import { makeRig, type Rig } from '../rig/rig.ts';
import { untilEqual } from '../rig/until.ts';
import { dig } from './dig.ts';
import { openRig } from './open-rig.ts';
import { listen, planOf } from './said.ts';

const patience = { withinMs: 30_000 };
const apiVersion = 'bindy.firestoned.io/v1beta1';
let lastOctet = 0;

/** A zone that is there all the time, and must be free to change whatever goes wrong beside it. */
const steady = 'steady.example';

const rig = openRig({ secondaries: 1 }, async (opened) => {
  await opened.start();
  await opened.ready();
  await opened.zone(steady);
  await opened.agreed(steady);
});

afterEach(async () => {
  await changeSteady();
  for (const pod of rig().pods.values()) expect(pod.namedStarts, pod.tails()).toBe(1);
});

async function changeSteady(): Promise<void> {
  lastOctet += 1;
  await rig().host(steady, 'www', `198.51.100.${lastOctet}`);
  await answers(`www.${steady}`, [`198.51.100.${lastOctet}`]);
}

/** Waits until every pod answers a name's A records with these. */
async function answers(name: string, addresses: readonly string[]): Promise<void> {
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, name), [...addresses].sort(), patience);
}

type Spec = Readonly<Record<string, unknown>>;

const object = (kind: string, name: string, spec: Spec): Spec => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
});

const dnsZone = (zone: string, spec: Spec = {}): Spec =>
  object('DNSZone', objectName(zone), {
    zoneName: zone,
    clusterRef: rig().cluster,
    ttl: 300,
    nameServers: [{ hostname: `ns1.${zone}.`, ipv4Address: '192.0.2.53' }],
    ...spec,
  });

const www = (zone: string, address: string, spec: Spec = {}): Spec =>
  object('ARecord', `${objectName(zone)}-www`, {
    zoneRef: objectName(zone),
    name: 'www',
    ipv4Addresses: [address],
    ...spec,
  });

/** JSON is YAML too. */
const listOf = (...objects: readonly Spec[]): string =>
  objects.map((each) => `${JSON.stringify(each, undefined, 1)}\n`).join('---\n');

const write = (file: string, ...objects: readonly Spec[]): Promise<void> =>
  rig().manifest(file, listOf(...objects));

const longLabel = 'x'.repeat(62);
/** 256 octets on the wire: one too many. */
const tooLong = `${[longLabel, longLabel, longLabel, longLabel].join('.')}.ab`;

describe('a DNSZone that turns wrong', () => {
  const zone = (index: number): string => `turned${index}.example`;
  const spec = (wrong: Spec) => (name: string) => [dnsZone(name, wrong)];
  const file = (name: string) => `${objectName(name)}.yaml`;
  const at = (name: string) => `DNSZone default/${objectName(name)}`;

  const cases: readonly {
    readonly is: string;
    readonly text: (zone: string) => string | readonly Spec[];
    readonly told: (zone: string) => readonly [object: string, reason: string];
  }[] = [
    {
      is: 'is not YAML',
      text: () => 'kind: DNSZone\nmetadata: [\n',
      told: (name) => [
        `DNSZone in ${file(name)}, document 1`,
        'want YAML, got in line 3, column 1: ',
      ],
    },
    {
      is: 'has no name',
      text: (name) => [{ ...dnsZone(name), metadata: {} }],
      told: (name) => [
        `DNSZone in ${file(name)}, document 1 (line 1)`,
        'metadata.name: want a name of lower case letters, digits, - and ., got nothing',
      ],
    },
    {
      is: 'has no zoneName',
      text: spec({ zoneName: undefined }),
      told: (name) => [at(name), 'spec.zoneName: want the name of a zone, got nothing'],
    },
    {
      is: 'has a zoneName of 256 bytes',
      text: spec({ zoneName: tooLong }),
      told: (name) => [at(name), 'spec.zoneName: want a name of at most 255 octets, got 256 in '],
    },
    ...[';', '"', "'", '\n', ' ', '{', '}', '$INCLUDE /etc/passwd'].map((part) => ({
      is: `has ${JSON.stringify(part)} in its zoneName`,
      text: (name: string) => [dnsZone(name, { zoneName: `${name}${part}` })],
      told: (name: string) =>
        [
          at(name),
          `spec.zoneName: want the name of a zone, got ${JSON.stringify(`${name}${part}`)}`,
        ] as const,
    })),
    {
      is: 'has the TTL -1',
      text: spec({ ttl: -1 }),
      told: (name) => [at(name), 'spec.ttl: want 0 to 2147483647, got -1'],
    },
    {
      is: 'has the TTL 2^31',
      text: spec({ ttl: 2 ** 31 }),
      told: (name) => [at(name), 'spec.ttl: want 0 to 2147483647, got 2147483648'],
    },
    {
      is: 'has the serial 2^32',
      text: spec({ soaRecord: { serial: 2 ** 32 } }),
      told: (name) => [at(name), 'spec.soaRecord.serial: want 0 to 4294967295, got 4294967296'],
    },
    {
      is: 'refreshes never',
      text: spec({ soaRecord: { refresh: 0 } }),
      told: (name) => [at(name), 'spec.soaRecord.refresh: want 1 to 2147483647, got 0'],
    },
    {
      is: 'has a name server that is no name',
      text: spec({ nameServers: [{ hostname: 'ns1 A 192.0.2.66' }] }),
      told: (name) => [
        at(name),
        'spec.nameServers[0].hostname: want a domain name, got "ns1 A 192.0.2.66"',
      ],
    },
    {
      is: 'has a zoneFile that includes another file',
      text: spec({ zoneFile: '$TTL 300\n@ SOA ns1 admin 1 2 3 4 5\n$INCLUDE /etc/passwd\n' }),
      told: (name) => [
        at(name),
        'spec.zoneFile line 3: want the whole zone in one text, got $INCLUDE',
      ],
    },
    {
      is: 'has a zoneFile that named cannot read',
      text: spec({
        zoneFile: '$TTL 300\n@ SOA ns1 admin 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.999\n',
      }),
      told: (name) => [at(name), "spec.zoneFile line 4: near '192.0.2.999': bad dotted quad"],
    },
  ];

  test('keeps its last good version served, is told with all that is wrong, and is changed once it is right', async () => {
    const names = cases.map((_, index) => zone(index));
    for (const name of names) await write(objectName(name), dnsZone(name), www(name, '192.0.2.1'));
    await rig().served(new Map(names.map((name) => [name, undefined])));
    const heard = listen(rig().pod('primary-0'));
    for (const [index, { text }] of cases.entries()) {
      const name = zone(index);
      const wrong = text(name);
      if (typeof wrong === 'string') await rig().manifest(objectName(name), wrong);
      else await write(objectName(name), ...wrong, www(name, '192.0.2.1'));
    }
    for (const [index, { told }] of cases.entries()) await heard(...told(zone(index)), 'is wrong');
    await changeSteady();
    const plan = await planOf(rig().pod('primary-0'));
    for (const [index, { told }] of cases.entries()) {
      const [what, why] = told(zone(index));
      expect(plan).toMatch(lineWith(what, why));
    }
    expect(plan).toMatch(/^Nothing would change\.\n/);
    for (const name of names) {
      expect(await rig().agreed(name)).toBe(1);
      await answers(`www.${name}`, ['192.0.2.1']);
    }
    for (const name of names) await write(objectName(name), dnsZone(name), www(name, '192.0.2.2'));
    for (const name of names) await answers(`www.${name}`, ['192.0.2.2']);
    expect(await planOf(rig().pod('primary-0'))).toBe('Nothing would change.\n');
  });
});

describe('a record', () => {
  test('that turns wrong is served as it was, is told, and leaves the others of its zone free to change', async () => {
    const zone = 'records.example';
    const record = (name: string, spec: Spec, kind = 'ARecord'): Spec =>
      object(kind, `r-${name}`, {
        zoneRef: objectName(zone),
        name,
        ipv4Addresses: ['192.0.2.1'],
        ...spec,
      });
    const cases: readonly (readonly [name: string, wrong: Spec, told: string])[] = [
      ['ttl-below', { ttl: -1 }, 'spec.ttl: want 0 to 2147483647, got -1'],
      ['ttl-above', { ttl: 2 ** 31 }, 'spec.ttl: want 0 to 2147483647, got 2147483648'],
      [
        'address',
        { ipv4Addresses: ['192.0.2.256'] },
        'spec.ipv4Addresses[0]: want an IPv4 address, got "192.0.2.256"',
      ],
      [
        'none',
        { ipv4Addresses: [] },
        'spec.ipv4Addresses: want at least one address, got an empty list',
      ],
      [
        'newline',
        { name: 'newline\nevil A 192.0.2.66' },
        'spec.name: want a domain name, got "newline\\nevil A 192.0.2.66"',
      ],
      ['long', { name: tooLong }, 'spec.name: want a name of at most 255 octets, got 256 in '],
    ];
    const names = cases.map(([name]) => name);
    await write('records', dnsZone(zone), ...names.map((name) => record(name, {})));
    for (const name of names) await answers(`${name}.${zone}`, ['192.0.2.1']);
    const heard = listen(rig().pod('primary-0'));
    const wrong = cases.map(([name, spec]) => record(name, spec));
    await write('records', dnsZone(zone), ...wrong, record('other', {}));
    for (const [name, , told] of cases) await heard(`ARecord default/r-${name}`, told, 'is wrong');
    const plan = await planOf(rig().pod('primary-0'));
    for (const [name, , told] of cases)
      expect(plan).toContain(`- ARecord default/r-${name}: ${told}`);
    await answers(`other.${zone}`, ['192.0.2.1']);
    for (const name of names) await answers(`${name}.${zone}`, ['192.0.2.1']);
    const right = names.map((name) => record(name, { ipv4Addresses: ['192.0.2.2'] }));
    await write('records', dnsZone(zone), ...right);
    for (const name of names) await answers(`${name}.${zone}`, ['192.0.2.2']);
  });

  test('that the zone cannot hold is left out and told, the rest is served', async () => {
    const zone = 'whole.example';
    const heard = listen(rig().pod('primary-0'));
    const cname = (name: string, owner: string): Spec =>
      object('CNAMERecord', name, { zoneRef: objectName(zone), name: owner, target: 'www' });
    const outside = (name: string, owner: string): Spec =>
      object('ARecord', name, {
        zoneRef: objectName(zone),
        name: owner,
        ipv4Addresses: ['192.0.2.66'],
      });
    const good = [dnsZone(zone), www(zone, '192.0.2.1')];
    await write(
      'whole',
      ...good,
      cname('at-apex', '@'),
      cname('beside', 'www'),
      outside('elsewhere', 'www.elsewhere.example.'),
      outside('sibling', `not${zone}.`),
    );
    const told = [
      [
        'CNAMERecord at-apex spec.name: whole.example CNAME is left out: want nothing beside a CNAME, got SOA, NS',
      ],
      [
        'CNAMERecord beside spec.name: www.whole.example CNAME is left out: want nothing beside a CNAME, got A',
      ],
      ['ARecord elsewhere spec.name: want a name in whole.example, got www.elsewhere.example'],
      ['ARecord sibling spec.name: want a name in whole.example, got notwhole.example'],
    ];
    for (const words of told) await heard('DNSZone default/whole-example', ...words, 'is wrong');
    const plan = await planOf(rig().pod('primary-0'));
    for (const words of told)
      expect(plan).toMatch(lineWith('DNSZone default/whole-example: ', ...words));
    await answers(`www.${zone}`, ['192.0.2.1']);
    expect(await rig().data('secondary-0', zone, 'CNAME')).toEqual([]);
    await write('whole', ...good);
    await heard('DNSZone default/whole-example', 'at-apex', 'was put right');
    expect(await planOf(rig().pod('primary-0'))).toBe('Nothing would change.\n');
  });

  test('set of 101 is served; one of 10,000, more than named takes, is left out and told', async () => {
    const zone = 'many.example';
    const many = (name: string, count: number, part = 0): Spec =>
      object('ARecord', `${name}-${part}`, {
        zoneRef: objectName(zone),
        name,
        ipv4Addresses: Array.from({ length: count }, (_, n) => `10.${part}.${n >> 8}.${n & 255}`),
      });
    const thousands = (count: number): Spec[] =>
      Array.from({ length: count }, (_, part) => many('thousands', 1000, part));
    const heard = listen(rig().pod('primary-0'));
    await write(
      'many',
      dnsZone(zone),
      many('hundred', 101),
      ...thousands(10),
      many('atonce', 10_000),
    );
    const told = [
      'ARecord default/atonce-0: spec.ipv4Addresses: want at most 1000 entries, got 10000',
      'DNSZone default/many-example: ARecord thousands-0 spec.ipv4Addresses: thousands.many.example A is left out: want at most 5000 records, got 10000',
    ];
    for (const words of told) await heard(...words.split(/(?<=-0|-example): /), 'is wrong');
    await rig().agreed(zone);
    const plan = await planOf(rig().pod('primary-0'));
    for (const words of told) expect(plan).toContain(`- ${words}`);
    for (const { place } of rig().pods.values()) {
      expect((await dig(place, `hundred.${zone}`, 'A')).answer).toHaveLength(101);
      for (const name of ['thousands', 'atonce'])
        expect((await dig(place, `${name}.${zone}`, 'A')).status).toBe('NXDOMAIN');
    }
    await write('many', dnsZone(zone), many('hundred', 102), ...thousands(2));
    for (const { place } of rig().pods.values()) {
      const answered = async () => (await dig(place, `thousands.${zone}`, 'A')).answer.length;
      await untilEqual(answered, 2000, patience);
    }
  });
});

describe('of two DNSZones of one name', () => {
  test('the older serves, the younger is told to be in conflict, and serves when it is alone', async () => {
    const zone = 'twice.example';
    const younger = { ...dnsZone(zone), metadata: { name: 'younger' } };
    const of = (name: string, address: string): Spec =>
      object('ARecord', `${name}-www`, { zoneRef: name, name: 'www', ipv4Addresses: [address] });
    await write('older', dnsZone(zone), of('twice-example', '192.0.2.1'));
    await answers(`www.${zone}`, ['192.0.2.1']);
    const heard = listen(rig().pod('primary-0'));
    await write('younger', younger, of('younger', '192.0.2.2'));
    const told = 'DNSZone default/twice-example is older and has zone twice.example';
    await heard('DNSZone default/younger', told, 'is wrong');
    expect(await planOf(rig().pod('primary-0'))).toContain(`- DNSZone default/younger: ${told}`);
    await write('older', dnsZone(zone), of('twice-example', '192.0.2.3'));
    await answers(`www.${zone}`, ['192.0.2.3']);
    await rig().manifest('older', undefined);
    await answers(`www.${zone}`, ['192.0.2.2']);
    await heard('DNSZone default/younger', 'was put right');
  });
});

describe('the serial 4294967295', () => {
  test('is served, and wraps to 1 at the next change, which every secondary follows', async () => {
    const zone = 'wrap.example';
    const spec = { soaRecord: { serial: 4_294_967_295 } };
    await write('wrap', dnsZone(zone, spec), www(zone, '192.0.2.1'));
    expect(await rig().agreed(zone)).toBe(4_294_967_295);
    for (const [address, serial] of [
      ['192.0.2.2', 1],
      ['192.0.2.3', 2],
    ] as const) {
      await write('wrap', dnsZone(zone, spec), www(zone, address));
      await answers(`www.${zone}`, [address]);
      await untilEqual(() => rig().agreed(zone), serial, patience);
    }
    await rig().pod('primary-0').killAgent();
    rig().pod('primary-0').startAgent();
    await rig().pod('primary-0').ready();
    await write('wrap', dnsZone(zone, spec), www(zone, '192.0.2.4'));
    await answers(`www.${zone}`, ['192.0.2.4']);
    // One more where the kill came between the change and its entry in the ledger.
    expect([3, 4]).toContain(await rig().agreed(zone));
  });
});

describe('a zone that named refuses', () => {
  const zone = 'refused.example';
  let strict: Rig;

  /** The user's own configuration is stricter than the agent can know. */
  beforeAll(async () => {
    const conf = join(rig().folder, 'strict.conf');
    strict = await makeRig({ secondaries: 0, agent: 'bundle', settings: { 'named.conf': conf } });
    const pod = strict.pod('primary-0');
    await pod.settle();
    const { address, dnsPort } = pod.place;
    writeFileSync(
      conf,
      `options {
        directory "${pod.path('state')}"; pid-file none; session-keyfile none;
        listen-on port ${dnsPort} { ${address}; }; listen-on-v6 { none; };
        recursion no; dnssec-validation no; allow-transfer { none; };
        check-mx-cname fail; max-records 10;
      };\n`,
    );
    await strict.start();
    await strict.ready();
    await strict.zone('other.example', { www: '192.0.2.1' });
    await strict.agreed('other.example');
  });
  afterAll(() => strict?.close());

  const mx: Spec = object('MXRecord', 'to-alias', {
    zoneRef: objectName(zone),
    name: '@',
    priority: 1,
    mailServer: 'alias',
  });
  const alias: Spec = object('CNAMERecord', 'alias', {
    zoneRef: objectName(zone),
    name: 'alias',
    target: 'www',
  });
  const more = Array.from({ length: 10 }, (_, index) =>
    object('ARecord', `more-${index}`, {
      zoneRef: objectName(zone),
      name: `more${index}`,
      ipv4Addresses: ['192.0.2.9'],
    }),
  );
  const put = (...objects: readonly Spec[]): Promise<void> =>
    strict.manifest('refused', listOf(dnsZone(zone), ...objects));

  async function otherChanges(address: string): Promise<void> {
    await strict.zone('other.example', { www: address });
    const read = () => strict.data('primary-0', 'www.other.example');
    await untilEqual(read, [address], patience);
  }

  test("from the start is told with named's reason, and served as soon as it is right", async () => {
    const heard = listen(strict.pod('primary-0'));
    await put(www(zone, '192.0.2.1'), mx, alias);
    await heard('failed to serve refused.example', "MX 'alias.refused.example' is a CNAME");
    await otherChanges('192.0.2.2');
    expect(await strict.serial('primary-0', zone)).toBeUndefined();
    await put(www(zone, '192.0.2.1'), mx);
    await strict.agreed(zone);
  });

  test('after a change is served as it was, also by a named that starts again, until it is right', async () => {
    const pod = strict.pod('primary-0');
    const serial = await strict.agreed(zone);
    const heard = listen(pod);
    await put(www(zone, '192.0.2.2'), mx, alias, ...more);
    await heard('failed to load refused.example', 'the last good one is served', 'is a CNAME');
    expect(await strict.serial('primary-0', zone)).toBe(serial);
    expect(await strict.data('primary-0', `www.${zone}`)).toEqual(['192.0.2.1']);
    await pod.killNamed();
    await untilEqual(() => strict.serial('primary-0', zone), serial, patience);
    await otherChanges('192.0.2.3');
    expect(await strict.data('primary-0', `www.${zone}`)).toEqual(['192.0.2.1']);
    await put(www(zone, '192.0.2.3'), mx);
    await untilEqual(() => strict.data('primary-0', `www.${zone}`), ['192.0.2.3'], patience);
  });
});

const lineWith = (...parts: readonly string[]): RegExp =>
  new RegExp(parts.map((part) => part.replaceAll(/[^A-Za-z0-9 ]/g, '\\$&')).join('.*'));
