import { stringify } from 'yaml';
import type { Context } from '../context.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { Options } from '../options/options.ts';
import type { Peer } from '../plan/registration.ts';
import { lookOnce } from '../pod/look-once.ts';
import type { DNSZone } from '../resources/types.ts';
import { age, table, toldConditions } from './tell.ts';

export type Listed = 'zones' | 'peers';
export type OutputFormat = 'table' | 'json' | 'yaml';

/** Lists zones with their status, or pods with their registration, as the whole cluster has them. Returns the exit code. */
export async function get(
  what: Listed,
  output: OutputFormat,
  options: Options,
  context: Context,
): Promise<number> {
  const seen = await lookOnce(options, context);
  if (!seen.ok) {
    context.complain(`bind9-agent: ${seen.why}\n`);
    return 1;
  }
  const { view } = seen;
  const absent = view.invalid.find(({ object }) =>
    object.startsWith('CustomResourceDefinition dnszones.'),
  );
  if (what === 'zones' && view.zones.size === 0 && absent !== undefined) {
    context.complain(`bind9-agent: ${absent.object}: ${absent.problems[0]?.problem}\n`);
    return 1;
  }
  const listed = what === 'zones' ? zoneObjects(view) : { items: [...view.peers.values()] };
  if (output === 'json') await context.print(`${JSON.stringify(listed, undefined, 2)}\n`);
  else if (output === 'yaml') await context.print(stringify(listed));
  else
    await context.print(what === 'zones' ? zoneTable(view, context.clock.now()) : peerTable(view));
  return 0;
}

/** DNSZones as `kubectl get -o json` shows them: a List, each object with its status. */
function zoneObjects(view: ClusterView) {
  const items = [...view.zones.values()].map((zone) => ({
    apiVersion: zone.apiVersion,
    kind: zone.kind,
    metadata: zone.metadata,
    spec: zone.spec,
    status: statusOf(zone, view),
  }));
  return { apiVersion: 'v1', kind: 'List', items };
}

function statusOf(zone: DNSZone, view: ClusterView) {
  const { report, allocated, writer } = view.statuses.get(zone.key) ?? {};
  return {
    ...report,
    ...(allocated === undefined ? {} : { allocated }),
    ...(writer === undefined ? {} : { writer }),
  };
}

const ZONE_TITLES = [
  'NAMESPACE',
  'NAME',
  'ZONE',
  'TYPE',
  'SERIAL',
  'SECONDARIES',
  'READY',
  'AGE',
  'REASON',
];

function zoneTable(view: ClusterView, now: number): string {
  const zones = [...view.zones.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  if (zones.length === 0) return 'No zones found.\n';
  return table(
    ZONE_TITLES,
    zones.map((zone) => {
      const status = view.statuses.get(zone.key);
      const { report, firstSeen } = status ?? {};
      const ready = toldConditions(status).find(({ type }) => type === 'Ready');
      const stale = report !== undefined && !view.peers.has(report.reportedBy) ? ' (stale)' : '';
      return [
        zone.metadata.namespace,
        zone.metadata.name,
        zone.spec.zoneName,
        zone.spec.type ?? 'primary',
        String(report?.serial ?? ''),
        String(report?.secondaryCount ?? ''),
        `${ready?.status ?? 'Unknown'}${stale}`,
        age(zone.metadata.creationTimestamp ?? firstSeen, now),
        ready?.status === 'True' ? '' : (ready?.reason ?? 'NotReported'),
      ];
    }),
  );
}

const PEER_TITLES = ['POD', 'INSTANCE', 'ROLE', 'CLUSTER', 'ADDRESS', 'PORT', 'STATE', 'VERSION'];

function peerTable(view: ClusterView): string {
  const peers = [...view.peers.values()].sort((a, b) => (a.pod < b.pod ? -1 : 1));
  if (peers.length === 0) return 'No peers found.\n';
  return table(
    PEER_TITLES,
    peers.map((peer) => [
      peer.pod,
      peer.instance,
      peer.role,
      peer.cluster,
      peer.ips.join(','),
      String(peer.dnsPort),
      stateOf(peer),
      peer.version,
    ]),
  );
}

const stateOf = ({ liveness, draining, held }: Peer): string =>
  [draining ? 'draining' : liveness, ...(held === undefined ? [] : [`holds ${held}`])].join(', ');
