import type { Serial } from '../dns/serial.ts';
import type { SourceVersions } from './source-versions.ts';

export type Role = 'primary' | 'secondary';

/** What a pod says of itself to its peers. Carried by a Lease, or by a file in `peers/`. */
export interface Registration {
  readonly pod: string;
  /** The pod's UID; a new pod of the same name has another. */
  readonly uid: string;
  readonly namespace: string;
  readonly role: Role;
  /** The label value that ties instances and zones together; empty where there is none. */
  readonly cluster: string;
  readonly instance: string;
  /** All addresses of the pod, both families, the preferred one first. */
  readonly ips: readonly string[];
  readonly dnsPort: number;
  readonly httpPort: number;
  /** The instance's labels, on which a zone's selectors match. */
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  /** Names of the TSIG keys the pod knows, never secrets. */
  readonly keys: readonly string[];
  readonly draining: boolean;
  /** The hash of a plan that the guard holds in this pod. */
  readonly held?: string;
}

/**
 * Another pod's registration as seen from here. `silent`: its lease ran out by our own clock, it stays in
 * notify lists and ACLs for a grace; after that it is no peer any more.
 */
export interface Peer extends Registration {
  readonly liveness: 'live' | 'silent';
}

/** What several primaries agreed to serve: `DNSZone.status.allocated`. */
export interface Allocation {
  readonly serial: Serial;
  /** `sha256:` and 64 hex digits, over the canonical records. */
  readonly contentHash: string;
  /** The pod that allocated. */
  readonly by: string;
  /** How many records that content has; agents of an older version leave it out. */
  readonly records?: number;
  /** `Progress.latest` of the view that it was rendered from: nobody allocates from an older one. */
  readonly view: SourceVersions;
}
