import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Peer, Registration } from '../plan/registration.ts';
import type { Lease } from './own-registration.ts';
import { WatchedTime } from './watched-time.ts';

/** A registration as last read, and the watched time at which its last renewal came. */
export interface Arrival {
  readonly registration: Registration;
  readonly arrived: number;
}

/** Looks in the time that makes a peer silent: how exactly silence is noticed. */
const LOOKS_PER_DURATION = 24;
/** After so many looks left out, the time for judging others stands still. */
const LOOKS_LEFT_OUT = 3;

/**
 * Who of the registered pods is there. One whose registration was not renewed for the lease's duration is silent; after a
 * further grace it is no peer any more. What counts is when a renewal arrives here, while we are looking: no clock of
 * another machine, no jump of our own, no pause of this process makes a peer silent.
 */
export class RollCall {
  /** How often to look, in ms. */
  readonly lookMs: number;
  readonly #silentMs: number;
  readonly #goneMs: number;
  readonly #time: WatchedTime;
  #peers: ReadonlyMap<string, Peer> = new Map();

  constructor({ monotonic }: Pick<Clock, 'monotonic'>, lease: Lease) {
    this.#silentMs = lease.durationSeconds * 1000;
    this.#goneMs = this.#silentMs + lease.graceSeconds * 1000;
    this.lookMs = this.#silentMs / LOOKS_PER_DURATION;
    this.#time = new WatchedTime(monotonic, this.lookMs * LOOKS_LEFT_OUT);
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#peers;
  }

  /** Somebody is about to look, and will see what has come until now. Returns the watched time, in ms. */
  look(): number {
    return this.#time.look();
  }

  isLive({ arrived }: Pick<Arrival, 'arrived'>, now: number): boolean {
    return now - arrived < this.#silentMs;
  }

  isGone({ arrived }: Pick<Arrival, 'arrived'>, now: number): boolean {
    return now - arrived >= this.#goneMs;
  }

  /** The peers as of now; the same map, and the same entries of it, where nothing changed. */
  call(arrivals: Iterable<Arrival>, now: number): ReadonlyMap<string, Peer> {
    const peers = new Map<string, Peer>();
    for (const arrival of arrivals) {
      if (this.isGone(arrival, now)) continue;
      const liveness = this.isLive(arrival, now) ? 'live' : 'silent';
      peers.set(arrival.registration.pod, this.#peer({ ...arrival.registration, liveness }));
    }
    if (!sameEntries(peers, this.#peers)) this.#peers = peers;
    return this.#peers;
  }

  /** The known one where nothing changed but the time of its renewal. */
  #peer(peer: Peer): Peer {
    const known = this.#peers.get(peer.pod);
    return known !== undefined && isDeepStrictEqual(known, peer) ? known : peer;
  }
}

const sameEntries = <K, V>(a: ReadonlyMap<K, V>, b: ReadonlyMap<K, V>): boolean =>
  a.size === b.size && [...a].every(([key, value]) => b.get(key) === value);
