import { createHash } from 'node:crypto';
import { lstat, readdir, readlink, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, makeFolder, publishAll, readIfPresent } from '../files.ts';
import type { ConfigFiles } from '../plan/named-config.ts';
import { TransientError } from '../problem.ts';
import type { run } from '../process.ts';

export interface ServerConfigDeps {
  readonly run: typeof run;
  /** The folder that named.conf lies in. */
  readonly folder: string;
  /** Path of named-checkconf. */
  readonly checkconf: string;
}

export type ConfigOutcome =
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'published' }
  /** named would not take it, or it cannot be written; what was there is still there. */
  | { readonly kind: 'refused'; readonly why: string };

/** A version that named would not take, and why. */
export interface RefusedVersion {
  readonly version: string;
  readonly why: string;
}

const CURRENT = '..data';
const VERSION = /^\.\.[0-9a-f]{16}$/;
const CHECK_TIMEOUT_MS = 30_000;

/**
 * named's configuration as a set of files that changes as one: each version is a folder of its own, checked by
 * named-checkconf where it lies; `named.conf` and its siblings are links through `..data`, which is switched by one
 * rename. named may be killed and started at any instant and finds one version whole.
 */
export class ServerConfig {
  readonly #deps: ServerConfigDeps;
  /** What named read last and took: it stays until named has taken another. */
  #taken: string | undefined;
  /** What was refused last, so that the same text is not checked again on each pass. */
  #refused: RefusedVersion | undefined;

  constructor(deps: ServerConfigDeps) {
    this.#deps = deps;
  }

  /** What an earlier run knew. Where there is nothing to go back to, what was refused is tried again. */
  async recall(taken: string | undefined, refused: RefusedVersion | undefined): Promise<void> {
    if (taken === undefined || !(await this.#has(taken))) return;
    this.#taken = taken;
    this.#refused = refused;
  }

  /** Path of the file that named is started with. */
  get path(): string {
    return join(this.#deps.folder, 'named.conf');
  }

  /** A file of the version in use; undefined where there is none. */
  text(file: string): Promise<string | undefined> {
    return readIfPresent(join(this.#deps.folder, CURRENT, file));
  }

  /** @param render gives the files for the folder that they will lie in. */
  async publish(render: (folder: string) => ConfigFiles): Promise<ConfigOutcome> {
    const { folder } = this.#deps;
    const version = versionOf(render(''));
    const current = await this.#current();
    if (this.#refused?.version === version) {
      // A run was killed while it tried that again.
      if (current === version) await this.goBack();
      return { kind: 'refused', why: this.#refused.why };
    }
    if (current === version) return { kind: 'unchanged' };
    const files = await this.#write(version, render(join(folder, version)));
    const why = await this.#check(join(folder, version, 'named.conf'));
    if (why !== undefined) {
      this.#refused = { version, why };
      await this.#remove(version).catch(() => undefined);
      return { kind: 'refused', why };
    }
    // First the links, which lead nowhere yet at the very first: a version that is in use is never looked at again.
    await this.#link(files);
    await this.#switchTo(version);
    await this.#clean(version, current);
    return { kind: 'published' };
  }

  /** named has read the version in use, and took it. Returns which that is. */
  async noteTaken(): Promise<string | undefined> {
    const current = await this.#current();
    if (current === undefined) return undefined;
    this.#taken = current;
    if (this.#refused?.version === current) this.#refused = undefined;
    return current;
  }

  /**
   * Goes back to the version that named took last: it refused at run time what its checker had let through. Returns what
   * is not to be published again; undefined where there is nothing to go back to.
   */
  async rollBack(why: string): Promise<RefusedVersion | undefined> {
    const current = await this.#current();
    if (current === undefined || !(await this.goBack())) return undefined;
    this.#refused = { version: current, why };
    return this.#refused;
  }

  /** To the version that named took last. Returns whether there is one, other than the one in use. */
  async goBack(): Promise<boolean> {
    if (this.#taken === undefined || this.#taken === (await this.#current())) return false;
    await this.#switchTo(this.#taken);
    return true;
  }

  /** Whether the version in use is one that named took. */
  async isTaken(): Promise<boolean> {
    return this.#taken !== undefined && this.#taken === (await this.#current());
  }

  /** What was refused may be tried once more: named is there, and says itself whether it takes it now. */
  retry(): void {
    this.#refused = undefined;
  }

  /** When the version in use was switched to, in ms since 1970; undefined where there is none. */
  async publishedAt(): Promise<number | undefined> {
    const found = await lstat(join(this.#deps.folder, CURRENT)).catch(() => undefined);
    return found?.mtimeMs;
  }

  async #current(): Promise<string | undefined> {
    return readlink(join(this.#deps.folder, CURRENT)).catch(() => undefined);
  }

  async #write(version: string, files: ConfigFiles): Promise<string[]> {
    const folder = join(this.#deps.folder, version);
    // What a killed run has half-written there.
    await this.#remove(version);
    await makeFolder(folder);
    await publishAll(
      [...files].map(([name, text]) => ({ path: join(folder, name), text, mode: 0o640 })),
    );
    return [...files.keys()];
  }

  /** Throws a TransientError where the checker itself did not get through: that says nothing about the configuration. */
  async #check(path: string): Promise<string | undefined> {
    const { run, checkconf } = this.#deps;
    const ran = await run(checkconf, [path], { timeoutMs: CHECK_TIMEOUT_MS });
    if (ran.ok) return undefined;
    if (ran.why !== 'exit') throw new TransientError(ran.message);
    const said = `${ran.stdout}${ran.stderr}`.trim();
    return said === '' ? ran.message : said;
  }

  async #switchTo(version: string): Promise<void> {
    await this.#replaceLink(version, CURRENT);
  }

  async #link(files: readonly string[]): Promise<void> {
    for (const file of files) {
      const target = join(CURRENT, file);
      const now = await readlink(join(this.#deps.folder, file)).catch(() => undefined);
      if (now !== target) await this.#replaceLink(target, file);
    }
  }

  async #replaceLink(target: string, name: string): Promise<void> {
    const path = join(this.#deps.folder, name);
    const temporary = `${path}.link`;
    try {
      await rm(temporary, { force: true });
      await symlink(target, temporary);
      await rename(temporary, path);
    } catch (error) {
      throw new FileError('switch the link', path, error);
    }
  }

  async #has(version: string): Promise<boolean> {
    const found = await lstat(join(this.#deps.folder, version, 'named.conf')).catch(
      () => undefined,
    );
    return found !== undefined;
  }

  /** The version in use, the one before and the one that named took stay. What cannot be removed stays too, and does no harm. */
  async #clean(...used: (string | undefined)[]): Promise<void> {
    const keep = [...used, this.#taken];
    for (const name of await readdir(this.#deps.folder).catch(() => []))
      if (VERSION.test(name) && !keep.includes(name))
        await this.#remove(name).catch(() => undefined);
  }

  async #remove(version: string): Promise<void> {
    const path = join(this.#deps.folder, version);
    try {
      await rm(path, { recursive: true, force: true });
    } catch (error) {
      throw new FileError('remove', path, error);
    }
  }
}

/** Whether a file, by its real path, is part of a version of some configuration of ours. */
export const isOfVersion = (path: string): boolean => VERSION.test(basename(dirname(path)));

function versionOf(files: ConfigFiles): string {
  const hash = createHash('sha256')
    .update(JSON.stringify([...files]))
    .digest('hex');
  return `..${hash.slice(0, 16)}`;
}
