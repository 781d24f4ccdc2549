import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../clock.ts';
import type { Registration } from '../plan/registration.ts';

/** Times of a registration. */
export interface Lease {
  readonly renewSeconds: number;
  /** Without a renewal for so long, a peer is silent. */
  readonly durationSeconds: number;
  /** Silent for so long, it is dropped. */
  readonly graceSeconds: number;
}

/** Where a pod's registration stands: a file, a Lease. Failures worth a retry are `TransientError`s. */
export interface RegistrationPlace {
  /**
   * Writes it, with a new time of renewal. Where another pod has the name, nothing is written and its uid is returned.
   *
   * @param takeOver whatever stands there is from before our start: it is written over
   */
  publish(registration: Registration, takeOver: boolean): Promise<string | undefined>;
  /** The uid of the pod whose registration stands there; undefined: none does. */
  holder(registration: Registration): Promise<string | undefined>;
  /** Takes it away, unless it is another pod's. */
  remove(registration: Registration): Promise<void>;
}

export interface OwnRegistrationOptions {
  readonly place: RegistrationPlace;
  readonly clock: Clock;
  /** From 0 to below 1: pods that were started together need not renew together. */
  readonly random: () => number;
  readonly lease: Lease;
  /** A problem came or went. */
  readonly changed: () => void;
}

/** How soon a renewal that failed is tried again, as a share of the time between two. */
const RETRY_SHARE = 6;
/** The time between two renewals is between 1 - JITTER and 1 + JITTER of what it should be. */
const JITTER = 0.2;

/** Whoever could not renew has tried again after so long, in ms. */
export const triedAgainMs = ({ renewSeconds }: Lease): number =>
  (renewSeconds * 1000 * (1 + JITTER)) / RETRY_SHARE;

/**
 * This pod's registration, written anew at each change and each renewal. One that another pod of the same name left is
 * taken over at first; whoever sees another uid in its place later has been taken over, and stops until the name is free.
 */
export class OwnRegistration {
  readonly #options: OwnRegistrationOptions;
  readonly #closing = new AbortController();
  #wanted: Registration | undefined;
  #published: Registration | undefined;
  #takenOverBy: string | undefined;
  #failure: string | undefined;
  #renewing = false;
  /** One thing at a time: a renewal must not bring back what was just taken back. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: OwnRegistrationOptions) {
    this.#options = options;
  }

  get pod(): string | undefined {
    return this.#wanted?.pod;
  }

  /** Why others do not see this pod as it is. */
  get problem(): string | undefined {
    return this.#takenOverBy === undefined
      ? this.#failure
      : `another pod, with uid ${this.#takenOverBy}, has registered under this pod's name: names must be unique; this pod is not registered any more`;
  }

  async register(registration: Registration): Promise<void> {
    this.#wanted = registration;
    if (!this.#renewing) {
      this.#renewing = true;
      void this.#renewAgainAndAgain();
    }
    await this.#inTurn(async () => {
      if (!isDeepStrictEqual(this.#published, this.#wanted)) await this.#publish();
    });
  }

  /** Looks whether what stands there is still ours, and there. */
  async check(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#published === undefined) return;
      const holder = await this.#options.place.holder(this.#published);
      if (holder === undefined) await this.#publish();
      else this.#note(holder);
    });
  }

  async deregister(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    await this.#inTurn(async () => {
      this.#published = undefined;
      if (wanted !== undefined) await this.#options.place.remove(wanted);
    });
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#last;
  }

  async #renewAgainAndAgain(): Promise<void> {
    const { clock, random, lease } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const share = this.#failure === undefined ? 1 : 1 / RETRY_SHARE;
      const jitter = 1 - JITTER + 2 * JITTER * random();
      await clock.sleep(lease.renewSeconds * 1000 * share * jitter, signal);
      if (signal.aborted) return;
      await this.#inTurn(() => this.#publish()).catch(() => undefined);
    }
  }

  async #publish(): Promise<void> {
    const registration = this.#wanted;
    if (registration === undefined) return;
    const before = this.problem;
    try {
      const { place } = this.#options;
      // The first time, whatever stands there is from before our start.
      const holder = await place.publish(registration, this.#published === undefined);
      this.#published = registration;
      this.#failure = undefined;
      this.#takenOverBy = holder;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      if (this.problem !== before) this.#options.changed();
    }
  }

  #note(holder: string): void {
    const before = this.problem;
    this.#takenOverBy = holder === this.#published?.uid ? undefined : holder;
    if (this.problem !== before) this.#options.changed();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
