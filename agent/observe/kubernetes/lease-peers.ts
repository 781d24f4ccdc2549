import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../clock.ts';
import type { Peer, Registration } from '../../plan/registration.ts';
import { failureOf, type Problem, TransientError } from '../../problem.ts';
import type { InvalidObject } from '../cluster.ts';
import { type Lease, OwnRegistration, triedAgainMs } from '../own-registration.ts';
import { type Arrival, RollCall } from '../roll-call.ts';
import type { KubernetesApi } from './api.ts';
import type { RawObject } from './collection.ts';
import { leaseName, registrationOf, renewalOf, writtenAt } from './lease.ts';
import { metadataOf } from './object-parts.ts';
import { OwnLease } from './own-lease.ts';

export interface LeasePeersOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  /** The pod's namespace: its peers are there too. */
  readonly namespace: string;
  /** This pod's name: never a peer, also where an earlier pod of the name left its Lease. Undefined: only looks. */
  readonly pod?: string;
  /** The uid of the Pod object, where it is known. */
  readonly ownerUid?: string;
  readonly lease: Lease;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly changed: () => void;
}

/** How long a registration is waited for. */
const PATIENCE_MS = 1000;
/** An API server that has not listed the Leases so long after the start was away, or may have been. */
const PROMPT_MS = 1000;
/** Renewals are heard as long as the last one is not longer ago than this share of a Lease's duration. */
const HEARD_SHARE = 0.5;

/** One Lease as last seen. */
interface Seen {
  /** Differs with each renewal. */
  readonly renewal: string;
  readonly registration?: Registration;
  readonly problems: readonly Problem[];
  /** Watched time at which its last renewal came. */
  readonly arrived: number;
}

/**
 * The pods of a namespace, each by a Lease that it renews. The Leases are brought by whoever watches them. The Lease of a pod
 * that is no peer any more stays: it goes with its Pod object.
 */
export class LeasePeers {
  readonly #options: LeasePeersOptions;
  readonly #rollCall: RollCall;
  readonly #lease: OwnLease;
  readonly #own: OwnRegistration;
  readonly #seen = new Map<string, Seen>();
  readonly #closing = new AbortController();
  #startedAt = Number.POSITIVE_INFINITY;
  #listed = false;
  #synced = false;
  #ownRenewal: string | undefined;
  /** When a renewal was last heard of, whoever's, by the monotonic clock. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** The watched time as of the last look. */
  #now = 0;
  /** The API server's clock less our monotonic one. */
  #serverOffset: number | undefined;
  #told: unknown;

  constructor(options: LeasePeersOptions) {
    const { clock, lease, namespace, ownerUid, api } = options;
    const { durationSeconds } = lease;
    this.#options = options;
    this.#rollCall = new RollCall(clock, lease);
    this.#lease = new OwnLease({ api, namespace, ownerUid, durationSeconds, clock });
    this.#own = new OwnRegistration({ ...options, place: this.#lease });
  }

  start(): void {
    this.#startedAt = this.#options.clock.monotonic();
    void this.#lookAgainAndAgain();
  }

  /** The Leases were listed once, and nobody in them is taken for silent only because nobody could renew. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Who is still waited for, after the Leases were listed. */
  get awaited(): string | undefined {
    return this.#synced || !this.#listed
      ? undefined
      : 'Lease: pods that could not renew theirs while the API server was away have some seconds to do it';
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#rollCall.peers;
  }

  get invalid(): readonly InvalidObject[] {
    const { pod = '', namespace } = this.#options;
    const own = this.#own.problem;
    return [
      ...(own === undefined
        ? []
        : [{ object: `registration ${pod}`, problems: [{ path: '', problem: own }] }]),
      ...[...this.#seen].flatMap(([name, { problems }]) =>
        problems.length === 0 ? [] : [{ object: `Lease ${namespace}/${name}`, problems }],
      ),
    ];
  }

  /** Goes on in the background where the API server takes its time: nobody's zones have to wait for that. */
  async register(registration: Registration): Promise<void> {
    const registered = this.#own.register(registration);
    const late = await Promise.race([
      registered.then(() => false),
      this.#options.clock.sleep(PATIENCE_MS, this.#closing.signal).then(() => true),
    ]);
    if (!late) return;
    void failureOf(registered);
    throw new TransientError('the API server has not taken the registration of this pod yet');
  }

  deregister(): Promise<void> {
    return this.#own.deregister();
  }

  /** A Lease is so at the API server. Listed again, it need not be new. */
  put(lease: RawObject): void {
    const name = String(metadataOf(lease)['name']);
    const renewal = renewalOf(lease);
    const isOwn = name === this.#ownName;
    const before = this.#seen.get(name);
    if (renewal !== (isOwn ? this.#ownRenewal : before?.renewal))
      this.#heardAt = this.#options.clock.monotonic();
    if (isOwn) {
      this.#ownRenewal = renewal;
      this.#lease.saw(lease);
      void failureOf(this.#own.check());
      return;
    }
    const now = this.#look();
    const arrived = before === undefined ? now - this.#ageOf(lease) : now;
    const parsed = registrationOf(lease);
    this.#seen.set(name, {
      renewal,
      ...(parsed.ok ? { registration: parsed.value } : {}),
      problems: parsed.ok ? [] : parsed.problems,
      // Seen again, or touched by somebody else, it was not renewed.
      arrived: before?.renewal === renewal ? before.arrived : arrived,
    });
    this.#settle();
    this.#judge();
  }

  /** A Lease is gone. @param version of the deletion, or of the list in which it is missing */
  remove(name: string, version?: number): void {
    if (name === this.#ownName) {
      this.#lease.sawGone(version);
      void failureOf(this.#own.check());
    } else if (this.#seen.delete(name)) this.#judge();
  }

  /**
   * Every Lease there is was put. Where the API server was away, their age says nothing of who holds them: none of them
   * could renew. They get the time to do it.
   */
  listed(): void {
    if (!this.#listed) void this.#waitForOthers();
    this.#listed = true;
    this.#settle();
    this.#judge();
  }

  /** The Date header of an answer of the API server, just received. */
  serverTime(date: string | undefined): void {
    const time = Date.parse(date ?? '');
    if (!Number.isNaN(time)) this.#serverOffset = time - this.#options.clock.monotonic();
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#own.stop();
  }

  get #ownName(): string | undefined {
    const pod = this.#own.pod ?? this.#options.pod;
    return pod === undefined ? undefined : leaseName(pod);
  }

  async #lookAgainAndAgain(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#options.clock.sleep(this.#rollCall.lookMs, signal);
      if (this.#listed && !signal.aborted) this.#judge();
    }
  }

  async #waitForOthers(): Promise<void> {
    const { clock, lease, pod } = this.#options;
    const { signal } = this.#closing;
    const wasAway = pod !== undefined && clock.monotonic() - this.#startedAt > PROMPT_MS;
    if (wasAway) await clock.sleep(2 * triedAgainMs(lease), signal);
    if (signal.aborted) return;
    this.#synced = true;
    this.#judge();
  }

  /** After the Leases were listed: there is nobody to wait for any more. */
  #settle(): void {
    if (this.#synced || !this.#listed) return;
    const now = this.#look();
    this.#synced = [...this.#seen.values()].every((seen) => this.#rollCall.isLive(seen, now));
  }

  /**
   * Time passes only while renewals are heard: this pod's own, which the watch brings like all others, come several times
   * in a Lease's duration. Where not even those come, the watch hangs, or the API server takes no writes; that all peers
   * are silent then says nothing of them.
   */
  #look(): number {
    const { clock, lease } = this.#options;
    const unheardMs = clock.monotonic() - this.#heardAt;
    if (unheardMs < HEARD_SHARE * lease.durationSeconds * 1000) this.#now = this.#rollCall.look();
    return this.#now;
  }

  /**
   * How long ago a Lease that was never seen before was written, in ms, by the API server's clock alone: one that nobody
   * has renewed for an hour is not live because we have come just now. It counts only where it makes a difference: the
   * clocks of several API servers differ.
   */
  #ageOf(lease: RawObject): number {
    const { clock, lease: times } = this.#options;
    const at = writtenAt(lease);
    if (this.#serverOffset === undefined || at === undefined) return 0;
    const age = clock.monotonic() + this.#serverOffset - at;
    return age < times.durationSeconds * 1000 ? 0 : age;
  }

  #judge(): void {
    const arrivals = [...this.#seen].sort(byName).flatMap(([, seen]): Arrival[] => {
      const { registration, arrived } = seen;
      return registration === undefined ? [] : [{ registration, arrived }];
    });
    const peers = this.#rollCall.call(arrivals, this.#look());
    const told = { peers, invalid: this.invalid, synced: this.#synced };
    if (isDeepStrictEqual(told, this.#told)) return;
    this.#told = told;
    this.#options.changed();
  }
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : 1;
