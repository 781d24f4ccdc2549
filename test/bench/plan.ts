import type { DomainName } from '../../agent/dns/name.ts';
import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { Action, Target } from '../../agent/plan/action.ts';
import { diff, unwantedIn } from '../../agent/plan/diff.ts';
import { guardPlan } from '../../agent/plan/guard.ts';
import { type Plan, Planner } from '../../agent/plan/planner.ts';
import type { Registration } from '../../agent/plan/registration.ts';
import type { ServedZone } from '../../agent/plan/served-zone.ts';
import { parseManifests } from '../../agent/resources/manifest.ts';
import { isDnsRecord, progressOf, settings } from '../plan/worlds.ts';
import { hostManifest, instanceManifest, zoneManifest } from '../rig/manifests.ts';
import { addressOfRun, benchZones, timers } from './contestant.ts';
import { type Measured, median, p95, rounded } from './figures.ts';

const cluster = 'bench';

/**
 * Milliseconds to plan all zones of a primary with two secondaries from nothing (desired state, differences, guard);
 * `changeMs`: to plan again after one record of one zone has changed.
 */
export function plan(zones: number, runs: number): Measured {
  const view = viewOf(benchZones(zones));
  const values: number[] = [];
  const changes: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    const planner = new Planner();
    const first = timed(() => planOnce(planner, view, new Map()));
    expectActions(first.result.actions, zones, 'add');
    values.push(first.ms);
    const served = servedAfter(first.result);
    const changedView = withChange(view, benchZones(zones)[run % zones] ?? '', run);
    const second = timed(() => planOnce(planner, changedView, served));
    expectActions(second.result.actions, 1, 'load');
    changes.push(second.ms);
  }
  const extras = { changeMs: rounded(median(changes)), changeP95: rounded(p95(changes)) };
  return { unit: 'ms', values, extras };
}

interface Planned {
  readonly plan: Plan;
  readonly actions: readonly Action[];
}

function planOnce(
  planner: Planner,
  view: ClusterView,
  served: ReadonlyMap<DomainName, ServedZone>,
): Planned {
  const result = planner.plan({
    view,
    self: pod('primary-0', 'primary', '192.0.2.1'),
    settings,
    compiled: { get: () => undefined },
    proven: new Set(),
    outdated: new Map(),
    served,
    foreign: new Set(),
  });
  const targets = new Map<DomainName, Target>();
  for (const each of result.zones.values()) {
    if (each.kind !== 'primary') continue;
    const now = served.get(each.zone);
    const serial = now?.hash === each.content.hash ? (now.serial ?? 1) : (now?.serial ?? 0) + 1;
    targets.set(each.zone, { content: each.content, serial });
  }
  const limits = { zones: 10, percent: 20 };
  const { drops } = guardPlan(result, {
    view,
    self: 'primary-0',
    served,
    unwanted: unwantedIn(result.zones, served),
    changing: result.zones.values(),
    limits,
    approved: new Set(),
  });
  return { plan: result, actions: [...diff({ plans: result.zones, targets, served }), ...drops] };
}

/** What the ledger holds once all of that was applied. */
function servedAfter({ actions }: Planned): Map<DomainName, ServedZone> {
  const served = new Map<DomainName, ServedZone>();
  for (const action of actions) {
    if (action.kind !== 'add' || action.target === undefined) continue;
    const { zone, key, uid, role, stanza } = action.wanted;
    const { content, serial } = action.target;
    const since = '2026-01-01T00:00:00Z';
    served.set(zone, { zone, key, uid, role, stanza, serial, hash: content.hash, since });
  }
  return served;
}

function viewOf(zones: readonly string[]): ClusterView {
  const texts = [
    instanceManifest({ name: 'primary', cluster, role: 'primary', replicas: 1 }),
    instanceManifest({ name: 'secondary', cluster, role: 'secondary', replicas: 2 }),
    ...zones.map((zone) => {
      const hosts = { www: '192.0.2.1', mail: '192.0.2.25' };
      return zoneManifest({ zone, cluster, hosts, spec: { soaRecord: timers } });
    }),
  ];
  const objects = texts.flatMap((text) => read(text));
  const peers = ['secondary-0', 'secondary-1'].map((name, index) => ({
    ...pod(name, 'secondary', `192.0.2.${index + 2}`),
    liveness: 'live' as const,
  }));
  return {
    synced: true,
    progress: progressOf(1),
    zones: new Map(
      objects.filter((each) => each.kind === 'DNSZone').map((each) => [each.key, each]),
    ),
    records: new Map(objects.filter(isDnsRecord).map((each) => [each.key, each])),
    instances: new Map(
      objects.filter((each) => each.kind === 'Bind9Instance').map((each) => [each.key, each]),
    ),
    clusters: new Map(),
    configMaps: new Map(),
    statuses: new Map(),
    peers: new Map(peers.map((peer) => [peer.pod, peer])),
    invalid: [],
  };
}

function withChange(view: ClusterView, zone: string, run: number): ClusterView {
  const records = new Map(view.records);
  for (const object of read(hostManifest(zone, 'www', addressOfRun(run)))) {
    if (isDnsRecord(object)) records.set(object.key, object);
  }
  return { ...view, progress: progressOf(run + 2), records };
}

function read(text: string) {
  const { objects, invalid } = parseManifests(text, { file: 'bench', defaultNamespace: 'default' });
  if (invalid.length > 0) throw new Error(`a manifest is wrong: ${JSON.stringify(invalid[0])}`);
  return objects;
}

const pod = (name: string, role: 'primary' | 'secondary', ip: string): Registration => ({
  pod: name,
  uid: name,
  namespace: 'default',
  role,
  cluster,
  instance: role,
  ips: [ip],
  dnsPort: 53,
  httpPort: 8055,
  labels: { role },
  version: '0.0.0',
  keys: ['cluster'],
  draining: false,
});

function expectActions(actions: readonly Action[], count: number, kind: Action['kind']): void {
  const right = actions.filter((action) => action.kind === kind);
  if (right.length !== count || actions.length !== count) {
    throw new Error(`want ${count} actions "${kind}", got ${right.length} of ${actions.length}`);
  }
}

function timed<T>(work: () => T): { readonly ms: number; readonly result: T } {
  const start = performance.now();
  const result = work();
  return { ms: performance.now() - start, result };
}
