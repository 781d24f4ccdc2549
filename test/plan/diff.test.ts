import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import { explainAction, type Target } from '../../agent/plan/action.ts';
import { type DropInputs, diff, dropsIn, unwantedIn } from '../../agent/plan/diff.ts';
import type { PrimaryPlan, SecondaryPlan, ZonePlan } from '../../agent/plan/plan-zone.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import type { DNSZone, ObjectKey } from '../../agent/resources/types.ts';
import { zoneObject } from './worlds.ts';

const zone = 'example.com.' as DomainName;
const object = zoneObject({ zoneName: 'example.com' });
const placement = { primaries: [], secondaries: [], outside: [] };
const soa = { mname: zone, rname: zone, refresh: 60, retry: 60, expire: 600, minimum: 60 };

const content = (address: string) =>
  zoneContentOf({
    zone,
    soa,
    soaTtl: 60,
    rrsets: [{ owner: zone, type: 'A', ttl: 60, rdata: [address] }],
  });
const target = (serial: number, address = '192.0.2.1'): Target => ({
  content: content(address),
  serial,
});

const common = { zone, object, placement, problems: [], stanza: '{ type primary; };' };
const primary: PrimaryPlan = {
  ...common,
  kind: 'primary',
  content: content('192.0.2.1'),
  floor: undefined,
  ranked: [],
  notify: [],
  dynamic: false,
  claim: false,
};
const from = [{ address: '10.0.0.1', port: 53 }];
const secondary: SecondaryPlan = {
  ...common,
  kind: 'secondary',
  stanza: '{ type secondary; };',
  primaries: from,
  candidates: [],
};

const served = (now: Target | undefined, more: Partial<ServedZone> = {}): ServedZone => ({
  zone,
  key: object.key,
  uid: object.key,
  role: 'primary',
  stanza: primary.stanza,
  since: '',
  ...(now === undefined ? {} : { serial: now.serial, hash: now.content.hash }),
  ...more,
});

function explained(
  plans: readonly ZonePlan[],
  now: readonly ServedZone[],
  wanted: Target | 'on-disk' | undefined,
  more: Partial<DropInputs> = {},
): string[] {
  const planned = new Map(plans.map((plan) => [plan.object.key, plan]));
  const served = new Map(now.map((each) => [each.zone, each]));
  const inputs = {
    plans: planned,
    served,
    unwanted: unwantedIn(planned, served),
    unreadable: new Set<ObjectKey>(),
    removalsFrozen: undefined,
    ...more,
  };
  const targets = new Map(wanted === undefined ? [] : [[zone, wanted] as const]);
  return [...diff({ ...inputs, targets }), ...dropsIn(inputs)].map(explainAction);
}

test('a new primary zone is added with its content, once that is agreed on', () => {
  expect(explained([primary], [], target(7))).toEqual(['serve example.com as primary at serial 7']);
  expect(explained([primary], [], undefined)).toEqual([]);
});

test('a new zone that others write is added with what lies on the disk', () => {
  expect(explained([primary], [], 'on-disk')).toEqual(['serve example.com as primary']);
});

test('a new secondary zone is added with where it comes from', () => {
  expect(explained([secondary], [], undefined)).toEqual([
    'serve example.com as secondary of 10.0.0.1 port 53',
  ]);
  expect(explained([{ ...secondary, primaries: [] }], [], undefined)).toEqual([
    'serve example.com as secondary, no primary known yet',
  ]);
});

test('where nothing differs nothing is done', () => {
  expect(explained([primary], [served(target(7))], target(7))).toEqual([]);
});

test('other content, another serial, or content that is not known, is loaded', () => {
  const load = ['load example.com at serial 8, 1 records'];
  expect(explained([primary], [served(target(7))], target(8, '192.0.2.2'))).toEqual(load);
  expect(explained([primary], [served(target(7))], target(8))).toEqual(load);
  const unknown = { ...served(undefined), serial: 8 };
  expect(explained([primary], [unknown], target(8))).toEqual(load);
});

test('while its serial is not agreed on, what is served stays', () => {
  expect(explained([primary], [served(target(7, '192.0.2.9'))], undefined)).toEqual([]);
});

test('another stanza, another object, or a change that was not confirmed, is made (again)', () => {
  const modify = ['reconfigure example.com: primary'];
  expect(explained([primary], [served(target(7), { stanza: '{ };' })], target(7))).toEqual(modify);
  const key = zoneObject({ zoneName: 'example.com' }, 'former').key;
  expect(explained([primary], [served(target(7), { key })], target(7))).toEqual(modify);
  expect(explained([primary], [served(target(7), { pending: true })], target(7))).toEqual(modify);
});

test('a zone whose removal was begun is removed to the end first, also where the name is wanted again', () => {
  const now = served(target(7), { pending: true, dropping: true });
  expect(explained([primary], [now], target(7))).toEqual([
    'stop serving example.com: its removal was not finished',
  ]);
});

test('a zone that changes its role is promoted, with its content, or demoted', () => {
  const { stanza } = secondary;
  const was = served(undefined, { role: 'secondary', stanza, primaries: from });
  expect(explained([primary], [was], target(8))).toEqual([
    'promote example.com: primary',
    'load example.com at serial 8, 1 records',
  ]);
  expect(explained([secondary], [served(target(7))], undefined)).toEqual([
    'demote example.com: secondary of 10.0.0.1 port 53',
  ]);
});

test('a zone whose object is gone, or selects others now, or has another name, is dropped, and why is told', () => {
  const now = [served(target(7))];
  expect(explained([], now, undefined)).toEqual([
    'stop serving example.com: DNSZone default/example-com is gone',
  ]);
  const elsewhere = { kind: 'elsewhere', zone, object, placement, problems: [] } as const;
  expect(explained([elsewhere], now, undefined)).toEqual([
    'stop serving example.com: DNSZone default/example-com does not select this instance any more',
  ]);
  const renamed = { ...elsewhere, zone: 'example.net.' as DomainName };
  expect(explained([renamed], now, undefined)).toEqual([
    'stop serving example.com: DNSZone default/example-com has another zoneName now: example.net',
  ]);
  const why = 'DNSZone default/other is older and has zone example.com. on instance primary';
  expect(explained([{ kind: 'conflict', zone, object, placement, why }], now, undefined)).toEqual([
    `stop serving example.com: ${why}`,
  ]);
});

test('nothing is dropped that may be there after all', () => {
  const now = [served(target(7))];
  expect(explained([], now, undefined, { removalsFrozen: 'a folder cannot be read' })).toEqual([]);
  expect(explained([], now, undefined, { unreadable: new Set([object.key]) })).toEqual([]);
});

test('a zone that is wrong, suspended, or still being checked, keeps what is served', () => {
  const now = [served(target(7))];
  const keep = { kind: 'keep', zone, object, placement, why: '', problems: [] } as const;
  expect(explained([keep], now, undefined)).toEqual([]);
  expect(
    explained([{ kind: 'pending', zone, object, placement, requests: [] }], now, undefined),
  ).toEqual([]);
});

test('a zone that goes over to another object is not dropped in between', () => {
  const heir: DNSZone = zoneObject({ zoneName: 'example.com' }, 'heir');
  const gone = { kind: 'elsewhere', zone, object, placement, problems: [] } as const;
  expect(explained([gone, { ...primary, object: heir }], [served(target(7))], target(7))).toEqual([
    'reconfigure example.com: primary',
  ]);
});
