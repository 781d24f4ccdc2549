import type { Allocation, Peer, Registration, Role } from '../plan/registration.ts';
import type { Progress } from '../plan/source-versions.ts';
import type { Problem } from '../problem.ts';
import type { ZoneReport } from '../report/zone-report.ts';
import type {
  Bind9Cluster,
  Bind9Instance,
  ConfigMap,
  DNSZone,
  DnsRecord,
  ObjectKey,
} from '../resources/types.ts';

/** A zone's status as last read, and the version that a write must still find. */
export interface ZoneStatus {
  /** Opaque; a write carries it, and fails as a conflict when the status has moved on. */
  readonly version: string;
  /** When the zone was first seen by any agent, RFC 3339: what "older" means where the object itself has no creation time. */
  readonly firstSeen?: string;
  readonly allocated?: Allocation;
  readonly writer?: string;
  readonly report?: ZoneReport;
  /** Conditions that are not part of the report, as others wrote them. */
  readonly others?: readonly Readonly<Record<string, unknown>>[];
}

/** An object that cannot be used as it stands, and why. Its last good version, if any was seen, stays in the view. */
export interface InvalidObject {
  /** What the user would look for: `DNSZone default/example-com`, or a file's name where there is no object. */
  readonly object: string;
  /** The zone it is, for a DNSZone whose key could be read. */
  readonly zone?: ObjectKey;
  readonly problems: readonly Problem[];
}

/** The resources of each kind. */
export interface ResourceMaps {
  readonly zones: ReadonlyMap<ObjectKey, DNSZone>;
  readonly records: ReadonlyMap<ObjectKey, DnsRecord>;
  readonly instances: ReadonlyMap<ObjectKey, Bind9Instance>;
  readonly clusters: ReadonlyMap<ObjectKey, Bind9Cluster>;
  readonly configMaps: ReadonlyMap<ObjectKey, ConfigMap>;
}

export const noResources: ResourceMaps = {
  zones: new Map(),
  records: new Map(),
  instances: new Map(),
  clusters: new Map(),
  configMaps: new Map(),
};

/**
 * The resources and peers as they are now. A new view is a new object; an entry of a map keeps its identity for as
 * long as nothing in it changed, so that `===` tells what must be planned again.
 */
export interface ClusterView extends ResourceMaps {
  /** Every source was read once. Nothing is planned before. */
  readonly synced: boolean;
  /** Grows whenever a resource (not a peer, not a status) changes. */
  readonly progress: Progress;
  readonly statuses: ReadonlyMap<ObjectKey, ZoneStatus>;
  /** Every other pod by its name. */
  readonly peers: ReadonlyMap<string, Peer>;
  readonly invalid: readonly InvalidObject[];
  /** Why what is missing from this view must not be taken for deleted (a source is stale or unreadable). */
  readonly removalsFrozen?: string;
  /**
   * Why there may be objects that this view has never held, not even in a last good version: then a zone's records that
   * are missing must not be taken for deleted either.
   */
  readonly unremembered?: string;
  /** Why the view may be behind what is true, and since when: its source does not answer. */
  readonly stale?: string;
}

/** Something that happened to a zone or to this pod, for those who look with `kubectl describe`. */
export interface ClusterEvent {
  readonly about:
    | { readonly kind: 'DNSZone'; readonly key: ObjectKey }
    /** This one. */
    | { readonly kind: 'Pod' };
  readonly type: 'Normal' | 'Warning';
  /** One word: what happened. Like the next one at most 128 characters. */
  readonly reason: string;
  /** One word: what was being done. */
  readonly action: string;
  /** A sentence. The same again counts as the same event. */
  readonly note: string;
}

export type Written =
  | { readonly kind: 'written'; readonly version: string }
  | { readonly kind: 'conflict' };

/** Resources, peers and statuses, wherever they are kept. Failures worth a retry are `TransientError`s. */
export interface Cluster {
  /** Starts watching; `changed` is called after each change (that of a report alone may go without), coalesced. Resolves when watching, not when synced. */
  start(changed: () => void): Promise<void>;
  view(): ClusterView;
  /**
   * From here on, what a pod of this role needs is read; before the start, this says what is read at all (by default: everything).
   * Until all of it was read, the view is not `synced`.
   */
  readFor(role: Role): void;
  /** How long ago each source last said that nothing is missing, in seconds, by its name; empty where no source says so. */
  ages(): ReadonlyMap<string, number>;
  /** Publishes our registration, at first and after each change of it; renewals are the cluster's own affair. */
  register(registration: Registration): Promise<void>;
  /** Takes our registration back, unless another pod has taken the name over. */
  deregister(): Promise<void>;
  /** Compare-and-swap of the fields that primaries agree on. `at` undefined: the zone has no status yet. */
  agree(
    zone: ObjectKey,
    at: string | undefined,
    fields: { readonly allocated?: Allocation; readonly writer?: string },
  ): Promise<Written>;
  /** Compare-and-swap of the rest of the status; leaves `allocated` and `writer` alone. */
  report(zone: ObjectKey, at: string | undefined, report: ZoneReport): Promise<Written>;
  /** Tells of an event where there is somebody to tell; as far as that is possible, and without throwing. */
  event(event: ClusterEvent): void;
  stop(): Promise<void>;
}
