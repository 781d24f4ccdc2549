import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { ZonePlan } from '../../agent/plan/plan-zone.ts';
import { type PlanInputs, Planner } from '../../agent/plan/planner.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import type { DNSZone, DnsRecord, ObjectKey } from '../../agent/resources/types.ts';
import { hostManifest } from '../rig/manifests.ts';
import {
  isDnsRecord,
  objectsOf,
  peer,
  progressOf,
  registration,
  settings,
  viewOf,
  zoneObject,
} from './worlds.ts';

const self = registration('p0', 'primary');

const nobody: ReadonlySet<string> = new Set();

const inputs = (view: ClusterView, more: Partial<PlanInputs> = {}): PlanInputs => ({
  view,
  self,
  settings,
  compiled: { get: () => undefined },
  proven: nobody,
  outdated: new Map(),
  served: new Map(),
  foreign: nobody,
  ahead: new Map(),
  ...more,
});

const nameServers = [{ hostname: 'ns1.example.net.' }];

function recordOf(zone: string, address: string): DnsRecord {
  const [record] = objectsOf(hostManifest(zone, 'www', address));
  if (record === undefined || !isDnsRecord(record)) throw new Error('no record');
  return record;
}

const zoneOf = (
  zone: string,
  type: 'primary' | 'secondary' = 'primary',
  more: Partial<DNSZone['spec']> = {},
): DNSZone => {
  const outside = { secondaryConfig: { primaryServers: ['203.0.113.1'] }, type };
  return zoneObject(
    {
      zoneName: zone,
      clusterRef: 'main',
      nameServers,
      ...(type === 'primary' ? {} : outside),
      ...more,
    },
    zone.replaceAll('.', '-'),
  );
};

const names = ['a.example', 'b.example', 'c.example'];
const world = viewOf(
  [
    ...names.map((zone) => zoneOf(zone)),
    ...names.map((zone) => recordOf(zone, '192.0.2.1')),
    zoneOf('s.example', 'secondary'),
  ],
  { peers: new Map([['s0', peer('s0', 'secondary')]]) },
);
const key = (name: string): ObjectKey => `default/${name}` as ObjectKey;

const withRecord = (view: ClusterView, record: DnsRecord): ClusterView => ({
  ...view,
  progress: progressOf(2),
  records: new Map([...view.records, [record.key, record]]),
});

describe('planning again', () => {
  test('costs the one zone whose record changed; all others keep their very plans', () => {
    const planner = new Planner();
    const first = planner.plan(inputs(world));
    const second = planner.plan(inputs(withRecord(world, recordOf('b.example', '192.0.2.2'))));
    expect(second.changed).toEqual([key('b-example')]);
    for (const [zone, plan] of first.zones)
      if (zone !== key('b-example')) expect(second.zones.get(zone)).toBe(plan);
    expect(second.zones.get(key('b-example'))).not.toEqual(first.zones.get(key('b-example')));
  });

  test('costs nothing where peers only renewed, and statuses were only reported', () => {
    const planner = new Planner();
    const first = planner.plan(inputs(world));
    const renewed = new Map([['s0', { ...peer('s0', 'secondary'), version: '0.2.0' }]]);
    const allocated = { serial: 1, contentHash: '', by: 'p0', view: { manifests: 1 } };
    const statuses = new Map([[key('a-example'), { version: '2', allocated }]]);
    const second = planner.plan(inputs({ ...world, peers: renewed, statuses }));
    expect(second.changed).toEqual([]);
    expect(second.zones).toBe(first.zones);
  });

  test('for a peer with another address renders no content again', () => {
    const planner = new Planner();
    const first = planner.plan(inputs(world));
    const moved = new Map([['s0', peer('s0', 'secondary', { ips: ['10.9.9.9'] })]]);
    const second = planner.plan(inputs({ ...world, peers: moved }));
    expect(second.changed.length).toBe(world.zones.size);
    const contentOf = (plan: ZonePlan | undefined) =>
      plan?.kind === 'primary' ? plan.content : undefined;
    for (const zone of names.map((name) => key(name.replaceAll('.', '-')))) {
      expect(contentOf(second.zones.get(zone))).toBe(contentOf(first.zones.get(zone)));
      expect(contentOf(second.zones.get(zone))).toBeDefined();
    }
  });

  test('for a primary that was proven looks at the secondary zones alone', () => {
    const planner = new Planner();
    planner.plan(inputs(world));
    const proven = new Set(['203.0.113.1#53/s.example.']);
    expect(planner.plan(inputs(world, { proven })).changed).toEqual([key('s-example')]);
  });

  test('tells the zones that are gone', () => {
    const planner = new Planner();
    planner.plan(inputs(world));
    const zones = new Map([...world.zones].filter(([zone]) => zone !== key('a-example')));
    const plan = planner.plan(inputs({ ...world, zones }));
    expect(plan.changed).toEqual([key('a-example')]);
    expect(plan.zones.has(key('a-example'))).toBe(false);
  });

  test('for a peer that is ahead looks at the zone to be written here, and again when it is not any more', () => {
    const zone = zoneOf('a.example', 'primary', { updates: { allow: [] } });
    const statuses = new Map([[zone.key, { version: '1', writer: 'p0' }]]);
    const view = { ...viewOf([zone], { peers: world.peers }), statuses };
    const ahead = new Map<ObjectKey, string>();
    const planner = new Planner();
    const kindNow = () => planner.plan(inputs(view, { ahead })).zones.get(zone.key)?.kind;
    expect(kindNow()).toBe('primary');
    ahead.set(zone.key, 's0');
    expect(kindNow()).toBe('secondary');
    ahead.clear();
    expect(kindNow()).toBe('primary');
  });

  test('for a primary that lacks what was agreed on takes the zone from another', () => {
    const primaryServers = ['203.0.113.1', '203.0.113.2'];
    const zone = zoneOf('s.example', 'secondary', { secondaryConfig: { primaryServers } });
    const view = viewOf([zone], { peers: world.peers });
    const proven = new Set(primaryServers.map((address) => `${address}#53/s.example.`));
    const planner = new Planner();
    const from = (outdated: PlanInputs['outdated']) => {
      const plan = planner.plan(inputs(view, { proven, outdated })).zones.get(zone.key);
      return plan?.kind === 'secondary' ? plan.primaries.map(({ address }) => address) : [];
    };
    const first = from(new Map());
    const lacking = new Map([['s.example.' as DomainName, new Set([`${first[0]}#53`])]]);
    expect(from(lacking)[0]).not.toBe(first[0]);
  });

  test('gives a name to the next zone when the one that had it is gone', () => {
    const older = zoneObject(zoneOf('a.example').spec, 'older', {
      created: '2025-01-01T00:00:00Z',
    });
    const planner = new Planner();
    const both = new Map([...world.zones, [older.key, older]]);
    const first = planner.plan(inputs({ ...world, zones: both }));
    expect(first.zones.get(key('a-example'))?.kind).toBe('conflict');
    const second = planner.plan(inputs(world));
    expect(second.zones.get(key('a-example'))?.kind).toBe('primary');
  });

  test('asks for the same zone text until it was checked', () => {
    const view = viewOf([
      zoneObject({ zoneName: 'f.example', clusterRef: 'main', zoneFile: '@ NS ns1.example.net.' }),
    ]);
    const planner = new Planner();
    for (let round = 0; round < 2; round += 1) {
      const [plan] = planner.plan(inputs(view)).zones.values();
      expect(plan?.kind).toBe('pending');
    }
    const problems = [{ path: 'line 1', problem: 'wrong' }];
    const compiled = { get: () => ({ ok: false, problems }) as const };
    const [plan] = planner.plan(inputs(view, { compiled })).zones.values();
    expect(plan).toMatchObject({ kind: 'keep', problems: [{ path: 'spec.zoneFile line 1' }] });
  });
});

/** What else the spec of a zone may say. */
const more: Readonly<Record<string, Partial<DNSZone['spec']>>> = {
  updated: { updates: { allow: [] } },
  referring: { zoneFileFrom: { configMapKeyRef: { name: 'text', key: 'zone' } } },
};

/** One change of what a plan is made from. */
type Edit = (now: PlanInputs) => PlanInputs;

const zoneName = fc.constantFrom(...names, 's.example');
const edits: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(zoneName, fc.nat(3)).map(
    ([zone, last]): Edit =>
      (now) => ({
        ...now,
        view: withRecord(now.view, recordOf(zone, `192.0.2.${last}`)),
      }),
  ),
  zoneName.map(
    (zone): Edit =>
      (now) => {
        const records = new Map(now.view.records);
        records.delete(recordOf(zone, '192.0.2.1').key);
        return { ...now, view: { ...now.view, records } };
      },
  ),
  // A zone comes, goes, changes its type, or is there twice, the second one older or younger.
  fc
    .tuple(
      zoneName,
      fc.constantFrom('primary', 'secondary', 'updated', 'referring', 'gone' as const),
      fc.constantFrom('', '2025', '2027'),
    )
    .map(
      ([zone, type, since]): Edit =>
        (now) => {
          const zones = new Map(now.view.zones);
          const made = zoneOf(zone, type === 'secondary' ? 'secondary' : 'primary', more[type]);
          const object: DNSZone =
            since === ''
              ? made
              : zoneObject(made.spec, `${made.metadata.name}-${since}`, {
                  created: `${since}-01-01T00:00:00Z`,
                });
          if (type === 'gone') zones.delete(object.key);
          else zones.set(object.key, object);
          return { ...now, view: { ...now.view, zones } };
        },
    ),
  fc.nat(3).map(
    (last): Edit =>
      (now) => {
        const peers = last === 0 ? [] : [peer('s0', 'secondary', { ips: [`10.0.1.${last}`] })];
        return {
          ...now,
          view: { ...now.view, peers: new Map(peers.map((each) => [each.pod, each])) },
        };
      },
  ),
  fc.boolean().map(
    (proven): Edit =>
      (now) => ({
        ...now,
        proven: new Set(proven ? ['203.0.113.1#53/s.example.', '203.0.113.1#53/a.example.'] : []),
      }),
  ),
  zoneName.map(
    (zone): Edit =>
      (now) => ({ ...now, foreign: new Set([`${zone}.`]) }),
  ),
  zoneName.map(
    (zone): Edit =>
      (now) => ({
        ...now,
        outdated: new Map([[`${zone}.` as DomainName, new Set(['203.0.113.1#53'])]]),
      }),
  ),
  // As its owner does, in place.
  fc.tuple(zoneName, fc.constantFrom(undefined, 's0')).map(
    ([zone, peerAhead]): Edit =>
      (now) => {
        const ahead = now.ahead as Map<ObjectKey, string>;
        if (peerAhead === undefined) ahead.clear();
        else ahead.set(key(zone.replaceAll('.', '-')), peerAhead);
        return now;
      },
  ),
  fc.constantFrom('one', 'two').map(
    (text): Edit =>
      (now) => {
        const metadata = { name: 'text', namespace: 'default', labels: {}, annotations: {} };
        const map = {
          kind: 'ConfigMap',
          key: key('text'),
          metadata,
          data: { zone: text },
        } as const;
        return { ...now, view: { ...now.view, configMaps: new Map([[map.key, map]]) } };
      },
  ),
  fc.tuple(zoneName, fc.constantFrom(undefined, 'p0', 's0')).map(
    ([zone, writer]): Edit =>
      (now) => {
        const status = { version: '', ...(writer === undefined ? {} : { writer }) };
        const of = key(zone.replaceAll('.', '-'));
        const statuses = new Map([...now.view.statuses, [of, status]]);
        return { ...now, view: { ...now.view, statuses } };
      },
  ),
  zoneName.map(
    (zone): Edit =>
      (now) => {
        const name = `${zone}.` as DomainName;
        const entry: ServedZone = {
          zone: name,
          key: key(zone.replaceAll('.', '-')),
          uid: '',
          role: 'secondary',
          stanza: '',
          since: '',
          primaries: [{ address: '10.0.0.9', port: 53 }],
        };
        return { ...now, served: new Map([[name, entry]]) };
      },
  ),
);

/** A plan as far as it says what to do, by zone. */
const told = (zones: ReadonlyMap<ObjectKey, ZonePlan>) =>
  new Map(
    [...zones]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([zone, plan]) => [
        zone,
        { ...plan, ...(plan.kind === 'primary' ? { content: plan.content.hash } : {}) },
      ]),
  );

/** By zone, all that a zone is looked at for. */
const seenIn = ({ view, served }: PlanInputs, zones: ReadonlyMap<ObjectKey, ZonePlan>) =>
  new Map(
    [...zones].map(([zone, plan]) => [
      zone,
      [plan, view.statuses.get(zone), served.get(plan.zone)] as const,
    ]),
  );

type Seen = ReturnType<typeof seenIn>;

const differing = (a: Seen, b: Seen): ObjectKey[] =>
  [...new Set([...a.keys(), ...b.keys()])].filter((zone) => {
    const [before, now] = [a.get(zone), b.get(zone)];
    return now === undefined || now.some((each, index) => each !== before?.[index]);
  });

test('a plan that was kept up to date is the one that is made from nothing, whatever has changed', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(edits, { maxLength: 3 }), { maxLength: 12, size: 'max' }),
      (steps) => {
        const planner = new Planner();
        const compiled: PlanInputs['compiled'] = {
          get: ({ text }) => ({ ok: false, problems: [{ path: 'line 1', problem: text }] }),
        };
        let now = inputs(world, { compiled, ahead: new Map() });
        let before: Seen = new Map();
        for (const step of steps) {
          now = step.reduce((former, edit) => edit(former), now);
          const { zones, changed, touched } = planner.plan(now);
          expect(told(zones)).toEqual(told(new Planner().plan(now).zones));
          expect(touched).toEqual(expect.arrayContaining([...changed]));
          const seen = seenIn(now, zones);
          expect(touched).toEqual(expect.arrayContaining(differing(before, seen)));
          before = seen;
        }
      },
    ),
    { numRuns: 150 },
  );
});
