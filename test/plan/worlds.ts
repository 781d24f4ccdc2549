import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { ZoneSettings } from '../../agent/plan/plan-zone.ts';
import type { Peer, Registration, Role } from '../../agent/plan/registration.ts';
import type { Progress } from '../../agent/plan/source-versions.ts';
import type { Topology } from '../../agent/plan/topology.ts';
import { parseManifests } from '../../agent/resources/manifest.ts';
import {
  type Bind9Cluster,
  type Bind9Instance,
  type DNSZone,
  type DNSZoneSpec,
  type DnsRecord,
  isRecord,
  objectKey,
  type ResourceObject,
} from '../../agent/resources/types.ts';

const apiVersion = 'bindy.firestoned.io/v1beta1';

/** Of an agent as it is by default, with keys. */
export const settings: ZoneSettings = {
  zonesFolder: '/zones',
  clusterKey: 'cluster',
  localKey: 'local',
  knownKeys: new Set(['cluster', 'local']),
  narrowByAddress: false,
  maxRecordsPerType: 5000,
  maxTypesPerName: 500,
};

interface About {
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  /** RFC 3339. */
  readonly created?: string;
}

const metadataOf = (name: string, { namespace, labels, annotations, created }: About) => ({
  name,
  namespace: namespace ?? 'default',
  labels: labels ?? {},
  annotations: annotations ?? {},
  ...(created === undefined ? {} : { creationTimestamp: created }),
});

export function zoneObject(spec: DNSZoneSpec, name = 'example-com', about: About = {}): DNSZone {
  const metadata = metadataOf(name, about);
  return {
    kind: 'DNSZone',
    apiVersion,
    key: objectKey(metadata.namespace, name),
    metadata,
    spec,
  };
}

export function instanceObject(name: string, role: Role, about: About = {}): Bind9Instance {
  const metadata = metadataOf(name, about);
  const key = objectKey(metadata.namespace, name);
  return { kind: 'Bind9Instance', apiVersion, key, metadata, spec: { role } };
}

export function clusterObject(name: string, about: About = {}): Bind9Cluster {
  const metadata = metadataOf(name, about);
  const key = objectKey(metadata.namespace, name);
  return { kind: 'Bind9Cluster', apiVersion, key, metadata, spec: {} };
}

/** A pod of cluster `main`; its instance is named as its role, its address comes from its name. */
export function registration(
  pod: string,
  role: Role,
  more: Partial<Registration> = {},
): Registration {
  const last = [...pod].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 250, 7) + 1;
  return {
    pod,
    uid: `uid-of-${pod}`,
    namespace: 'default',
    role,
    cluster: 'main',
    instance: role,
    ips: [`10.0.0.${last}`],
    dnsPort: 53,
    httpPort: 8055,
    labels: { role },
    version: '0.1.0',
    keys: ['cluster'],
    draining: false,
    ...more,
  };
}

export const peer = (pod: string, role: Role, more: Partial<Peer> = {}): Peer => ({
  ...registration(pod, role),
  liveness: 'live',
  ...more,
});

export function topology(
  self: Registration,
  peers: readonly Peer[],
  objects: readonly (Bind9Instance | Bind9Cluster)[] = [],
): Topology {
  return {
    self,
    peers: new Map(peers.map((each) => [each.pod, each])),
    instances: new Map(
      objects.filter((each) => each.kind === 'Bind9Instance').map((each) => [each.key, each]),
    ),
    clusters: new Map(
      objects.filter((each) => each.kind === 'Bind9Cluster').map((each) => [each.key, each]),
    ),
  };
}

/** The objects of manifests; throws at the first that is wrong. */
export function objectsOf(text: string, file = 'test.yaml'): readonly ResourceObject[] {
  const { objects, invalid } = parseManifests(text, { file, defaultNamespace: 'default' });
  if (invalid.length > 0) throw new Error(JSON.stringify(invalid));
  return objects;
}

/** A view of the only source, read up to a version. */
export const progressOf = (version: number): Progress => ({
  latest: { manifests: version },
  seen: { manifests: version },
});

export const isDnsRecord = (object: ResourceObject): object is DnsRecord => isRecord(object.kind);

export function viewOf(
  objects: readonly ResourceObject[],
  more: Partial<ClusterView> = {},
): ClusterView {
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
    clusters: new Map(
      objects.filter((each) => each.kind === 'Bind9Cluster').map((each) => [each.key, each]),
    ),
    configMaps: new Map(
      objects.filter((each) => each.kind === 'ConfigMap').map((each) => [each.key, each]),
    ),
    statuses: new Map(),
    peers: new Map(),
    invalid: [],
    ...more,
  };
}
