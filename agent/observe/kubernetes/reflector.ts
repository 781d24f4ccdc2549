import type { Clock } from '../../clock.ts';
import { TransientError } from '../../problem.ts';
import { isObject } from '../../resources/got.ts';
import type { KubernetesApi } from './api.ts';
import type { Refusal } from './api-answer.ts';
import {
  Collection,
  type CollectionOptions,
  type Kept,
  type RawObject,
  versionOf,
} from './collection.ts';
import { TooEarlyError } from './held-back.ts';
import { Pauses } from './pauses.ts';

export interface ReflectorOptions<T extends Kept> extends CollectionOptions<T> {
  readonly api: Pick<KubernetesApi, 'request' | 'watch'>;
  readonly clock: Clock;
  /** From 0 to below 1: agents that lost the same server do not all come back at once. */
  readonly random: () => number;
  /** The collection in each version of its API, the preferred one first. */
  readonly paths: readonly string[];
  /** Objects with these labels only, `key=value` with commas. */
  readonly labelSelector?: string;
  /** The state is another, or (then it does not matter to most) more is known to be missing nothing. */
  readonly onState: (matters: boolean) => void;
  /** The server's clock, as an HTTP date, before what it answers then. */
  readonly onDate?: (date: string) => void;
  readonly times?: Partial<ReflectorTimes>;
}

export interface ReflectorTimes {
  /** The server ends each watch after about so long, and says before up to where nothing is missing. */
  readonly watchSeconds: number;
  /** A watch that has not ended so much later, in ms, hangs. */
  readonly idleMs: number;
  /** A list in which nothing comes for so long, in ms, hangs. */
  readonly listIdleMs: number;
  /** Between two attempts that fail, growing from the first to the longest, in ms. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
  /** How often the server is asked for a kind that it does not know, in ms. */
  readonly absentMs: number;
}

const defaultTimes: ReflectorTimes = {
  watchSeconds: 18,
  idleMs: 4000,
  listIdleMs: 8000,
  firstPauseMs: 500,
  longestPauseMs: 4000,
  absentMs: 5000,
};

/** A list may take its time, as long as something comes. */
const LIST_SECONDS = '600';
const PAGE = '500';

/** What an attempt came to, where it did not break off. */
type End = Refusal | 'ended' | 'listed';

/**
 * Keeps up with one collection of the API: lists it, watches from there, and begins again where that ends, for ever. While
 * the server is away, what is kept stays as it is.
 */
export class Reflector<T extends Kept> {
  readonly collection: Collection<T>;
  readonly #options: ReflectorOptions<T>;
  readonly #times: ReflectorTimes;
  readonly #pauses: Pauses;
  #attempt = new AbortController();
  /** Which of the paths the server knows. */
  #path = 0;
  /** Lists are streamed, unless the server knows no better than pages. */
  #streams = true;
  /** A streamed list began and did not come to its end: the next one goes by pages, which may work. */
  #brokeOff = false;
  /** From where a watch can go on; undefined: list first. */
  #version: number | undefined;
  #heardAt: number;
  #state: 'unread' | 'absent' | 'read' = 'unread';
  #problem: string | undefined;
  #refusal = false;
  #staleSince: number | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#times = { ...defaultTimes, ...options.times };
    this.#pauses = new Pauses({ ...this.#times, ...options });
    this.#heardAt = options.clock.monotonic();
    this.collection = new Collection(options);
  }

  /** `absent`: the server does not know the kind, and has not since the start. `read`: it was read whole once. */
  get state(): 'unread' | 'absent' | 'read' {
    return this.#state;
  }

  /** Why what is kept may not be all that is true; undefined: it is. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** The server has said that it is not for us to read, and has not let us read it since. */
  get refused(): boolean {
    return this.#refusal;
  }

  /** The last attempt failed. */
  get failing(): boolean {
    return this.#pauses.failures > 0;
  }

  /** Since when that is so, in ms since 1970. */
  get staleSince(): number | undefined {
    return this.#staleSince;
  }

  /** When the server was last heard of, by the monotonic clock. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** Reads everything anew. */
  relist(): void {
    this.#version = undefined;
    this.#attempt.abort();
  }

  async run(signal: AbortSignal): Promise<void> {
    this.#heardAt = this.#options.clock.monotonic();
    while (!signal.aborted) {
      this.#attempt = new AbortController();
      const pause = await this.#attemptOnce(AbortSignal.any([signal, this.#attempt.signal]));
      if (pause > 0) await this.#options.clock.sleep(pause, signal);
    }
  }

  /** Returns the pause before the next one, in ms. */
  async #attemptOnce(signal: AbortSignal): Promise<number> {
    try {
      const end = this.#version === undefined ? await this.#list(signal) : 'listed';
      const ended = end === 'listed' ? await this.#watch(signal) : end;
      if (signal.aborted) return 0;
      return ended === 'ended' || ended === 'listed'
        ? this.#pauses.afterEnd()
        : this.#refused(ended);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      // Nobody was asked, so nothing has failed.
      if (error.cause instanceof TooEarlyError)
        return Math.max(1, error.cause.until - this.#options.clock.monotonic());
      const pause = this.#pauses.afterFailure();
      // One connection that ends is nothing to tell of, as long as the next one goes on.
      if (this.#pauses.failures > 1) this.#tell(error.message);
      else if (this.#state === 'unread') this.#options.onState(true);
      return pause;
    }
  }

  #list(signal: AbortSignal): Promise<End> {
    const streams = this.#streams && !this.#brokeOff;
    return streams ? this.#listByStream(signal) : this.#listByPages(signal);
  }

  async #listByStream(signal: AbortSignal): Promise<End> {
    const { api, onDate } = this.#options;
    const query = this.#query({
      sendInitialEvents: 'true',
      resourceVersionMatch: 'NotOlderThan',
      timeoutSeconds: LIST_SECONDS,
    });
    const request = { path: this.#here, query, idleMs: this.#times.listIdleMs };
    for await (const event of api.watch(request, signal))
      switch (event.type) {
        case 'OPENED':
          if (event.date !== undefined) onDate?.(event.date);
          this.#brokeOff = true;
          this.collection.beginList();
          break;
        case 'ADDED':
        case 'MODIFIED':
          this.collection.list(event.object);
          break;
        case 'DELETED':
          this.collection.unlist(event.object);
          break;
        case 'BOOKMARK':
          if (!endsList(event.object)) break;
          this.#listed(event.object);
          return 'listed';
        case 'REFUSED':
          if (event.refusal.code !== 422 && event.refusal.code !== 400) return event.refusal;
          this.#streams = false;
          return this.#listByPages(signal);
      }
    if (signal.aborted) return 'ended';
    throw new TransientError(`list ${this.#here}: it broke off`);
  }

  async #listByPages(signal: AbortSignal): Promise<End> {
    const { api, onDate } = this.#options;
    this.#brokeOff = false;
    this.collection.beginList();
    for (let from: unknown = ''; ; ) {
      const query = this.#query({
        limit: PAGE,
        ...(from === '' ? {} : { continue: String(from) }),
      });
      const answer = await api.request({ method: 'GET', path: this.#here, query }, signal);
      if (!answer.ok) return answer;
      if (answer.date !== undefined) onDate?.(answer.date);
      const { apiVersion, kind, items } = answer.body;
      // The items of a list do not say what they are.
      const implied = { apiVersion, kind: String(kind).replace(/List$/, '') };
      for (const item of Array.isArray(items) ? items : [])
        this.collection.list({ ...implied, ...item });
      from = metadataOf(answer.body)['continue'] ?? '';
      if (from !== '') continue;
      this.#listed(answer.body);
      return 'listed';
    }
  }

  async #watch(signal: AbortSignal): Promise<End> {
    const { api, clock, random, onState } = this.#options;
    const { watchSeconds, idleMs } = this.#times;
    const seconds = Math.ceil(watchSeconds * (0.8 + 0.4 * random()));
    const query = this.#query({
      resourceVersion: String(this.#version),
      timeoutSeconds: String(seconds),
    });
    const request = { path: this.#here, query, idleMs: seconds * 1000 + idleMs };
    for await (const event of api.watch(request, signal)) {
      if (event.type === 'REFUSED') return event.refusal;
      this.#heardAt = clock.monotonic();
      if (event.type === 'OPENED') {
        this.#pauses.opened();
        this.#tell(undefined);
        continue;
      }
      const version = versionIn(event.object);
      this.#version = version;
      if (event.type !== 'BOOKMARK') this.collection.apply(event.type, event.object);
      else {
        this.collection.bookmark(version);
        onState(false);
      }
    }
    return 'ended';
  }

  get #here(): string {
    return this.#options.paths[this.#path] ?? '';
  }

  #query(query: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { labelSelector } = this.#options;
    return labelSelector === undefined ? query : { ...query, labelSelector };
  }

  #listed(list: RawObject): void {
    const version = versionIn(list);
    this.collection.endList(version);
    this.#pauses.succeeded();
    this.#brokeOff = false;
    this.#version = version;
    this.#heardAt = this.#options.clock.monotonic();
    this.#state = 'read';
    this.#refusal = false;
    this.#problem = undefined;
    this.#staleSince = undefined;
    this.#options.onState(true);
  }

  #refused({ code, message }: Refusal): number {
    // It has forgotten what happened since.
    if (code === 410) this.#version = undefined;
    if (code === 404) return this.#unknown();
    if (code === 403) this.#refusal = true;
    const pause = this.#pauses.afterFailure();
    if (code !== 410 || this.#pauses.failures > 2) this.#tell(message);
    return pause;
  }

  /** The server does not know the kind in this version of its API. */
  #unknown(): number {
    const { paths, random, clock, onState } = this.#options;
    this.#version = undefined;
    this.#path = (this.#path + 1) % paths.length;
    if (this.#path !== 0) return 1;
    if (this.#state === 'read')
      this.#tell(`the API server does not know ${paths[0]} any more: is the CRD gone?`);
    else {
      this.#state = 'absent';
      this.#heardAt = clock.monotonic();
      this.#problem = undefined;
      this.#staleSince = undefined;
      onState(true);
    }
    return this.#times.absentMs * (0.5 + random());
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return;
    const { clock } = this.#options;
    this.#problem = problem;
    if (problem === undefined) this.#staleSince = undefined;
    else this.#staleSince ??= clock.now() - (clock.monotonic() - this.#heardAt);
    this.#options.onState(true);
  }
}

const metadataOf = ({ metadata }: RawObject): Readonly<Record<string, unknown>> =>
  isObject(metadata) ? metadata : {};

function versionIn(object: RawObject): number {
  const version = versionOf(metadataOf(object)['resourceVersion']);
  if (version === undefined) throw new TransientError('something without a version');
  return version;
}

function endsList(bookmark: RawObject): boolean {
  const { annotations } = metadataOf(bookmark);
  return isObject(annotations) && annotations['k8s.io/initial-events-end'] === 'true';
}
