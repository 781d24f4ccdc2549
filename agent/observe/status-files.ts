import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { FileError, makeFolder, publish, readIfPresent, remove } from '../files.ts';
import {
  documentOf,
  readShown,
  type StatusDocument,
  shownVersion,
  showStatus,
  versionOf,
} from './status-document.ts';
import { type Stored, VersionStore } from './version-store.ts';

export interface StatusFilesOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly newId: () => string;
}

const ENDING = '.yaml';
const VERSIONS = '.versions';

/** The name of the status that a file is for. */
export const statusNameOf = (file: string): string | undefined =>
  file.endsWith(ENDING) && !file.startsWith('.') ? file.slice(0, -ENDING.length) : undefined;

/**
 * The files of statuses: `<name>.yaml` for people and as a signal to other agents, and the truth in `.versions/`. Whoever
 * writes a version shows it too. It may be killed before it does, or be stopped and show it when there are newer ones.
 */
export class StatusFiles {
  readonly #folder: string;
  readonly #store: VersionStore;

  constructor({ folder, clock, newId }: StatusFilesOptions) {
    this.#folder = folder;
    this.#store = new VersionStore({ folder: join(folder, VERSIONS), clock, newId });
  }

  async makeFolders(): Promise<void> {
    await makeFolder(this.#folder);
    await this.#store.open();
  }

  /** The names of all statuses, shown or not; none where there is no folder. */
  async names(): Promise<string[]> {
    const files = await readdir(this.#folder).catch((cause: unknown) => {
      if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return [];
      throw new FileError('read', this.#folder, cause);
    });
    const shown = files.flatMap((file) => statusNameOf(file) ?? []);
    return [...shown, ...(await this.#store.names())];
  }

  /** The newest version. */
  async read(name: string): Promise<Stored | undefined> {
    const stored = await this.#store.read(name);
    if (stored === undefined || documentOf(stored) !== undefined) return stored;
    // Lost in a power failure: the file for people may have survived, and knows as much.
    const shown = await readIfPresent(this.#pathOf(name));
    return { ...stored, body: shown === undefined ? undefined : readShown(shown) };
  }

  /** The newest version: the known one, read no more, where it is shown and its number is still the highest. */
  async readUnlessKnown(
    name: string,
    known: Stored | undefined,
    shown: string | undefined,
  ): Promise<Stored | undefined> {
    if (known !== undefined && shown !== undefined && shown === versionOf(known)) {
      if (newestOf(await this.#store.versions(name)) === known.n) return known;
    }
    return this.read(name);
  }

  /** Replaces a version, and shows it; undefined when something else came first. */
  put(
    name: string,
    base: Stored | undefined,
    document: StatusDocument,
  ): Promise<Stored | undefined> {
    return this.#store.put(name, base, document);
  }

  /** Writes the file for people, and again as long as somebody's newer version may have been overwritten by it. */
  async show(name: string, stored: Stored): Promise<void> {
    const path = this.#pathOf(name);
    for (let shown: Stored | undefined = stored; shown !== undefined; ) {
      const document = documentOf(shown);
      const version = versionOf(shown);
      if (document === undefined || version === undefined) await remove(path);
      else await publish(path, showStatus(version, document), { fsync: false });
      const versions = await this.#store.versions(name);
      if (newestOf(versions) <= shown.n) {
        await this.#store.clean(name, versions, shown.n);
        return;
      }
      shown = await this.read(name);
    }
  }

  /** The version that the file for people shows; undefined: there is none. */
  async shownVersion(name: string): Promise<string | undefined> {
    const text = await readIfPresent(this.#pathOf(name));
    return text === undefined ? undefined : (shownVersion(text) ?? 'unknown');
  }

  /** Differs when the status or its file for people may have changed. */
  async trace(name: string): Promise<string> {
    const paths = [this.#pathOf(name), this.#store.folderOf(name)];
    const marks = paths.map(async (path) => {
      const found = await stat(path, { bigint: true }).catch(() => undefined);
      return found === undefined ? '' : `${found.ino}:${found.mtimeNs}:${found.ctimeNs}`;
    });
    return (await Promise.all(marks)).join(' ');
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${name}${ENDING}`);
  }
}

const newestOf = (versions: readonly number[]): number => Math.max(0, ...versions);
