import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import type { ZoneStatus } from '../../agent/observe/cluster.ts';
import { claimantHere } from '../../agent/plan/claim.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import type { DNSZone, ObjectKey } from '../../agent/resources/types.ts';
import { peer, registration, topology, zoneObject } from './worlds.ts';

const name = 'example.com.' as DomainName;
const self = registration('main-p1', 'primary');
const world = topology(self, [
  peer('other-p1', 'primary', { cluster: 'other', instance: 'other' }),
]);

const zoneAt = (object: string, clusterRef: string, created?: string): DNSZone =>
  zoneObject(
    { zoneName: 'example.com', clusterRef },
    object,
    created === undefined ? {} : { created },
  );

interface About {
  readonly siblings?: readonly DNSZone[];
  readonly firstSeen?: Readonly<Record<string, string>>;
  readonly served?: DNSZone;
  readonly foreign?: boolean;
}

function claim(zone: DNSZone, about: About = {}) {
  const { siblings = [], firstSeen = {}, served, foreign = false } = about;
  const statuses = new Map<ObjectKey, ZoneStatus>(
    Object.entries(firstSeen).map(([object, seen]) => [
      `default/${object}` as ObjectKey,
      { version: '1', firstSeen: seen },
    ]),
  );
  const entry: ServedZone | undefined = served && {
    zone: name,
    key: served.key,
    uid: '',
    role: 'primary',
    stanza: '',
    since: '',
  };
  return claimantHere({ zone, name, siblings, topology: world }, statuses, entry, foreign);
}

const old = zoneAt('old', 'main', '2026-01-01T00:00:00Z');
const young = zoneAt('young', 'main', '2026-02-01T00:00:00Z');

test('an object that is alone with its name has it', () => {
  expect(claim(young)).toBe('ours');
});

test('of two objects on one instance the older serves, and the younger is told of it', () => {
  expect(claim(old, { siblings: [young] })).toBe('ours');
  expect(claim(young, { siblings: [old] })).toBe(
    'DNSZone default/old is older and has zone example.com. on instance primary',
  );
});

test('the older one elsewhere takes nothing away here', () => {
  const elsewhere = zoneAt('elsewhere', 'other', '2026-01-01T00:00:00Z');
  expect(claim(young, { siblings: [elsewhere] })).toBe('ours');
});

test('objects without a creation time are as old as their status, then as what is served, then as their names', () => {
  const [a, b] = [zoneAt('a', 'main'), zoneAt('b', 'main')];
  expect(claim(a, { siblings: [b] })).toBe('ours');
  expect(claim(a, { siblings: [b], served: b })).toMatch(/^DNSZone default\/b is older/);
  const firstSeen = { a: '2026-01-01T00:00:00Z', b: '2026-02-01T00:00:00Z' };
  expect(claim(a, { siblings: [b], served: b, firstSeen })).toBe('ours');
  expect(claim(b, { siblings: [a], served: b, firstSeen })).toMatch(/^DNSZone default\/a is older/);
});

test("what named has from the user's configuration comes before every object", () => {
  expect(claim(old, { foreign: true })).toBe(
    'instance primary has zone example.com. from its own configuration, which this agent does not touch',
  );
  // Nothing of it concerns who does not serve the zone here.
  expect(claim(zoneAt('elsewhere', 'other'), { foreign: true })).toBe('ours');
});
