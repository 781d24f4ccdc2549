import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { type FSWatcher, watch } from 'chokidar';

export interface FolderWatchEvents {
  /** The entry `name` of a watched folder may have changed; without a name: the folder came, went, or was replaced. */
  readonly hint: (folder: string, name: string | undefined) => void;
  /** Changes may go unnoticed from now on, e.g. the system's limit of watches is reached. */
  readonly failed: (error: Error) => void;
}

/** A new watch needs some ms to begin: what came in between is found by looking once more so many ms later. */
export const WATCH_BEGINS_MS = 100;
/** How often to look, in ms, where the system cannot tell of changes. */
export const BLIND_RESCAN_MS = 2000;

/** What a path leads to at the moment; undefined: nothing. */
type Identity = string | undefined;

/**
 * Tells at once when an entry of a folder changes. Only folders are watched, one watch each and no state for their files:
 * chokidar, left to watch the files too, lists and stats the whole folder at each rename (200 ms at 10,000 files).
 * A folder that is missing is waited for; of a link that is pointed elsewhere the new folder is watched.
 */
export class FolderWatch {
  readonly #folders: Map<string, Identity>;
  readonly #watcher: FSWatcher;
  readonly #ready: Promise<void>;

  /** `folders` are absolute paths. */
  static async open(folders: readonly string[], events: FolderWatchEvents): Promise<FolderWatch> {
    const found = await Promise.all(
      folders.map(async (folder) => [folder, await identify(folder)] as const),
    );
    const opened = new FolderWatch(new Map(found), events);
    await opened.#ready;
    return opened;
  }

  private constructor(folders: Map<string, Identity>, { hint, failed }: FolderWatchEvents) {
    this.#folders = folders;
    // `depth` must not be set: chokidar then does not wait for a folder whose parents are missing too.
    this.#watcher = watch([...folders.keys()], {
      ignored: (path) => !this.#folders.has(path),
      ignoreInitial: true,
      atomic: false,
    });
    // chokidar's own events come after its look at the folder, and not at all for the files that it ignores.
    this.#watcher.on('raw', (_event, name, details) => {
      const folder = watchedPathOf(details);
      if (folder === undefined || !this.#folders.has(folder)) return;
      // A folder's own end is told as its own name.
      const entry = name === null ? undefined : basename(name);
      hint(folder, entry === basename(folder) ? undefined : entry);
    });
    this.#watcher.on('all', (_event, path) => hint(path, undefined));
    this.#watcher.on('error', (error) =>
      failed(error instanceof Error ? error : new Error(String(error))),
    );
    this.#ready = new Promise((resolve) => this.#watcher.once('ready', resolve));
  }

  /** Look at the folder once more after `WATCH_BEGINS_MS`. */
  async add(folder: string): Promise<void> {
    if (this.#folders.has(folder)) return;
    this.#folders.set(folder, await identify(folder));
    this.#watcher.add(folder);
  }

  drop(folder: string): void {
    if (this.#folders.delete(folder)) this.#watcher.unwatch(folder);
  }

  /**
   * Begins anew where a path leads to another folder than when its watch began: chokidar 6.0.0 mostly goes on watching
   * the old one when a folder is removed and made again at once. Returns whether there was one: look once more, as after
   * `add`. To be called at each full look.
   */
  async renew(): Promise<boolean> {
    let renewed = false;
    for (const [folder, before] of [...this.#folders]) {
      const now = await identify(folder);
      if (now === before || !this.#folders.has(folder)) continue;
      this.#watcher.unwatch(folder);
      this.#folders.set(folder, now);
      this.#watcher.add(folder);
      renewed = true;
    }
    return renewed;
  }

  async close(): Promise<void> {
    await this.#watcher.close();
  }
}

async function identify(folder: string): Promise<Identity> {
  const found = await stat(folder, { bigint: true }).catch(() => undefined);
  // Inode numbers are soon used again; the time of birth is not.
  return found === undefined ? undefined : `${found.dev}:${found.ino}:${found.birthtimeNs}`;
}

const watchedPathOf = (details: unknown): string | undefined =>
  typeof details === 'object' &&
  details !== null &&
  'watchedPath' in details &&
  typeof details.watchedPath === 'string'
    ? details.watchedPath
    : undefined;
