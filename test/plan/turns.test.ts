import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import { makeLog } from '../../agent/log.ts';
import type { ClusterView, ZoneStatus } from '../../agent/observe/cluster.ts';
import { type AgreementDeps, Agreements } from '../../agent/pass/agreements.ts';
import type { PrimaryPlan } from '../../agent/plan/plan-zone.ts';
import type { ObjectKey } from '../../agent/resources/types.ts';
import { peer, progressOf, registration, zoneObject } from './worlds.ts';

const soaOf = (zone: DomainName) =>
  ({ mname: zone, rname: zone, refresh: 60, retry: 60, expire: 600, minimum: 60 }) as const;

function planOf(label: string): PrimaryPlan {
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
    ranked: ['p0', 'p1'],
    floor: undefined,
    notify: [],
    dynamic: false,
    claim: false,
    stanza: '',
    problems: [],
  };
}

const plansOf = (label: string, count: number): PrimaryPlan[] =>
  Array.from({ length: count }, (_, at) => planOf(`${label}-${at}`));

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
  let now = 0;
  const pauses: number[] = [];
  const deps: AgreementDeps = {
    self: 'p0',
    cluster: {
      agree: async () => ({ kind: 'written', version: '1' }),
      view: () => ({ statuses }) as unknown as ClusterView,
    },
    clock: { now: () => now, monotonic: () => now, sleep: async () => undefined },
    log: makeLog('fatal', { write: () => undefined }),
    styledByDate: false,
    serialHere: async () => undefined,
    soaAt: async () => ({ kind: 'rcode', rcode: 'REFUSED' }),
    transferFrom: async () => undefined,
    again: (ms) => pauses.push(ms),
  };
  const agreements = new Agreements(deps);
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
