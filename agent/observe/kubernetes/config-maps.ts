import { atOnce } from '../../at-once.ts';
import { failureOf } from '../../problem.ts';
import { type ObjectKey, partsOfKey } from '../../resources/types.ts';
import type { Identity, RawObject } from './collection.ts';
import { type KeeperOptions, type KeptObject, keepObject } from './kept-object.ts';
import { Pauses } from './pauses.ts';
import { Reflector, type ReflectorOptions } from './reflector.ts';

export interface ConfigMapsOptions
  extends Pick<
    ReflectorOptions<KeptObject>,
    'api' | 'clock' | 'random' | 'paths' | 'times' | 'onState' | 'onItem'
  > {
  readonly keeper: KeeperOptions;
}

/** ConfigMaps asked for at the same time. */
const AT_ONCE = 4;
const pauses = { firstPauseMs: 500, longestPauseMs: 8000 };

/**
 * The ConfigMaps that zones refer to. Of all others nothing is kept but their version; and nothing is watched before a zone
 * refers to one.
 */
export class ConfigMaps {
  readonly reflector: Reflector<KeptObject>;
  readonly #options: ConfigMapsOptions;
  #wanted: ReadonlySet<ObjectKey> = new Set();
  #running: Promise<void> | undefined;
  #fetching = false;
  #pausing = new AbortController();
  /** Those that the server did not give when they were asked for, though it has listed them. */
  readonly #refused = new Set<ObjectKey>();
  /** Some could not be asked for just now. */
  #failing = false;
  #isStarted = false;
  /** It was synced when something else was wanted. */
  #wasSynced = false;

  constructor(options: ConfigMapsOptions) {
    const { onItem } = options;
    this.#options = options;
    this.reflector = new Reflector({
      ...options,
      keep: (raw, identity, before) => this.#keep(raw, identity, before),
      counts: (before, now) => !isStub(before) || !isStub(now),
      onItem: (change) => {
        if (!isStub(change.before) || !isStub(change.now)) onItem(change);
      },
    });
  }

  /** A zone refers to one, or did. */
  get used(): boolean {
    return this.#running !== undefined;
  }

  /**
   * Every one that is wanted is here, or is not in the cluster; or something is in the way for which only those zones have to
   * wait that refer to one: a right that is missing, and later on whatever it is.
   */
  get synced(): boolean {
    const { state, refused, failing } = this.reflector;
    if (this.#wanted.size === 0) return true;
    if (state === 'unread') return refused || (this.#wasSynced && failing);
    return this.#unread().length === 0 || (this.#wasSynced && this.#failing);
  }

  /** These are needed from now on, and no others. */
  want(keys: ReadonlySet<ObjectKey>, signal: AbortSignal): void {
    const { collection } = this.reflector;
    const before = this.#wanted;
    this.#wasSynced ||= this.#isStarted && this.synced;
    this.#isStarted = true;
    this.#wanted = keys;
    for (const key of before) {
      if (keys.has(key)) continue;
      this.#refused.delete(key);
      const known = collection.items.get(key);
      if (known !== undefined) collection.replace(key, stub(known));
    }
    // What was refused can wait, but not what was not asked for yet.
    if (!this.#failing && this.#unread().length > 0) this.#pausing.abort();
    if (keys.size > 0) this.#running ??= this.reflector.run(signal);
    if (!this.#fetching) void this.#fetch(signal);
  }

  async stopped(): Promise<void> {
    await this.#running;
  }

  #keep(raw: RawObject, identity: Identity, before: KeptObject | undefined) {
    if (!this.#wanted.has(identity.key)) return stub(identity);
    return keepObject(raw, identity, before, this.#options.keeper);
  }

  /** Those that were not wanted when they came. */
  #unread(): readonly ObjectKey[] {
    const { items } = this.reflector.collection;
    return [...this.#wanted].filter((key) => items.has(key) && isStub(items.get(key)));
  }

  /** What to ask for, first what was not asked for yet. */
  #missing(): readonly ObjectKey[] {
    const { items } = this.reflector.collection;
    return [...this.#unread(), ...[...this.#refused].filter((key) => items.has(key))];
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const { onState } = this.#options;
    const retries = new Pauses({ ...this.#options, ...pauses });
    this.#fetching = true;
    for (let keys = this.#missing(); keys.length > 0 && !signal.aborted; keys = this.#missing()) {
      const failing = await this.#fetchAll(keys, signal);
      if (this.#failing !== failing) onState(true);
      this.#failing = failing;
      if (!failing && this.#unread().length > 0) continue;
      if (this.#missing().length > 0) await this.#pause(retries.afterFailure(), signal);
    }
    this.#fetching = false;
    this.#failing = false;
  }

  /** Returns whether one could not be asked for; then the others are not either. */
  async #fetchAll(keys: readonly ObjectKey[], signal: AbortSignal): Promise<boolean> {
    let failing = false;
    await atOnce(AT_ONCE, keys, async (key) => {
      if (!failing && (await failureOf(this.#fetchOne(key, signal))) !== undefined) failing = true;
    });
    return failing;
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    this.#pausing = new AbortController();
    await this.#options.clock.sleep(ms, AbortSignal.any([signal, this.#pausing.signal]));
  }

  async #fetchOne(key: ObjectKey, signal: AbortSignal): Promise<void> {
    const { collection } = this.reflector;
    const { namespace, name } = partsOfKey(key);
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
    const answer = await this.#options.api.request({ method: 'GET', path }, signal);
    if (answer.ok) collection.fill(answer.body);
    this.#refused.delete(key);
    const known = this.#wanted.has(key) ? collection.items.get(key) : undefined;
    // The watch may have brought it meanwhile.
    if (answer.ok || known === undefined || known.object !== undefined) return;
    this.#refused.add(key);
    const problems = [{ path: '', problem: answer.message }];
    if (known.wrong?.problems[0]?.problem !== answer.message)
      collection.replace(key, { ...known, wrong: { object: `ConfigMap ${key}`, problems } });
  }
}

const stub = ({ version }: { readonly version: number }): KeptObject => ({
  version,
  object: undefined,
});

const isStub = (kept: KeptObject | undefined): boolean =>
  kept?.object === undefined && kept?.wrong === undefined;
