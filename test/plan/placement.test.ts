import { describe, expect, test } from 'vitest';
import { type Placement, place } from '../../agent/plan/placement.ts';
import type { DNSZone, DNSZoneSpec } from '../../agent/resources/types.ts';
import {
  clusterObject,
  instanceObject,
  peer,
  registration,
  topology,
  zoneObject,
} from './worlds.ts';

const zoneName = 'example.com';
const blue = { labels: { role: 'primary', site: 'blue' } };

/** Two clusters; in `main` two instances of each role, of which one has the label `site: blue`. */
const pods = [
  peer('main-p1', 'primary'),
  peer('main-p2', 'primary', { ...blue, instance: 'primary-blue' }),
  peer('main-s1', 'secondary'),
  peer('main-s2', 'secondary', {
    labels: { role: 'secondary', site: 'blue' },
    instance: 'secondary-blue',
  }),
  peer('other-p1', 'primary', { cluster: 'other', instance: 'other-primary' }),
  peer('other-s1', 'secondary', { cluster: 'other', instance: 'other-secondary' }),
];
const world = topology(registration('main-p1', 'primary'), pods.slice(1));

const names = ({ primaries, secondaries, outside }: Placement) => ({
  primaries: primaries.map(({ pod }) => pod),
  secondaries: secondaries.map(({ pod }) => pod),
  ...(outside.length === 0 ? {} : { outside }),
});

const placed = (spec: Partial<DNSZoneSpec>, siblings: readonly DNSZone[] = [], in_ = world) =>
  names(place(zoneObject({ zoneName, ...spec }), siblings, in_));

const siteBlue = { matchLabels: { site: 'blue' } };

describe('a primary zone', () => {
  test("of a clusterRef is served by the cluster's instances, each in its role", () => {
    const wanted = { primaries: ['main-p1', 'main-p2'], secondaries: ['main-s1', 'main-s2'] };
    expect(placed({ clusterRef: 'main' })).toEqual(wanted);
    expect(placed({ type: 'primary', clusterRef: 'main' })).toEqual(wanted);
  });

  test('of a clusterRef that is the name of an instance is served by that instance', () => {
    expect(placed({ clusterRef: 'primary-blue' })).toEqual({
      primaries: ['main-p2'],
      secondaries: [],
    });
  });

  test('with a selector is served by the selected instances, each in its role', () => {
    expect(placed({ instanceSelector: siteBlue })).toEqual({
      primaries: ['main-p2'],
      secondaries: ['main-s2'],
    });
  });

  test('with selectors is served by what any of them selects', () => {
    const bind9InstancesFrom = [
      { selector: siteBlue },
      {
        selector: {
          matchExpressions: [{ key: 'role', operator: 'In' as const, values: ['secondary'] }],
        },
      },
    ];
    expect(placed({ bind9InstancesFrom })).toEqual({
      primaries: ['main-p2'],
      secondaries: ['main-s1', 'main-s2', 'other-s1'],
    });
  });

  test("with a selector and a clusterRef has the selected primaries, and the cluster's secondaries too", () => {
    expect(placed({ instanceSelector: siteBlue, clusterRef: 'other' })).toEqual({
      primaries: ['main-p2'],
      secondaries: ['main-s2', 'other-s1'],
    });
  });

  test('that asks for nobody is served by nobody', () => {
    expect(placed({})).toEqual({ primaries: [], secondaries: [] });
    expect(placed({ clusterRef: 'nowhere' })).toEqual({ primaries: [], secondaries: [] });
  });
});

describe('a secondary zone', () => {
  const primaryServers = ['203.0.113.1', '203.0.113.2:5353', '[2001:db8::1]:53'];

  test('of outside servers is served by the selected instances, whatever their role', () => {
    const outside = { secondaryConfig: { primaryServers }, type: 'secondary' as const };
    expect(placed({ ...outside, instanceSelector: siteBlue })).toEqual({
      primaries: [],
      secondaries: ['main-p2', 'main-s2'],
      outside: primaryServers,
    });
    expect(placed({ ...outside, clusterRef: 'other' })).toEqual({
      primaries: [],
      secondaries: ['other-p1', 'other-s1'],
      outside: primaryServers,
    });
  });

  test('of peers takes it from the primaries that serve the same name', () => {
    const primary = zoneObject({ zoneName, clusterRef: 'main' }, 'primary-zone');
    const spec = { type: 'secondary' as const, clusterRef: 'other' };
    expect(placed(spec, [primary])).toEqual({
      primaries: ['main-p1', 'main-p2'],
      secondaries: ['other-p1', 'other-s1'],
    });
    // The primaries know whom to notify.
    const secondary = zoneObject({ zoneName, ...spec }, 'secondary-zone');
    expect(placed({ clusterRef: 'main' }, [secondary])).toEqual({
      primaries: ['main-p1', 'main-p2'],
      secondaries: ['main-s1', 'main-s2', 'other-p1', 'other-s1'],
    });
  });

  test('of peers that nobody serves as primary has none, and still its secondaries', () => {
    expect(placed({ type: 'secondary', clusterRef: 'other' })).toEqual({
      primaries: [],
      secondaries: ['other-p1', 'other-s1'],
    });
  });
});

describe('a zone of another namespace', () => {
  const zone = zoneObject({ zoneName, clusterRef: 'main' }, 'example', { namespace: 'team' });
  const serving = (
    annotated: readonly ReturnType<typeof instanceObject | typeof clusterObject>[],
  ) =>
    names(place(zone, [], topology(registration('main-p1', 'primary'), pods.slice(1), annotated)))
      .primaries;
  const allow = (namespaces: string) => ({
    annotations: { 'bindy.firestoned.io/allow-zone-namespaces': namespaces },
  });

  test('is served by nobody who does not allow it', () => {
    expect(serving([instanceObject('primary', 'primary'), clusterObject('main')])).toEqual([]);
    expect(serving([instanceObject('primary', 'primary', allow('others, teams'))])).toEqual([]);
  });

  test('is served by an instance that allows it, or by all of a cluster that does', () => {
    expect(serving([instanceObject('primary', 'primary', allow('others, team'))])).toEqual([
      'main-p1',
    ]);
    expect(serving([clusterObject('main', allow('*'))])).toEqual(['main-p1', 'main-p2']);
  });
});

test('every pod sees the same placement, whoever it is itself', () => {
  const zone = zoneObject({ zoneName, clusterRef: 'main' });
  const seen = pods.map((self) =>
    names(place(zone, [], topology(self, pods.filter((pod) => pod !== self).reverse()))),
  );
  expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1);
});
