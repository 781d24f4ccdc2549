import { stat } from 'node:fs/promises';
import type { PodSecrets } from '../apply/secrets.ts';
import { type ConfigOutcome, ServerConfig } from '../apply/server-config.ts';
import {
  folderOf,
  lastUsed,
  prepareNext,
  removeOthers,
  storeIn,
  type ZoneStore,
} from '../apply/zone-stores.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { Logger } from '../log.ts';
import type { Options } from '../options/options.ts';
import {
  type ConfigFiles,
  OPTIONS_FILE,
  renderNamedConf,
  type WantedConfig,
} from '../plan/named-config.ts';
import type { NamedStatus } from '../plan/named-status.ts';
import { failureOf, TransientError } from '../problem.ts';
import { run } from '../process.ts';
import { AdoptedConf } from './adopted-conf.ts';
import { type AdoptedPart, ConfigurationMemory } from './configuration-memory.ts';
import type { GivenKeys } from './keys.ts';
import { serverSettings, toolPath } from './settings.ts';

type NamedTimes = Pick<NamedStatus, 'bootTime' | 'lastConfigured'>;

/** named's configuration: our own, or the user's adopted; written before named starts, and when it changes. */
export class Configuration {
  readonly #options: Options;
  readonly #given: GivenKeys;
  readonly #pod: PodSecrets;
  readonly #log: Logger;
  readonly #server: ServerConfig;
  readonly #memory: ConfigurationMemory;
  readonly #user: AdoptedConf | undefined;
  /** Of the named that was met in this run; what will be started next may be another. */
  #release: string | undefined;
  /** As it stands in the configuration in use. */
  #store: ZoneStore;
  #metNamed = false;

  constructor(options: Options, given: GivenKeys, pod: PodSecrets, log: Logger) {
    const checkconf = toolPath(options, 'named-checkconf');
    const path = options.named.conf;
    this.#options = options;
    this.#given = given;
    this.#pod = pod;
    this.#log = log;
    this.#store = { root: options.paths.newZones, number: 0 };
    this.#server = new ServerConfig({ run, folder: options.paths.config, checkconf });
    this.#memory = new ConfigurationMemory(options.paths.state);
    this.#user = path === '' ? undefined : new AdoptedConf({ path, checkconf, log });
  }

  get path(): string {
    return this.#server.path;
  }

  /** Where named keeps added zones: ours, or where the adopted configuration has them already. */
  get newZones(): string {
    return this.#adopted?.newZones ?? folderOf(this.#store);
  }

  /** named was started once, and has its own store of zones. */
  async wasStarted(): Promise<boolean> {
    return (await lastUsed(this.#adopted?.newZones ?? this.#store.root)) !== undefined;
  }

  /** Zones of the adopted configuration. */
  get zones(): readonly DomainName[] {
    return this.#adopted?.zones ?? [];
  }

  /** Of one that cannot be adopted any more, as named took it last. */
  get #adopted(): AdoptedPart | undefined {
    const adopted = this.#user?.result;
    return adopted?.ok === false ? this.#memory.now.taken?.adopted : adopted;
  }

  async load(): Promise<void> {
    const damaged = await this.#memory.load();
    if (damaged !== undefined) this.#log.warn({ reason: damaged }, 'starting from defaults');
    const { taken, refused } = this.#memory.now;
    await this.#server.recall(taken?.version, refused);
    await this.#readStore();
    await this.#user?.readFirst();
  }

  /**
   * What the last run of the agent knew, at once. What named has refused, or what cannot be read or written now, gives way
   * to what named took last, or to what lies there.
   */
  async publishRemembered(): Promise<ConfigOutcome> {
    try {
      const outcome = await this.#publish(this.#memory.now.instance);
      return outcome.kind === 'refused' ? await this.#fallBack(outcome) : outcome;
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const why = error.message;
      const there = await stat(this.path).catch(() => undefined);
      if (there === undefined) return { kind: 'refused', why };
      this.#log.error({ reason: why }, "named's configuration stays as it was");
      return { kind: 'unchanged' };
    }
  }

  async #fallBack(refused: Extract<ConfigOutcome, { kind: 'refused' }>): Promise<ConfigOutcome> {
    const switched = await this.#server.goBack();
    await this.#readStore();
    if (!switched && !(await this.#server.isTaken())) return refused;
    this.#log.error({ reason: refused.why }, 'named gets the configuration that it took last');
    return { kind: switched ? 'published' : 'unchanged' };
  }

  /** Why the next run would not know what this one knows. */
  get unsaved(): TransientError | undefined {
    return this.#memory.unsaved;
  }

  /** @param served zones of ours that named has: a zone in both stores would keep named from starting */
  async publish(
    instance: WantedConfig,
    served: ReadonlyMap<DomainName, unknown>,
  ): Promise<ConfigOutcome> {
    await this.#user?.read();
    if (this.zones.some((zone) => served.has(zone))) return { kind: 'unchanged' };
    const outcome = await this.#publish(instance);
    const { now } = this.#memory;
    await this.#memory.put(outcome.kind === 'refused' ? now : { ...now, instance });
    const problem = this.#user?.problem;
    return outcome.kind === 'unchanged' && problem !== undefined
      ? { kind: 'refused', why: problem }
      : outcome;
  }

  /**
   * From the next `reconfig` on, named is to have exactly these zones, and nothing but them: `zone "…" { … };` lines. Not
   * where an adopted configuration says where named keeps them.
   */
  async moveZones(stanzas: string): Promise<ConfigOutcome> {
    const why = 'the adopted configuration has a store of its own';
    if (this.#user !== undefined) return { kind: 'refused', why };
    const next = await prepareNext(this.#store, stanzas);
    return this.#publish(this.#memory.now.instance, folderOf(next));
  }

  /** Tells when the user's configuration is to be published again. Resolves when the signal aborts. */
  async watch(changed: () => void, clock: Clock, signal: AbortSignal): Promise<void> {
    await this.#user?.watch(changed, clock, signal);
  }

  /**
   * What is written depends on named's release. Before it is known, only what each release takes is written: the one that
   * is started next may be newer than the last, and one that refuses its configuration would never tell.
   */
  noteRelease(release: string | undefined): void {
    this.#release = release ?? this.#release;
  }

  /**
   * Whether named is to read what lies there, by the times that it tells, in whole seconds. When it read its configuration
   * last says nothing of whether it took that: only what it started on, or said yes to, it has taken.
   *
   * @param inDoubt whether to think so where it was published in the same second
   */
  async isUnread({ bootTime, lastConfigured }: NamedTimes, inDoubt: boolean): Promise<boolean> {
    // From here on named itself says whether it still refuses what it refused in an earlier run.
    if (!this.#metNamed) this.#server.retry();
    this.#metNamed = true;
    const at = await this.#server.publishedAt();
    if (at === undefined) return false;
    const isAfter = (time: string | undefined, doubt: boolean): boolean =>
      time !== undefined && Date.parse(time) + (doubt ? 0 : 1000) > at;
    if (await this.#server.isTaken()) return !isAfter(lastConfigured, inDoubt);
    // Where there is something to go back to, nothing is taken for taken in a hurry.
    if (!isAfter(bootTime, inDoubt || this.#memory.now.taken !== undefined)) return true;
    await this.noteTaken();
    return false;
  }

  /** named has read what lies there, and took it: that is what it gets again when it refuses another. */
  async noteTaken(): Promise<void> {
    const version = await this.#server.noteTaken();
    await this.#readStore();
    const left = await failureOf(removeOthers(this.#store));
    if (left !== undefined) this.#log.warn({ err: left }, 'a former store of zones stays');
    const { taken, refused: _refused, ...now } = this.#memory.now;
    if (version === undefined || version === taken?.version) return;
    const { zones, newZones } = this;
    const adopted = this.#user === undefined ? {} : { adopted: { zones, newZones } };
    await this.#memory.put({ ...now, taken: { version, instance: now.instance, ...adopted } });
  }

  /** What named has refused must not be what the next run starts with either. */
  async rollBack(why: string): Promise<void> {
    const refused = await this.#server.rollBack(why);
    await this.#readStore();
    const { now } = this.#memory;
    if (refused === undefined || now.taken === undefined) return;
    await this.#memory.put({ ...now, refused, instance: now.taken.instance });
  }

  /** Which store is in use, after the configuration in use may have become another. */
  async #readStore(): Promise<void> {
    this.#store = await storeIn(await this.#server.text(OPTIONS_FILE), this.#store.root);
  }

  async #publish(instance: WantedConfig, newZones = this.newZones): Promise<ConfigOutcome> {
    const adopted = this.#user?.result;
    if (adopted?.ok === false)
      return {
        kind: 'refused',
        why: `${this.#options.named.conf} cannot be adopted: ${adopted.why}`,
      };
    const settings = serverSettings(
      this.#options,
      this.#given,
      this.#pod,
      versionOf(this.#release),
      newZones,
    );
    const outcome = await this.#server.publish(
      (folder): ConfigFiles =>
        adopted?.ok === true
          ? adopted.files(settings, instance)
          : renderNamedConf(settings, instance, folder),
    );
    if (outcome.kind !== 'unchanged') await this.#readStore();
    return outcome;
  }
}

function versionOf(release: string | undefined): number[] | undefined {
  const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(release ?? '')?.slice(1);
  return numbers?.map(Number);
}
