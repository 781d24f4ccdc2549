import { isOfVersion } from '../apply/server-config.ts';
import type { Clock } from '../clock.ts';
import type { Logger } from '../log.ts';
import { WatchedConf } from '../observe/watched-conf.ts';
import { type Adopted, adopt } from '../plan/adopt.ts';
import { failureOf, TransientError } from '../problem.ts';
import { run } from '../process.ts';

export interface AdoptedConfOptions {
  /** The user's named.conf. */
  readonly path: string;
  /** Path of named-checkconf. */
  readonly checkconf: string;
  readonly log: Logger;
}

const TOOL_TIMEOUT_MS = 30_000;

/** The user's own configuration of named, adopted anew when one of the files that it is made of has changed. */
export class AdoptedConf {
  readonly #options: AdoptedConfOptions;
  readonly #files: WatchedConf;
  #read: { readonly stamp: string | undefined; readonly result: Adopted } | undefined;
  #problem: string | undefined;

  constructor(options: AdoptedConfOptions) {
    this.#options = options;
    this.#files = new WatchedConf(options.path, isOfVersion);
  }

  /** As it was last when it could be adopted; undefined: it was not read yet. */
  get result(): Adopted | undefined {
    return this.#read?.result;
  }

  /** Why it cannot be adopted as it is now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /**
   * One that cannot be adopted now leaves the last good one in force. Throws a TransientError where the reader itself did
   * not get through; what it has printed by then may hold secrets.
   */
  async read(): Promise<void> {
    const { path, checkconf, log } = this.#options;
    const stamp = await this.#files.stamp();
    if (this.#read?.stamp === stamp) return;
    const ran = await run(checkconf, ['-p', path], { timeoutMs: TOOL_TIMEOUT_MS });
    if (!ran.ok && ran.why !== 'exit') throw new TransientError(`${path}: ${ran.message}`);
    const result: Adopted = ran.ok
      ? adopt(ran.stdout)
      : { ok: false, why: `${ran.stdout}${ran.stderr}`.trim() || ran.message };
    this.#problem = result.ok ? undefined : `${path} cannot be adopted: ${result.why}`;
    if (!result.ok) log.error({ reason: result.why }, `${path} cannot be adopted`);
    this.#read = { stamp, result: result.ok ? result : (this.#read?.result ?? result) };
  }

  /** At the start of a run, which does not fail because the reader does not get through. */
  async readFirst(): Promise<void> {
    const unknown = await failureOf(this.read());
    if (unknown !== undefined)
      this.#read = { stamp: undefined, result: { ok: false, why: unknown.message } };
  }

  /** @param changed it is to be read again */
  watch(changed: () => void, clock: Clock, signal: AbortSignal): Promise<void> {
    const { path, log } = this.#options;
    const failed = (error: Error): void =>
      log.warn({ err: error }, `changes of ${path} are noticed late`);
    return this.#files.watch({ changed, failed }, clock, signal);
  }
}
