import { beforeEach, expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import { makeLog } from '../../agent/log.ts';
import type { ClusterView, ZoneStatus } from '../../agent/observe/cluster.ts';
import { type AgreementDeps, Agreements } from '../../agent/pass/agreements.ts';
import type { PrimaryPlan } from '../../agent/plan/plan-zone.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import type { DNSZone, ObjectKey } from '../../agent/resources/types.ts';
import { peer, progressOf, registration, zoneObject } from './worlds.ts';

const soaOf = (zone: DomainName) =>
  ({ mname: zone, rname: zone, refresh: 60, retry: 60, expire: 600, minimum: 60 }) as const;

function planOf(label: string, ranked: readonly string[] = ['p0', 'p1']): PrimaryPlan {
  const zone = `${label}.example.` as DomainName;
  const rrsets = [{ owner: zone, type: 'A', ttl: 60, rdata: ['192.0.2.1'] }];
  return {
    kind: 'primary',
    zone,
    object: zoneObject({ zoneName: `${label}.example`, clusterRef: 'main' }, label),
    placement: {
      primaries: [registration('p0', 'primary'), peer('p1', 'primary')],
      secondaries: [],
      outside: [],
    },
    content: zoneContentOf({ zone, soa: soaOf(zone), soaTtl: 60, rrsets }),
    ranked,
    floor: undefined,
    notify: [],
    dynamic: false,
    claim: false,
    stanza: '',
    problems: [],
  };
}

const plansOf = (label: string, count: number, ranked?: readonly string[]): PrimaryPlan[] =>
  Array.from({ length: count }, (_, at) => planOf(`${label}-${at}`, ranked));

let now = 0;
let pauses: number[] = [];
beforeEach(() => {
  now = 0;
  pauses = [];
});

/** p0, whose writes take so long, among what is agreed on already. */
const agreementsOf = (
  statuses: ReadonlyMap<ObjectKey, ZoneStatus>,
  agreed: (zone: ObjectKey) => void = () => undefined,
  takes = 0,
  zones: ReadonlyMap<ObjectKey, DNSZone> = new Map(),
): Agreements => {
  const deps: AgreementDeps = {
    self: 'p0',
    cluster: {
      agree: async (zone) => {
        agreed(zone);
        now += takes;
        return { kind: 'written', version: '1' };
      },
      view: () => ({ statuses, zones }) as unknown as ClusterView,
    },
    clock: { now: () => now, monotonic: () => now, sleep: async () => undefined },
    log: makeLog('fatal', { write: () => undefined }),
    styledByDate: false,
    serialHere: async () => undefined,
    soaAt: async () => ({ kind: 'rcode', rcode: 'REFUSED' }),
    transferFrom: async () => undefined,
    again: (ms) => pauses.push(ms),
  };
  return new Agreements(deps);
};

test('zones that cannot be agreed on for now hold up no others, and cost no pass after the other', async () => {
  const stuck = plansOf('stuck', 200);
  const fresh = plansOf('fresh', 20);
  // The other one agreed on what this pod does not have, and cannot be asked for it.
  const allocated = {
    serial: 7,
    contentHash: 'sha256:other',
    by: 'p1',
    view: progressOf(9).latest,
  };
  const statuses = new Map<ObjectKey, ZoneStatus>(
    stuck.map(({ object }) => [object.key, { version: '1', allocated }]),
  );
  const agreements = agreementsOf(statuses);
  const agreed = new Set<DomainName>();
  const pass = async (): Promise<number> => {
    pauses.length = 0;
    const targets = await agreements.targets([...stuck, ...fresh], new Map(), progressOf(1), true);
    for (const zone of targets.keys()) agreed.add(zone);
    return Math.min(...pauses);
  };
  await pass();
  now += 5000;
  let passes = 0;
  while ((await pass()) === 0 && passes < 50) passes += 1;
  expect(agreed).toEqual(new Set(fresh.map(({ zone }) => zone)));
  expect(passes).toBeLessThan(10);
});

/** Changes of zones that named has under serial 1, by what is agreed on too. */
function changesOf(plans: readonly PrimaryPlan[]) {
  const allocated = { serial: 1, contentHash: 'sha256:old', by: 'p1', view: progressOf(1).latest };
  return {
    statuses: new Map<ObjectKey, ZoneStatus>(
      plans.map(({ object }) => [object.key, { version: '1', allocated }]),
    ),
    served: new Map<DomainName, ServedZone>(
      plans.map(({ zone, object: { key, metadata }, stanza }) => {
        const since = new Date(0).toISOString();
        const about = { zone, key, uid: metadata.uid ?? '', stanza, since };
        return [zone, { ...about, role: 'primary', serial: 1, hash: 'sha256:old' }];
      }),
    ),
  };
}

test('what another primary is about to agree on comes after what this one ranks first for', async () => {
  const theirs = plansOf('theirs', 100, ['p1', 'p0']);
  const ours = plansOf('ours', 40);
  const { statuses, served } = changesOf([...theirs, ...ours]);
  const order: ObjectKey[] = [];
  const agreements = agreementsOf(statuses, (zone) => order.push(zone));
  const pass = () => agreements.targets([...theirs, ...ours], served, progressOf(2), true);
  await pass();
  // It is another's turn for a second.
  order.length = 0;
  now += 3000;
  await pass();
  const first = new Set(order.slice(0, ours.length));
  expect(first).toEqual(new Set(ours.map(({ object }) => object.key)));
  expect(order.length).toBeGreaterThan(ours.length);
  expect(order.length).toBeLessThan(theirs.length + ours.length);
});

/** The content of a plan is another; what was agreed on and loaded before is what it was. */
const changed = (plan: PrimaryPlan): PrimaryPlan => ({
  ...plan,
  content: { ...plan.content, hash: 'sha256:changed' },
});

test('a change of what has been settled for long waits for nothing, whoever has agreed on it', async () => {
  const plan = planOf('settled');
  const { statuses, served } = changesOf([plan]);
  const settled = { ...plan, content: { ...plan.content, hash: 'sha256:old' } };
  const agreements = agreementsOf(statuses);
  const pass = (of: PrimaryPlan) => agreements.targets([of], served, progressOf(2), true);
  now += 300;
  await pass(settled);
  expect((await pass(changed(plan))).size).toBe(0);
  expect(pauses).toEqual([700]);
  await pass(settled);
  now += 60_000;
  expect((await pass(changed(plan))).size).toBe(1);
  const started = agreementsOf(statuses);
  now += 1000;
  const targets = await started.targets([changed(plan)], served, progressOf(2), true);
  expect(targets.size).toBe(1);
});

test('what was just agreed on is not agreed on anew within a second, also where it was given up in between', async () => {
  const plan = planOf('given-up');
  const { statuses, served } = changesOf([plan]);
  const agreements = agreementsOf(statuses);
  now += 60_000;
  const pass = (of: PrimaryPlan) => agreements.targets([of], served, progressOf(2), true);
  const [first] = (await pass(plan)).values();
  expect(first?.serial).toBe(2);
  const { key } = plan.object;
  const allocated = {
    ...{ serial: 2, contentHash: plan.content.hash, by: 'p0' },
    view: progressOf(2).latest,
  };
  statuses.set(key, { version: '2', allocated });
  const before = served.get(plan.zone);
  if (before !== undefined)
    served.set(plan.zone, { ...before, serial: 2, hash: plan.content.hash });
  agreements.forget(key);
  now += 100;
  expect((await pass(changed(plan))).size).toBe(0);
  now += 1000;
  expect((await pass(changed(plan))).size).toBe(1);
});

test('many changes are agreed on for half a second, then loaded; the others are next, at once', async () => {
  const plans = plansOf('changed', 60);
  const { statuses, served } = changesOf(plans);
  const agreements = agreementsOf(statuses, undefined, 50);
  const pass = (of: readonly PrimaryPlan[]) => agreements.targets(of, served, progressOf(2), true);
  await pass(plans);
  now += 3000;
  pauses = [];
  const first = await pass(plans);
  expect(first.size).toBeGreaterThan(8);
  expect(first.size).toBeLessThan(30);
  expect(pauses).toContain(0);
  const rest = plans.filter(({ zone }) => !first.has(zone));
  const second = await pass(rest);
  expect(second.size).toBeGreaterThan(8);
});

test('what another primary leaves undone gets its turn, however much else changes all the time', async () => {
  const left = plansOf('left', 10, ['p1', 'p0']);
  const agreements = agreementsOf(new Map());
  const agreed = new Set<DomainName>();
  for (let pass = 0; pass < 15; pass += 1) {
    const open = [...plansOf(`pass-${pass}`, 100), ...left.filter(({ zone }) => !agreed.has(zone))];
    const targets = await agreements.targets(open, new Map(), progressOf(1), true);
    for (const zone of targets.keys()) agreed.add(zone);
    now += 1000;
  }
  expect(left.filter(({ zone }) => !agreed.has(zone))).toEqual([]);
});

test('a zone that was made anew under its name since it was planned is not agreed on before it is planned', async () => {
  const [plan] = plansOf('anew', 1);
  if (plan === undefined) throw new Error('want a plan');
  const { object } = plan;
  const anew = { ...object, metadata: { ...object.metadata, uid: 'another' } };
  const agreed: ObjectKey[] = [];
  const agree = (zone: ObjectKey): void => void agreed.push(zone);
  const statuses = new Map<ObjectKey, ZoneStatus>([[object.key, { version: '1' }]]);
  const agreements = agreementsOf(statuses, agree, 0, new Map([[object.key, anew]]));
  for (; now <= 20_000; now += 1000)
    await agreements.targets([plan], new Map(), progressOf(1), true);
  expect(agreed).toEqual([]);
});

test('what was loaded alone is not published over what another has agreed on since that was planned', async () => {
  const plan = planOf('alone', ['p0']);
  const { key, metadata } = plan.object;
  const allocated = {
    serial: 2,
    contentHash: plan.content.hash,
    by: 'p1',
    view: progressOf(1).latest,
  };
  const agreed: ObjectKey[] = [];
  const agreements = agreementsOf(
    new Map<ObjectKey, ZoneStatus>([[key, { version: '2', allocated }]]),
    (zone) => void agreed.push(zone),
  );
  const about = { zone: plan.zone, key, uid: metadata.uid ?? '', stanza: '', since: '' };
  const loaded: ServedZone = { ...about, role: 'primary', serial: 1, hash: plan.content.hash };
  const planned = { progress: progressOf(1), statuses: new Map([[key, { version: '1' }]]) };
  const never = new AbortController().signal;
  await agreements.publish([plan], new Map([[plan.zone, loaded]]), planned, never);
  expect(agreed).toEqual([]);
  expect(pauses).toEqual([0]);
});
