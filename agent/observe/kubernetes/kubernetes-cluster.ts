import type { Clock } from '../../clock.ts';
import type { Registration, Role } from '../../plan/registration.ts';
import { showProblem } from '../../problem.ts';
import type { ObjectKey } from '../../resources/types.ts';
import type { Cluster, ClusterEvent, ClusterView } from '../cluster.ts';
import type { LastGood } from '../last-good.ts';
import type { ManifestNote } from '../manifest-files.ts';
import type { Lease } from '../own-registration.ts';
import type { KubernetesApi } from './api.ts';
import type { Kept, RawObject } from './collection.ts';
import { type EventResult, EventWriter } from './event-writer.ts';
import { leaseSelector } from './lease.ts';
import { LeasePeers } from './lease-peers.ts';
import { metadataOf } from './object-parts.ts';
import { KubernetesObjects } from './objects.ts';
import { Reflector, type ReflectorTimes } from './reflector.ts';
import { type KnownZone, StatusWriter } from './status-writer.ts';

export interface KubernetesClusterOptions {
  readonly api: KubernetesApi;
  /** This pod's name; undefined: only looks. */
  readonly pod?: string;
  /** The uid of the Pod object, where it is known. */
  readonly podUid?: string;
  /** The pod's own: its Lease and those of its peers are there. */
  readonly namespace: string;
  /** Those whose resources are read; an empty one stands for all. */
  readonly namespaces: readonly string[];
  readonly lease: Lease;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** A new random id, e.g. a UUID. */
  readonly newId: () => string;
  /** Where the last good versions of objects that are wrong outlive a run; without it they end with the run. */
  readonly lastGood?: LastGood;
  /** Things worth a log line: probable typing errors. */
  readonly note?: (note: Omit<ManifestNote, 'file'>) => void;
  /** How an attempt to tell of an event went. */
  readonly eventCounted?: (result: EventResult) => void;
  readonly times?: Partial<ReflectorTimes>;
}

interface KeptLease extends Kept {
  readonly lease: RawObject;
}

/** A Kubernetes cluster: resources and statuses at the API server, a Lease per pod. */
export class KubernetesCluster implements Cluster {
  readonly #options: KubernetesClusterOptions;
  readonly #objects: KubernetesObjects;
  readonly #leases: Reflector<KeptLease>;
  readonly #peers: LeasePeers;
  readonly #status: StatusWriter;
  readonly #events: EventWriter | undefined;
  readonly #closing = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #changed: () => void = () => undefined;
  #telling = false;
  #view: ClusterView | undefined;

  constructor(options: KubernetesClusterOptions) {
    const { api, clock, pod, podUid, note, eventCounted: counted } = options;
    const changed = (matters = true): void => this.#tell(matters);
    this.#options = options;
    this.#objects = new KubernetesObjects({
      ...options,
      warn: (object, problems) => note?.({ object, note: problems.map(showProblem).join('; ') }),
      changed,
    });
    this.#peers = new LeasePeers({
      ...options,
      ...(podUid === undefined ? {} : { ownerUid: podUid }),
      changed,
    });
    this.#leases = this.#openLeases();
    this.#status = new StatusWriter({
      api,
      clock,
      zone: (key) => this.#knownZone(key),
      wrote: (zone) => this.#objects.put(zone),
      changed,
    });
    const uidOf = (key: ObjectKey): string | undefined => this.#objects.zone(key)?.uid;
    if (pod !== undefined)
      this.#events = new EventWriter({
        ...{ ...options, pod, uidOf, changed },
        ...(counted === undefined ? {} : { counted }),
      });
  }

  async start(changed: () => void): Promise<void> {
    const { signal } = this.#closing;
    this.#changed = changed;
    this.#peers.start();
    this.#events?.start();
    this.#running = Promise.all([this.#objects.run(signal), this.#leases.run(signal)]);
  }

  view(): ClusterView {
    this.#view ??= this.#newView();
    return this.#view;
  }

  readFor(role: Role): void {
    if (this.#objects.readFor(role)) this.#view = undefined;
  }

  ages(): ReadonlyMap<string, number> {
    const { clock } = this.#options;
    const lease = (clock.monotonic() - this.#leases.heardAt) / 1000;
    return new Map([...this.#objects.ages, ['Lease', lease]]);
  }

  register(registration: Registration): Promise<void> {
    return this.#peers.register(registration);
  }

  deregister(): Promise<void> {
    return this.#peers.deregister();
  }

  agree(...[zone, at, fields]: Parameters<Cluster['agree']>): ReturnType<Cluster['agree']> {
    return this.#status.agree(zone, at, fields);
  }

  report(...[zone, at, report]: Parameters<Cluster['report']>): ReturnType<Cluster['report']> {
    return this.#status.report(zone, at, report);
  }

  event(event: ClusterEvent): void {
    this.#events?.event(event);
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#running, this.#peers.stop(), this.#events?.stop()]);
    this.#options.api.close();
  }

  #openLeases(): Reflector<KeptLease> {
    const { namespace } = this.#options;
    const reflector: Reflector<KeptLease> = new Reflector<KeptLease>({
      ...this.#options,
      paths: [`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`],
      labelSelector: leaseSelector,
      // A list that breaks off brings nobody.
      keep: (lease, { version }) => ({ version, lease }),
      onItem: ({ before, now, version }) => {
        if (now !== undefined) this.#peers.put(now.lease);
        else if (before !== undefined)
          this.#peers.remove(String(metadataOf(before.lease)['name']), version);
      },
      onState: (matters) => {
        if (reflector.state === 'read' && !this.#peers.synced) this.#peers.listed();
        this.#tell(matters);
      },
      onDate: (date) => this.#peers.serverTime(date),
    });
    return reflector;
  }

  #knownZone(key: ObjectKey): KnownZone | undefined {
    const { uid, status } = this.#objects.zone(key) ?? {};
    return uid === undefined || status === undefined ? undefined : { uid, status };
  }

  #newView(): ClusterView {
    const { synced, progress, views, invalid, stale, incomplete, lost } = this.#objects;
    const { wrong, ...objects } = views;
    const peers = this.#peers;
    const { problem, state } = this.#leases;
    const unread =
      problem === undefined || state !== 'unread'
        ? []
        : [{ object: 'Leases', problems: [{ path: '', problem }] }];
    const frozen = incomplete ?? lost;
    const since = stale ?? (problem === undefined ? peers.awaited : `Lease: ${problem}`);
    const untold = this.#events?.problem;
    const unwritten =
      untold === undefined ? [] : [{ object: 'Events', problems: [{ path: '', problem: untold }] }];
    return {
      synced: synced && peers.synced,
      progress,
      ...objects,
      peers: peers.peers,
      invalid: [...invalid, ...unread, ...peers.invalid, ...this.#status.invalid, ...unwritten],
      ...(frozen === undefined ? {} : { removalsFrozen: frozen }),
      ...(lost === undefined ? {} : { unremembered: lost }),
      ...(since === undefined ? {} : { stale: since }),
    };
  }

  /** Once for what changes together. */
  #tell(matters: boolean): void {
    this.#view = undefined;
    if (!matters || this.#telling || this.#closing.signal.aborted) return;
    this.#telling = true;
    setImmediate(async () => {
      this.#telling = false;
      await this.#objects.settle(this.#closing.signal);
      this.#view = undefined;
      if (!this.#closing.signal.aborted) this.#changed();
    });
  }
}
