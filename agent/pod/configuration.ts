import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PodSecrets } from '../apply/secrets.ts';
import { type ConfigOutcome, ServerConfig } from '../apply/server-config.ts';
import { publishJson, readJson } from '../apply/state.ts';
import type { DomainName } from '../dns/name.ts';
import type { Logger } from '../log.ts';
import type { Options } from '../options/options.ts';
import { type Adopted, adopt } from '../plan/adopt.ts';
import { type ConfigFiles, renderNamedConf, type WantedConfig } from '../plan/named-config.ts';
import { failureOf, TransientError } from '../problem.ts';
import { run } from '../process.ts';
import type { GivenKeys } from './keys.ts';
import { serverSettings, toolPath } from './settings.ts';

/** What outlives a restart of the agent, so that named.conf can be written before anything is known of the cluster. */
interface Remembered {
  readonly instance: WantedConfig;
  /** named's release as it last told itself, `9.18.49`. */
  readonly release?: string;
}

const TOOL_TIMEOUT_MS = 30_000;

/** named's configuration: our own, or the user's adopted; written before named starts, and when it changes. */
export class Configuration {
  readonly #options: Options;
  readonly #given: GivenKeys;
  readonly #pod: PodSecrets;
  readonly #log: Logger;
  readonly #server: ServerConfig;
  #remembered: Remembered = { instance: {} };
  /** The instance's part of the configuration before the last one. */
  #former: WantedConfig | undefined;
  #saved: string | undefined;
  #unsaved: TransientError | undefined;
  #toolRelease: string | undefined;
  #adopted: { readonly mtime: number; readonly result: Adopted } | undefined;

  constructor(options: Options, given: GivenKeys, pod: PodSecrets, log: Logger) {
    this.#options = options;
    this.#given = given;
    this.#pod = pod;
    this.#log = log;
    this.#server = new ServerConfig({
      run,
      folder: options.paths.config,
      checkconf: toolPath(options, 'named-checkconf'),
    });
  }

  get path(): string {
    return this.#server.path;
  }

  /** Where named keeps added zones: ours, or where the adopted configuration has them already. */
  get newZones(): string {
    const adopted = this.#adopted?.result;
    return (adopted?.ok === true ? adopted.newZones : undefined) ?? this.#options.paths.newZones;
  }

  /** Zones of the adopted configuration. */
  get zones(): readonly DomainName[] {
    const adopted = this.#adopted?.result;
    return adopted?.ok === true ? adopted.zones : [];
  }

  async load(): Promise<void> {
    const read = await readJson(this.#memoryPath(), (value) =>
      typeof value === 'object' && value !== null && 'instance' in value
        ? (value as Remembered)
        : undefined,
    );
    if (read.kind === 'read') {
      this.#remembered = read.value;
      this.#saved = JSON.stringify(read.value);
    }
    if (read.kind === 'damaged') this.#log.warn({ reason: read.why }, 'starting from defaults');
    const ran = await run(toolPath(this.#options, 'named-checkconf'), ['-v'], {
      timeoutMs: TOOL_TIMEOUT_MS,
    });
    this.#toolRelease = ran.ok ? ran.stdout.trim() : undefined;
    const unknown = await failureOf(this.#adopt());
    if (unknown !== undefined)
      this.#adopted = { mtime: Number.NaN, result: { ok: false, why: unknown.message } };
  }

  /** What the last run of the agent knew, at once. Where it cannot be written, what lies there has to do. */
  async publishRemembered(): Promise<ConfigOutcome> {
    try {
      return await this.#publish(this.#remembered.instance);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const why = error.message;
      const there = await stat(this.path).catch(() => undefined);
      if (there === undefined) return { kind: 'refused', why };
      this.#log.error({ reason: why }, "named's configuration stays as it was");
      return { kind: 'unchanged' };
    }
  }

  /** Why the next run would not know what this one knows. */
  get unsaved(): TransientError | undefined {
    return this.#unsaved;
  }

  /** @param served zones of ours that named has: a zone in both stores would keep named from starting */
  async publish(
    instance: WantedConfig,
    served: ReadonlyMap<DomainName, unknown>,
  ): Promise<ConfigOutcome> {
    await this.#adopt();
    if (this.zones.some((zone) => served.has(zone))) return { kind: 'unchanged' };
    const outcome = await this.#publish(instance);
    if (outcome.kind === 'published') this.#former = this.#remembered.instance;
    if (outcome.kind !== 'refused') this.#remembered = { ...this.#remembered, instance };
    await this.#save();
    return outcome;
  }

  /** named is another release than was thought: what is written may depend on it. */
  async noteRelease(release: string | undefined): Promise<void> {
    if (release === undefined) return;
    this.#remembered = { ...this.#remembered, release };
    await this.#save();
  }

  /**
   * Whether named, which tells whole seconds, read its configuration before the one that lies there was published.
   *
   * @param inDoubt whether to think so where both were in the same second
   */
  async isNewerThan(lastConfigured: string | undefined, inDoubt: boolean): Promise<boolean> {
    const at = await this.#server.publishedAt();
    if (at === undefined || lastConfigured === undefined) return false;
    return Date.parse(lastConfigured) + (inDoubt ? 0 : 1000) <= at;
  }

  /** What named has refused must not be what the next run starts with either. */
  async rollBack(why: string): Promise<void> {
    await this.#server.rollBack(why);
    if (this.#former === undefined) return;
    this.#remembered = { ...this.#remembered, instance: this.#former };
    this.#former = undefined;
    await this.#save();
  }

  #publish(instance: WantedConfig): Promise<ConfigOutcome> {
    const adopted = this.#adopted?.result;
    if (adopted?.ok === false)
      return Promise.resolve({
        kind: 'refused',
        why: `${this.#options.named.conf} cannot be adopted: ${adopted.why}`,
      });
    const settings = serverSettings(
      this.#options,
      this.#given,
      this.#pod,
      versionOf(this.#remembered.release ?? this.#toolRelease),
      this.newZones,
    );
    return this.#server.publish(
      (folder): ConfigFiles =>
        adopted?.ok === true
          ? adopted.files(settings, instance)
          : renderNamedConf(settings, instance, folder),
    );
  }

  /**
   * Reads the user's file when it has changed. One that cannot be read now leaves the last good one in force. Throws a
   * TransientError where the reader itself did not get through; what it has printed by then may hold secrets.
   */
  async #adopt(): Promise<void> {
    const path = this.#options.named.conf;
    if (path === '') return;
    const mtime = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (this.#adopted?.mtime === mtime) return;
    const ran = await run(toolPath(this.#options, 'named-checkconf'), ['-p', path], {
      timeoutMs: TOOL_TIMEOUT_MS,
    });
    if (!ran.ok && ran.why !== 'exit') throw new TransientError(`${path}: ${ran.message}`);
    const result: Adopted = ran.ok
      ? adopt(ran.stdout)
      : { ok: false, why: `${ran.stdout}${ran.stderr}`.trim() || ran.message };
    if (!result.ok) this.#log.error({ reason: result.why }, `${path} cannot be adopted`);
    this.#adopted = { mtime, result: result.ok ? result : (this.#adopted?.result ?? result) };
  }

  async #save(): Promise<void> {
    const text = JSON.stringify(this.#remembered);
    if (text === this.#saved) return;
    this.#unsaved = await failureOf(publishJson(this.#memoryPath(), this.#remembered));
    if (this.#unsaved === undefined) this.#saved = text;
  }

  #memoryPath(): string {
    return join(this.#options.paths.state, 'configuration.json');
  }
}

function versionOf(release: string | undefined): number[] | undefined {
  const numbers = /(\d+)\.(\d+)\.(\d+)/.exec(release ?? '')?.slice(1);
  return numbers?.map(Number);
}
