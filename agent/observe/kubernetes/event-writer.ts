import type { Clock } from '../../clock.ts';
import { TransientError } from '../../problem.ts';
import { TokenBucket, type TokenRate } from '../../token-bucket.ts';
import type { ClusterEvent } from '../cluster.ts';
import type { KubernetesApi } from './api.ts';
import type { ApiAnswer } from './api-answer.ts';
import type { RawObject } from './collection.ts';
import {
  eventName,
  eventOf,
  type Happening,
  type Regarded,
  regardingOf,
  seriesOf,
} from './event-object.ts';

export interface EventWriterOptions extends Regarded {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly clock: Clock;
  /** A new random id, e.g. a UUID. */
  readonly newId: () => string;
  /** How it went; `dropped`: there were too many. */
  readonly counted?: (result: EventResult) => void;
  /** What the server has against Events is something else than before. */
  readonly changed?: () => void;
  readonly limits?: Partial<EventLimits>;
}

export type EventResult = 'written' | 'dropped' | 'refused';

export interface EventLimits extends TokenRate {
  /** More than so many do not wait. */
  readonly waiting: number;
  /** The repetitions of an event are counted for so long before they are told, in ms. */
  readonly seriesMs: number;
  /** What has not happened for so long happens for the first time, in ms. */
  readonly forgetMs: number;
  /** What could not be told for so long is no news any more, in ms: the API server itself keeps Events for an hour. */
  readonly newsMs: number;
}

const defaultLimits: EventLimits = {
  burst: 50,
  perSecond: 5,
  waiting: 500,
  seriesMs: 5000,
  forgetMs: 600_000,
  newsMs: 3_600_000,
};

/** What was and is to be told of one thing. */
interface Series extends Happening {
  /** The name of the Event; undefined until it is written. */
  name: string | undefined;
  count: number;
  /** The count that was told. */
  told: number;
  lastAt: number;
  /** By the monotonic clock. */
  dueAt: number;
  lastSeen: number;
}

/** While the API server is away one is tried so often, with a pause that grows. */
const FIRST_PAUSE_MS = 2000;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Events (events.k8s.io/v1) of zones and of this pod. What happens again is counted in the series of its first Event. They
 * are news, no state: when there are too many, warnings go first, and the rest is left out and counted. What happens while
 * the API server is away is told when it is back, with the time at which it happened.
 */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #limits: EventLimits;
  /** What was seen last comes last. */
  readonly #series = new Map<string, Series>();
  /** The keys of those of which there is something to tell. */
  readonly #untold = new Set<string>();
  /** The keys of those that were not written yet. */
  readonly #waiting = new Set<string>();
  readonly #closing = new AbortController();
  readonly #tokens: TokenBucket;
  #wake: (() => void) | undefined;
  /** Attempts in a row that the API server did not answer. */
  #failures = 0;
  /** By the monotonic clock. */
  #pausedUntil = 0;
  #problem: string | undefined;

  constructor(options: EventWriterOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#tokens = new TokenBucket(options.clock, this.#limits);
  }

  /** What the server had against the last Event; undefined: it was taken. */
  get problem(): string | undefined {
    return this.#problem;
  }

  start(): void {
    void this.#writeAgainAndAgain();
  }

  /** Never throws. */
  event(event: ClusterEvent): void {
    const { clock } = this.#options;
    const now = clock.monotonic();
    const regarding = regardingOf(event.about, this.#options);
    if (regarding === undefined) {
      this.#options.counted?.('dropped');
      return;
    }
    // By its uid: one that was made anew under the name has a story of its own.
    const { type, reason, action, note } = event;
    const key = JSON.stringify([regarding['uid'], regarding['name'], type, reason, action, note]);
    const series = this.#series.get(key);
    if (series !== undefined) {
      if (series.told === series.count) series.dueAt = now + this.#limits.seriesMs;
      series.count += 1;
      series.lastAt = clock.now();
      series.lastSeen = now;
      this.#series.delete(key);
      this.#series.set(key, series);
      this.#untold.add(key);
    } else if (this.#admits(event)) {
      this.#series.set(key, this.#make(event, regarding, now));
      this.#untold.add(key);
      this.#waiting.add(key);
    } else this.#options.counted?.('dropped');
    this.#wake?.();
  }

  stop(): void {
    this.#closing.abort();
    this.#wake?.();
  }

  #make(event: ClusterEvent, regarding: RawObject, now: number): Series {
    const at = this.#options.clock.now();
    return {
      event,
      namespace: String(regarding['namespace']),
      regarding,
      name: undefined,
      count: 1,
      told: 0,
      firstAt: at,
      lastAt: at,
      dueAt: now,
      lastSeen: now,
    };
  }

  /** A warning takes the place of what is no warning. */
  #admits({ type }: ClusterEvent): boolean {
    if (this.#waiting.size < this.#limits.waiting) return true;
    if (type === 'Normal') return false;
    for (const key of this.#waiting) {
      if (this.#series.get(key)?.event.type === 'Warning') continue;
      this.#remove(key);
      this.#options.counted?.('dropped');
      return true;
    }
    return false;
  }

  #remove(key: string): void {
    this.#series.delete(key);
    this.#untold.delete(key);
    this.#waiting.delete(key);
  }

  async #writeAgainAndAgain(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const now = clock.monotonic();
      this.#forget(now);
      const next = this.#next();
      const pause = Math.max(
        Math.max(next?.[1].dueAt ?? Number.POSITIVE_INFINITY, this.#pausedUntil) - now,
        this.#tokens.inMs(),
      );
      if (next === undefined || pause > 0) await this.#pause(pause);
      else {
        this.#tokens.take();
        await this.#tell(...next);
      }
    }
  }

  /** The next to be told: warnings first, then whoever waits longest. */
  #next(): [string, Series] | undefined {
    const now = this.#options.clock.monotonic();
    let next: [string, Series] | undefined;
    for (const key of this.#untold) {
      const series = this.#series.get(key);
      if (series === undefined) continue;
      if (next === undefined || comesBefore(series, next[1], now)) next = [key, series];
    }
    return next;
  }

  async #tell(key: string, series: Series): Promise<void> {
    const { counted, clock } = this.#options;
    try {
      const { count } = series;
      const ok = series.name === undefined ? await this.#create(series) : await this.#count(series);
      this.#failures = 0;
      series.told = count;
      counted?.(ok ? 'written' : 'refused');
      // A warning may have taken its place, and the same have happened again since.
      if (this.#series.get(key) !== series) return;
      if (series.count === count) this.#untold.delete(key);
      if (ok) this.#waiting.delete(key);
      else this.#remove(key);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const pause = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failures);
      this.#failures += 1;
      this.#pausedUntil = clock.monotonic() + pause;
      // Another one first: it may be this one that the server cannot take.
      series.dueAt = this.#pausedUntil;
      if (clock.monotonic() - series.lastSeen < this.#limits.newsMs) return;
      this.#remove(key);
      counted?.('dropped');
    }
  }

  /** Whether the server took it. */
  async #create(series: Series): Promise<boolean> {
    const { api, pod, newId } = this.#options;
    const { namespace, regarding } = series;
    const name = eventName(regarding, newId());
    const answer = await api.request({
      method: 'POST',
      path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      query: { fieldManager: 'bind9-agent' },
      body: eventOf(series, name, pod),
    });
    if (answer.ok) series.name = name;
    this.#judge(answer);
    return answer.ok;
  }

  /** False also where the Event is gone, an hour after its last change: what happens next is told anew. */
  async #count(series: Series): Promise<boolean> {
    const answer = await this.#options.api.request({
      method: 'PATCH',
      path: `/apis/events.k8s.io/v1/namespaces/${series.namespace}/events/${series.name}`,
      query: { fieldManager: 'bind9-agent' },
      contentType: 'merge',
      body: { series: seriesOf(series) },
    });
    if (answer.ok || answer.code !== 404) this.#judge(answer);
    return answer.ok;
  }

  #judge(answer: ApiAnswer): void {
    const problem = answer.ok ? undefined : answer.message;
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#options.changed?.();
  }

  #forget(now: number): void {
    for (const [key, { lastSeen }] of this.#series) {
      if (now - lastSeen <= this.#limits.forgetMs) return;
      if (!this.#untold.has(key)) this.#series.delete(key);
    }
  }

  /** Until something happens, `ms` at most. */
  async #pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#wake = () => woken.abort();
    if (!this.#closing.signal.aborted)
      await this.#options.clock.sleep(Math.min(ms, this.#limits.forgetMs), woken.signal);
    this.#wake = undefined;
  }
}

/** Among those that are due; before those that are not. */
function comesBefore(a: Series, b: Series, now: number): boolean {
  const [aDue, bDue] = [a.dueAt <= now, b.dueAt <= now];
  if (aDue !== bDue) return aDue;
  if (aDue && a.event.type !== b.event.type) return a.event.type === 'Warning';
  return a.dueAt < b.dueAt;
}
