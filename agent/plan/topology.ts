import type { Bind9Cluster, Bind9Instance, ObjectKey } from '../resources/types.ts';
import { objectKey } from '../resources/types.ts';
import type { Peer, Registration } from './registration.ts';

/** Where a DNS server answers, and the TSIG key that signs what is said to it. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
  /** The key's name; absent: unsigned. */
  readonly key?: string;
}

/** Who is there: this pod, its peers, and the objects that say what they are for. */
export interface Topology {
  readonly self: Registration;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly instances: ReadonlyMap<ObjectKey, Bind9Instance>;
  readonly clusters: ReadonlyMap<ObjectKey, Bind9Cluster>;
}

/** A pod as its peers know it: itself (always live), or a peer. */
export type Pod = Registration & { readonly liveness?: Peer['liveness'] };

export const isLive = (pod: Pod): boolean => pod.liveness !== 'silent';

/** The pod's `Bind9Instance`, where there is one. */
export const instanceOf = (topology: Topology, pod: Registration): Bind9Instance | undefined =>
  topology.instances.get(objectKey(pod.namespace, pod.instance));

/** The pod's `Bind9Cluster`, where there is one. */
export const clusterOf = (topology: Topology, pod: Registration): Bind9Cluster | undefined =>
  topology.clusters.get(objectKey(pod.namespace, pod.cluster));

export const endpointOf = (pod: Registration, key: string | undefined): Endpoint => ({
  address: pod.ips[0] ?? '127.0.0.1',
  port: pod.dnsPort,
  ...(key === undefined ? {} : { key }),
});

export const endpointId = ({ address, port }: Endpoint): string => `${address}#${port}`;
