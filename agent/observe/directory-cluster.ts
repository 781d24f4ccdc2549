import type { Clock } from '../clock.ts';
import type { Registration } from '../plan/registration.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { Cluster, ClusterView } from './cluster.ts';
import { DirectoryManifests } from './directory-manifests.ts';
import { DirectoryPeers } from './directory-peers.ts';
import { DirectoryStatus } from './directory-status.ts';
import type { LastGood } from './last-good.ts';
import type { ManifestNote } from './manifest-files.ts';
import type { Lease } from './own-registration.ts';
import { StatusSweep } from './status-sweep.ts';

export interface DirectoryClusterOptions {
  /** Folders of manifests. They are waited for; the other two folders, which may lie in these, are made. */
  readonly manifests: readonly string[];
  readonly peers: string;
  readonly status: string;
  /** This pod's name, where it has one. */
  readonly pod?: string;
  /** Only looks: makes no folder, repairs and removes nothing. */
  readonly onlooks?: boolean;
  /** The namespace of objects that name none. */
  readonly namespace: string;
  readonly lease: Lease;
  readonly clock: Clock;
  /** A new random id, e.g. a UUID. */
  readonly newId: () => string;
  /** From 0 to below 1; `Math.random` by default. */
  readonly random?: () => number;
  /** How often to look whether a change was missed, in ms. Default 30,000. */
  readonly rescanMs?: number;
  /** What looks half-written or has vanished is believed when it stayed so for so long, in ms. Default 250. */
  readonly settleMs?: number;
  /** How long a status outlives its zone, in ms. Default 60,000. */
  readonly statusGraceMs?: number;
  /** Where the last good versions of objects that are wrong outlive a run; without it they end with the run. */
  readonly lastGood?: LastGood;
  /** Things worth a log line: manifests of other kinds, probable typing errors. */
  readonly note?: (note: ManifestNote) => void;
}

/** Sweeps in the time of the grace. */
const SWEEPS_PER_GRACE = 6;

/** A cluster in shared folders: manifests, a file per pod in `peers`, a file per zone in `status`. */
export class DirectoryCluster implements Cluster {
  readonly #options: DirectoryClusterOptions;
  readonly #manifests: DirectoryManifests;
  readonly #peers: DirectoryPeers;
  readonly #status: DirectoryStatus;
  readonly #sweep: StatusSweep;
  readonly #closing = new AbortController();
  readonly #graceMs: number;
  #changed: () => void = () => undefined;
  #telling = false;
  #view: ClusterView | undefined;

  constructor(options: DirectoryClusterOptions) {
    const { clock, newId, rescanMs = 30_000, settleMs = 250, statusGraceMs = 60_000 } = options;
    const onlooks = options.onlooks === true;
    const changed = (): void => this.#tell();
    this.#options = options;
    this.#manifests = new DirectoryManifests({
      folders: options.manifests,
      except: [options.peers, options.status],
      defaultNamespace: options.namespace,
      clock,
      rescanMs,
      settleMs,
      lastGood: options.lastGood,
      changed,
      note: options.note ?? (() => undefined),
    });
    this.#peers = new DirectoryPeers({
      folder: options.peers,
      clock,
      random: options.random ?? Math.random,
      lease: options.lease,
      ...(options.pod === undefined ? {} : { pod: options.pod }),
      onlooks,
      changed,
    });
    this.#status = new DirectoryStatus({
      folder: options.status,
      clock,
      newId,
      rescanMs,
      onlooks,
      changed,
    });
    this.#graceMs = statusGraceMs;
    this.#sweep = new StatusSweep(statusGraceMs);
  }

  async start(changed: () => void): Promise<void> {
    this.#changed = changed;
    await Promise.all([this.#manifests.start(), this.#peers.start(), this.#status.start()]);
    if (this.#options.onlooks !== true) void this.#sweepAgainAndAgain();
  }

  /** Files are read whole. */
  readFor(): void {}

  view(): ClusterView {
    this.#view ??= this.#newView();
    return this.#view;
  }

  ages(): ReadonlyMap<string, number> {
    return new Map();
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

  /** There is nobody to tell: what happened stands in the log. */
  event(): void {}

  async stop(): Promise<void> {
    this.#closing.abort();
    await Promise.all([this.#manifests.stop(), this.#peers.stop(), this.#status.stop()]);
  }

  #newView(): ClusterView {
    const { synced, version, objects, invalid, removalsFrozen, unremembered } =
      this.#manifests.view;
    const [peers, status] = [this.#peers, this.#status];
    return {
      synced: synced && peers.synced && status.synced,
      progress: { latest: { manifests: version }, seen: { manifests: version } },
      ...objects,
      statuses: status.statuses,
      peers: peers.peers,
      invalid: [...invalid, ...peers.invalid, ...status.invalid],
      ...(removalsFrozen === undefined ? {} : { removalsFrozen }),
      ...(unremembered === undefined ? {} : { unremembered }),
    };
  }

  /** Once for what changes together. */
  #tell(): void {
    this.#view = undefined;
    if (this.#telling || this.#closing.signal.aborted) return;
    this.#telling = true;
    setImmediate(() => {
      this.#telling = false;
      if (!this.#closing.signal.aborted) this.#changed();
    });
  }

  async #sweepAgainAndAgain(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#sweepStatuses().catch(() => undefined);
      await clock.sleep(this.#graceMs / SWEEPS_PER_GRACE, signal);
    }
  }

  async #sweepStatuses(): Promise<void> {
    const { synced, removalsFrozen, statuses, zones, invalid } = this.view();
    if (!synced || removalsFrozen !== undefined) return this.#sweep.forget();
    const known = new Set<ObjectKey | undefined>(invalid.map(({ zone }) => zone));
    const isKnown = (zone: ObjectKey): boolean => zones.has(zone) || known.has(zone);
    const now = this.#options.clock.monotonic();
    for (const { zone, version } of this.#sweep.due(statuses, isKnown, now)) {
      await this.#status.remove(zone, version);
    }
  }
}
