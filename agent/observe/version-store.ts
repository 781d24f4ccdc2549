import { link, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { FileError } from '../files.ts';

/** One version of a document. */
export interface Stored {
  /** Counts up by one from 1, also over removals. */
  readonly n: number;
  /** Random; tells this version from another `n` in a store that was emptied and filled again. */
  readonly id: string;
  /** The ids of the versions before it, newest first. */
  readonly lineage: readonly string[];
  /** The document; undefined where the file is damaged, e.g. empty after a power failure. */
  readonly body: unknown;
}

export interface VersionStoreOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** A new random id, e.g. a UUID. */
  readonly newId: () => string;
}

/** Whether the one was made from the other, directly or over others in between (not too many). */
export const descends = (newer: Stored | undefined, older: Stored | undefined): boolean =>
  newer !== undefined &&
  older !== undefined &&
  newer.n > older.n &&
  newer.lineage.includes(older.id);

/** A writer that is overtaken by more versions than these before it can look takes its success for a conflict. */
const LINEAGE = 32;
const ID_LENGTH = 12;
/** Temporary files of killed writers are removed when they are so old, in ms. */
const STALE_MS = 600_000;
const PENDING = '.pending';

/**
 * Documents with compare-and-swap between processes, without locks: version 7 of a document is the file `<name>/7`, and
 * whoever makes it by link(2) has replaced version 6; for all others the link fails. The newest version is the highest
 * number. It is never removed, so numbers never come again, and a writer that is killed or stopped at any point holds up
 * nobody. One trap: a writer stopped for long before its link may link a number that was used and cleaned up since. It
 * finds higher versions then that do not descend from its own, and has lost. Nobody else takes notice, for readers look
 * at the highest number only.
 */
export class VersionStore {
  readonly #options: VersionStoreOptions;

  constructor(options: VersionStoreOptions) {
    this.#options = options;
  }

  /** Makes the folder ready, and removes what killed writers left. */
  async open(): Promise<void> {
    const pending = join(this.#options.folder, PENDING);
    await told('make the folder', pending, () => mkdir(pending, { recursive: true }));
    const limit = this.#options.clock.now() - STALE_MS;
    for (const name of await told('read', pending, () => readdir(pending))) {
      const path = join(pending, name);
      const found = await unlessMissing('read', path, stat(path));
      if (found !== undefined && found.ctimeMs < limit) {
        await unlessMissing('remove', path, unlink(path));
      }
    }
  }

  async names(): Promise<string[]> {
    const { folder } = this.#options;
    const entries = (await unlessMissing('read', folder, readdir(folder))) ?? [];
    return entries.filter((name) => name !== PENDING);
  }

  /** Where a document's versions are: the folder's modification time changes with each of them. */
  folderOf(name: string): string {
    return join(this.#options.folder, name);
  }

  /** The numbers of the versions that are there. */
  async versions(name: string): Promise<number[]> {
    const folder = this.folderOf(name);
    const entries = (await unlessMissing('read', folder, readdir(folder))) ?? [];
    return entries.filter((entry) => /^[1-9][0-9]*$/.test(entry)).map(Number);
  }

  /** The newest version, undefined where there never was one. */
  async read(name: string): Promise<Stored | undefined> {
    for (;;) {
      const versions = await this.versions(name);
      if (versions.length === 0) return undefined;
      const n = Math.max(...versions);
      const path = join(this.folderOf(name), String(n));
      const text = await unlessMissing('read', path, readFile(path, 'utf8'));
      // Missing: it was replaced and cleaned up in between.
      if (text !== undefined) return parseStored(n, text);
    }
  }

  /** Replaces `base`, undefined: no version at all, by a new version; undefined when something else came first. */
  async put(name: string, base: Stored | undefined, body: unknown): Promise<Stored | undefined> {
    const lineage = base === undefined ? [] : [base.id, ...base.lineage].slice(0, LINEAGE);
    const stored: Stored = {
      n: (base?.n ?? 0) + 1,
      id: this.#options.newId().replaceAll('-', '').slice(0, ID_LENGTH),
      lineage,
      body,
    };
    const pending = join(this.#options.folder, PENDING, stored.id);
    const text = JSON.stringify({ id: stored.id, lineage, body });
    await this.#writePending(pending, text);
    try {
      if (!(await this.#link(pending, name, stored.n))) return undefined;
    } finally {
      await unlessMissing('remove', pending, unlink(pending));
    }
    return (await this.#won(name, stored)) ? stored : undefined;
  }

  /** Removes the versions before the n-th. */
  async clean(name: string, versions: readonly number[], n: number): Promise<void> {
    for (const version of versions) {
      if (version >= n) continue;
      const path = join(this.folderOf(name), String(version));
      await unlessMissing('remove', path, unlink(path));
    }
  }

  async #writePending(path: string, text: string): Promise<void> {
    const write = (): Promise<void> => writeFile(path, text, { flag: 'wx', mode: 0o640 });
    await write().catch(async (error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw new FileError('write', path, error);
      // The store was removed under us.
      await this.open();
      await told('write', path, write);
    });
  }

  async #link(pending: string, name: string, n: number): Promise<boolean> {
    const path = join(this.folderOf(name), String(n));
    for (let again = n === 1; ; again = false) {
      try {
        await link(pending, path);
        return true;
      } catch (error) {
        const errno = errnoOf(error);
        if (errno === 'EEXIST') return false;
        if (errno !== 'ENOENT') throw new FileError('link', path, error);
        // The store was emptied under us, or we were stopped for so long that our file was cleaned up.
        if (!again) return false;
        const folder = this.folderOf(name);
        await told('make the folder', folder, () => mkdir(folder, { recursive: true }));
      }
    }
  }

  async #won(name: string, { n, id }: Stored): Promise<boolean> {
    const versions = await this.versions(name);
    const newest = Math.max(0, ...versions);
    if (newest === n) return true;
    const after = newest > n ? await this.read(name) : undefined;
    if (after?.lineage.includes(id) === true) return true;
    if (after !== undefined) await this.clean(name, [n], n + 1);
    return false;
  }
}

function parseStored(n: number, text: string): Stored {
  const damaged: Stored = { n, id: 'damaged', lineage: [], body: undefined };
  try {
    const parsed: unknown = JSON.parse(text);
    if (typeof parsed !== 'object' || parsed === null) return damaged;
    if (!('id' in parsed && 'lineage' in parsed && 'body' in parsed)) return damaged;
    const { id, lineage, body } = parsed;
    if (typeof id !== 'string' || !Array.isArray(lineage)) return damaged;
    return { n, id, lineage: lineage.filter((each) => typeof each === 'string'), body };
  } catch {
    return damaged;
  }
}

const errnoOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined;

async function told<T>(action: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new FileError(action, path, error);
  }
}

async function unlessMissing<T>(
  action: string,
  path: string,
  work: Promise<T>,
): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new FileError(action, path, error);
  }
}
