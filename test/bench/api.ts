import { atOnce } from '../../agent/at-once.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Bind } from '../rig/bind-versions.ts';
import type { Pod } from '../rig/pod.ts';
import { makeRig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';
import { addressOfRun, benchZones, timers } from './contestant.ts';
import { type Measured, rounded } from './figures.ts';
import { type ToldCluster, untilTold } from './told.ts';

/** Two primaries and three secondaries, from the bundle, as in the image. */
export interface ApiCluster extends ToldCluster {
  close(): Promise<void>;
}

/** A crash is to be told within a bench's patience. */
const lease = {
  'lease.renewSeconds': '5',
  'lease.durationSeconds': '20',
  'lease.graceSeconds': '20',
};
const AT_ONCE = 16;
/** After all is true, for writes that tell nothing new. */
const QUIET_MS = 8000;

export async function apiCluster(
  count: number,
  bind: Bind,
  plane: ControlPlane,
): Promise<ApiCluster> {
  const rig = await makeRig({
    ...{ plane, bind, cluster: 'bench', agent: 'bundle', settings: lease },
    ...{ primaries: 2, secondaries: 3 },
  });
  return { rig, plane, zones: benchZones(count), close: () => rig.close() };
}

/**
 * Status writes per zone in the graceful replacement of a secondary; then in a record change, and in a crash until the
 * silent pod is dropped. Seconds until each status is true again. Each step tells its figures as it ends.
 */
export async function api(
  cluster: ApiCluster,
  progress: (line: string) => void,
): Promise<Measured> {
  const { rig, zones } = cluster;
  await write(cluster, '192.0.2.1');
  await rig.start();
  const created = await measured(cluster, 'create', () => rig.ready(120_000 + zones.length * 60));
  progress(`create ${JSON.stringify(created)}`);
  const replaced = await measured(cluster, 'replace', () => replace(rig.pod('secondary-0')));
  progress(`replace ${JSON.stringify(replaced)}`);
  const changed = await measured(cluster, 'change', () => write(cluster, addressOfRun(1)));
  progress(`change ${JSON.stringify(changed)}`);
  const crashed = await measured(cluster, 'crash', async () => {
    await rig.pod('secondary-1').kill();
  });
  progress(`crash ${JSON.stringify(crashed)}`);
  return {
    unit: 'writes',
    values: [replaced.writes],
    extras: {
      replaceSeconds: replaced.seconds,
      replaceBytes: replaced.bytes,
      changeWrites: changed.writes,
      changeSeconds: changed.seconds,
      crashWrites: crashed.writes,
      crashSeconds: crashed.seconds,
      createWrites: created.writes,
      createSeconds: created.seconds,
      conflicts: created.conflicts + replaced.conflicts + changed.conflicts + crashed.conflicts,
      statuses: zones.length,
    },
  };
}

/** As a rollout does it: the pod ends in order, and its successor comes with another address and an empty disk. */
async function replace(pod: Pod): Promise<void> {
  await pod.stop();
  await pod.move({ wiped: true });
  await pod.start();
}

async function write({ rig, zones }: ApiCluster, address: string): Promise<void> {
  await atOnce(AT_ONCE, zones, (zone) => rig.zone(zone, { www: address }, { soaRecord: timers }));
}

interface Cost {
  readonly writes: number;
  readonly conflicts: number;
  /** Sent to watchers of DNSZones, in all. */
  readonly bytes: number;
  readonly seconds: number;
}

/** What it costs until every status is true. */
async function measured(
  cluster: ApiCluster,
  what: string,
  work: () => Promise<unknown>,
): Promise<Cost> {
  const { plane, zones } = cluster;
  const before = await counters(plane);
  const startedAt = performance.now();
  await work();
  await untilTold(cluster, what);
  const seconds = (performance.now() - startedAt) / 1000;
  const quiet = performance.now() + QUIET_MS;
  await until(() => performance.now() > quiet);
  const after = await counters(plane);
  return {
    writes: rounded((after.writes - before.writes) / zones.length) ?? 0,
    conflicts: after.conflicts - before.conflicts,
    bytes: after.bytes - before.bytes,
    seconds: rounded(seconds) ?? 0,
  };
}

/** Of the API server: status writes taken, those that came too late, and what was sent to watchers of zones. */
async function counters(
  plane: ControlPlane,
): Promise<{ readonly writes: number; readonly conflicts: number; readonly bytes: number }> {
  const { body } = await plane.request('GET', '/metrics');
  const sum = (name: string, ...labels: readonly string[]): number =>
    String(body)
      .split('\n')
      .filter(
        (line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)),
      )
      .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0);
  const ofStatus = ['resource="dnszones"', 'subresource="status"', 'verb="APPLY"'];
  return {
    writes: sum('apiserver_request_total', 'code="200"', ...ofStatus),
    conflicts: sum('apiserver_request_total', 'code="409"', ...ofStatus),
    bytes: sum('apiserver_watch_events_sizes_sum', 'resource="dnszones"'),
  };
}
