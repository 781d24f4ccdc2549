import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { type Clock, timestamp } from '../clock.ts';
import { makeFolder, publish, readIfPresent, remove } from '../files.ts';
import type { Registration } from '../plan/registration.ts';
import { parseRegistration, showRegistration } from './registration-file.ts';
import { safeName } from './safe-name.ts';

/** Times of a registration. */
export interface Lease {
  readonly renewSeconds: number;
  /** Without a renewal for so long, a peer is silent. */
  readonly durationSeconds: number;
  /** Silent for so long, it is dropped. */
  readonly graceSeconds: number;
}

export interface OwnRegistrationOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly lease: Lease;
  /** A problem came or went. */
  readonly changed: () => void;
}

export const fileOf = (folder: string, pod: string): string =>
  join(folder, `${safeName(pod)}.json`);

/** How soon a renewal that failed is tried again, as a share of the time between two. */
const RETRY_SHARE = 6;

/**
 * This pod's registration: a file that is written anew at each change and each renewal. A file that another pod of the
 * same name left is taken over at first; whoever sees another uid in its file later has been taken over, and stops.
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

  /** Looks whether our file is still ours, and there. */
  async check(): Promise<void> {
    await this.#inTurn(async () => {
      if (this.#published !== undefined && (await this.#holder()) === undefined) {
        await this.#publish();
      }
    });
  }

  async deregister(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = undefined;
    await this.#inTurn(async () => {
      this.#published = undefined;
      if (wanted === undefined || this.#takenOverBy !== undefined) return;
      const path = fileOf(this.#options.folder, wanted.pod);
      if ((await readUid(path)) === wanted.uid) await remove(path);
    });
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#last;
  }

  async #renewAgainAndAgain(): Promise<void> {
    const { clock, lease } = this.#options;
    const { signal } = this.#closing;
    const ms = lease.renewSeconds * 1000;
    while (!signal.aborted) {
      await clock.sleep(this.#failure === undefined ? ms : ms / RETRY_SHARE, signal);
      if (signal.aborted) return;
      await this.#inTurn(() => this.#publish()).catch(() => undefined);
    }
  }

  async #publish(): Promise<void> {
    const { folder, clock, changed } = this.#options;
    const registration = this.#wanted;
    if (registration === undefined) return;
    const before = this.problem;
    try {
      // The first time, whatever stands there is from before our start.
      if (this.#published !== undefined) await this.#holder();
      if (this.#takenOverBy !== undefined) return;
      await makeFolder(folder);
      const text = showRegistration({ registration, renewTime: timestamp(clock.now()) });
      await publish(fileOf(folder, registration.pod), text, { fsync: false });
      this.#published = registration;
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error instanceof Error ? error.message : String(error);
      throw error;
    } finally {
      if (this.problem !== before) changed();
    }
  }

  /** The uid in our file. Another than ours: we have been taken over, for good. */
  async #holder(): Promise<string | undefined> {
    if (this.#published === undefined) return undefined;
    const { pod, uid } = this.#published;
    const holder = await readUid(fileOf(this.#options.folder, pod));
    if (holder !== undefined && holder !== uid && this.#takenOverBy === undefined) {
      this.#takenOverBy = holder;
      this.#options.changed();
    }
    return holder;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** Undefined where there is no file, or nothing that is a registration. */
async function readUid(path: string): Promise<string | undefined> {
  const text = await readIfPresent(path);
  const found = text === undefined ? undefined : parseRegistration(text);
  return found?.ok === true ? found.value.registration.uid : undefined;
}
