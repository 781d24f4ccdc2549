import { basename } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';

export interface FolderWatchEvents {
  /** The entry `name` of a watched folder may have changed; without a name: the folder came, went, or was replaced. */
  readonly hint: (folder: string, name: string | undefined) => void;
  /** Changes may go unnoticed from now on, e.g. the system's limit of watches is reached. */
  readonly failed: (error: Error) => void;
}

/**
 * Tells at once when an entry of a folder changes. Only folders are watched, one watch each and no state for their files:
 * chokidar, left to watch the files too, lists and stats the whole folder at each rename (200 ms at 10,000 files).
 * A folder that is missing is waited for; one that is removed, replaced, or a link that is pointed elsewhere, is followed.
 */
export class FolderWatch {
  readonly #folders: Set<string>;
  readonly #watcher: FSWatcher;
  readonly #ready: Promise<void>;

  /** `folders` are absolute paths. */
  constructor(folders: readonly string[], { hint, failed }: FolderWatchEvents) {
    this.#folders = new Set(folders);
    // `depth` must not be set: chokidar then does not wait for a folder whose parents are missing too.
    this.#watcher = watch([...folders], {
      ignored: (path) => !this.#folders.has(path),
      ignoreInitial: true,
      atomic: false,
    });
    // chokidar's own events come after its look at the folder, and not at all for the files that it ignores.
    this.#watcher.on('raw', (_event, name, details) => {
      const folder = watchedPathOf(details);
      if (folder === undefined || !this.#folders.has(folder)) return;
      hint(folder, name === null ? undefined : basename(name));
    });
    this.#watcher.on('all', (_event, path) => hint(path, undefined));
    this.#watcher.on('error', (error) =>
      failed(error instanceof Error ? error : new Error(String(error))),
    );
    this.#ready = new Promise((resolve) => this.#watcher.once('ready', resolve));
  }

  /** Resolves when the first folders are watched, those that exist. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** A watch needs some ms to begin: look at the folder after a while once more. */
  add(folder: string): void {
    if (this.#folders.has(folder)) return;
    this.#folders.add(folder);
    this.#watcher.add(folder);
  }

  drop(folder: string): void {
    if (this.#folders.delete(folder)) this.#watcher.unwatch(folder);
  }

  async close(): Promise<void> {
    await this.#watcher.close();
  }
}

const watchedPathOf = (details: unknown): string | undefined =>
  typeof details === 'object' &&
  details !== null &&
  'watchedPath' in details &&
  typeof details.watchedPath === 'string'
    ? details.watchedPath
    : undefined;
