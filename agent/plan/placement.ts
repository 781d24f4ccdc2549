import type { DNSZone } from '../resources/types.ts';
import { matches } from './selector.ts';
import { clusterOf, instanceOf, isLive, type Pod, type Topology } from './topology.ts';

/**
 * Who serves a zone, and in which role.
 *
 * | zone says                          | primaries                              | secondaries                                    |
 * |------------------------------------|----------------------------------------|------------------------------------------------|
 * | type primary, `clusterRef`         | the cluster's instances, role primary  | the cluster's instances, role secondary        |
 * | type primary, selector(s)          | selected instances, role primary       | selected and the `clusterRef`'s, role secondary |
 * | type secondary, `primaryServers`   | those addresses, outside               | selected instances, whatever their role        |
 * | type secondary, no `primaryServers`| the cluster's primaries of that name   | selected instances                             |
 */
export interface Placement {
  readonly primaries: readonly Pod[];
  readonly secondaries: readonly Pod[];
  /** Primaries outside the cluster, as the zone gives them: `ip`, `ip:port`, `[v6]:port`. */
  readonly outside: readonly string[];
}

/**
 * @param siblings the other zones of the same name: a secondary zone of peers takes its primaries from them, and a
 *   primary zone notifies their pods.
 */
export function place(zone: DNSZone, siblings: readonly DNSZone[], topology: Topology): Placement {
  const outside = zone.spec.secondaryConfig?.primaryServers ?? [];
  if (zone.spec.type !== 'secondary') return placePrimary(zone, siblings, topology);
  const selected = members(zone, topology);
  if (outside.length > 0) return { primaries: [], secondaries: selected, outside };
  const primaries = siblings
    .filter(isPrimaryZone)
    .flatMap((sibling) => withRole(members(sibling, topology), 'primary'));
  return { primaries: distinct(primaries), secondaries: without(selected, primaries), outside };
}

function placePrimary(zone: DNSZone, siblings: readonly DNSZone[], topology: Topology): Placement {
  const selected = members(zone, topology);
  const ofCluster = everyPod(topology).filter((pod) => inCluster(zone, pod, topology));
  const ofSiblings = siblings.filter(takesFromPeers).flatMap((each) => members(each, topology));
  const primaries = withRole(selected, 'primary');
  const secondaries = [
    ...withRole([...selected, ...ofCluster], 'secondary'),
    ...without(ofSiblings, primaries),
  ];
  return { primaries, secondaries: distinct(secondaries), outside: [] };
}

const isPrimaryZone = (zone: DNSZone): boolean => zone.spec.type !== 'secondary';

const takesFromPeers = (zone: DNSZone): boolean =>
  zone.spec.type === 'secondary' && (zone.spec.secondaryConfig?.primaryServers ?? []).length === 0;

/** The pods that a zone asks for: those its selectors select, or, without selectors, its cluster's. */
function members(zone: DNSZone, topology: Topology): Pod[] {
  const selectors = selectorsOf(zone);
  if (selectors.length === 0)
    return everyPod(topology).filter((pod) => inCluster(zone, pod, topology));
  return everyPod(topology).filter(
    (pod) =>
      admitsZonesOf(zone.metadata.namespace, pod, topology) &&
      selectors.some((selector) => matches(selector, pod.labels)),
  );
}

export const selectorsOf = (zone: DNSZone) => [
  ...(zone.spec.instanceSelector === undefined ? [] : [zone.spec.instanceSelector]),
  ...(zone.spec.bind9InstancesFrom ?? []).map((from) => from.selector),
];

/** `clusterRef` names a cluster, or (as it did in the first API version) one instance. */
function inCluster(zone: DNSZone, pod: Pod, topology: Topology): boolean {
  const ref = zone.spec.clusterRef;
  if (ref === undefined || ref === '') return false;
  return (
    (pod.cluster === ref || pod.instance === ref) &&
    admitsZonesOf(zone.metadata.namespace, pod, topology)
  );
}

export const isUnplaced = ({ primaries, secondaries }: Placement): boolean =>
  primaries.length + secondaries.length === 0;

/** The zone's pods that answer, but for this one. */
export const liveOthers = ({ primaries, secondaries }: Placement, self: string): Pod[] =>
  [...primaries, ...secondaries].filter((pod) => pod.pod !== self && isLive(pod));

const ALLOW_ZONE_NAMESPACES = 'bindy.firestoned.io/allow-zone-namespaces';

/** Zones of another namespace are served only where the pod's instance or cluster allows it by annotation. */
function admitsZonesOf(namespace: string, pod: Pod, topology: Topology): boolean {
  if (pod.namespace === namespace) return true;
  return [instanceOf(topology, pod), clusterOf(topology, pod)].some((object) =>
    (object?.metadata.annotations[ALLOW_ZONE_NAMESPACES] ?? '')
      .split(',')
      .some((allowed) => allowed.trim() === '*' || allowed.trim() === namespace),
  );
}

/** In the order of their names, so that every pod sees the same list. */
function everyPod(topology: Topology): Pod[] {
  const pods: Pod[] = [topology.self, ...topology.peers.values()];
  return pods.sort((a, b) => (a.pod < b.pod ? -1 : 1));
}

const withRole = (pods: readonly Pod[], role: Pod['role']): Pod[] =>
  pods.filter((pod) => pod.role === role);

const without = (pods: readonly Pod[], others: readonly Pod[]): Pod[] =>
  pods.filter((pod) => !others.some((other) => other.pod === pod.pod));

const distinct = (pods: readonly Pod[]): Pod[] => [
  ...new Map(pods.map((pod) => [pod.pod, pod])).values(),
];
