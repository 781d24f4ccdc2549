import type { Clock } from '../clock.ts';
import { ConfFiles, type ConfLook, type Entries } from './conf-files.ts';
import { BLIND_RESCAN_MS, FolderWatch, WATCH_BEGINS_MS } from './folder-watch.ts';
import { Hints } from './hints.ts';

export interface WatchedConfEvents {
  /** The configuration may be another than before. */
  readonly changed: () => void;
  /** Changes are noticed late from now on. */
  readonly failed: (error: Error) => void;
}

/** A lost event heals after so long. */
const RESCAN_MS = 30_000;

/** The user's configuration of named, all the files that it is made of: tells when one of them changes. */
export class WatchedConf {
  readonly #files: ConfFiles;
  #last: ConfLook | undefined;
  #watch: FolderWatch | undefined;

  /** @param isOurs as in `ConfFiles` */
  constructor(path: string, isOurs: (path: string) => boolean) {
    this.#files = new ConfFiles(path, isOurs);
  }

  /** Stands for what the files hold: as the watch has seen them last, or, before there is one, as they are now. */
  async stamp(): Promise<string> {
    const seen = this.#watch === undefined ? undefined : this.#last;
    return (seen ?? (await this.#files.look())).stamp;
  }

  /** Resolves when the signal aborts. */
  async watch({ changed, failed }: WatchedConfEvents, clock: Clock, signal: AbortSignal) {
    const hints = new Hints({ clock, look: () => this.#look(changed, hints) });
    const first = await this.#files.look();
    this.#last = first;
    this.#watch = await FolderWatch.open([...first.folders.keys()], {
      hint: (folder, name) => {
        if (matters(this.#last?.folders.get(folder), name)) hints.add();
      },
      failed: (error) => {
        failed(error);
        void hints.every(BLIND_RESCAN_MS);
      },
    });
    void hints.addAllIn(WATCH_BEGINS_MS);
    void hints.every(RESCAN_MS);
    changed();
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await hints.close();
    await this.#watch.close();
    this.#watch = undefined;
  }

  async #look(changed: () => void, hints: Hints): Promise<void> {
    const renewed = await this.#watch?.renew();
    const before = this.#last;
    const now = await this.#files.look();
    this.#last = now;
    const added = await this.#follow(now, before);
    if (renewed || added) void hints.addAllIn(WATCH_BEGINS_MS);
    if (now.stamp !== before?.stamp) changed();
  }

  /** Returns whether there are folders that were not watched before. */
  async #follow(now: ConfLook, before: ConfLook | undefined): Promise<boolean> {
    let added = false;
    for (const folder of now.folders.keys()) {
      if (before?.folders.has(folder)) continue;
      await this.#watch?.add(folder);
      added = true;
    }
    for (const folder of before?.folders.keys() ?? [])
      if (!now.folders.has(folder)) this.#watch?.drop(folder);
    return added;
  }
}

/** Without a name the folder itself came or went; `..data` is the link that a mounted volume swaps beside its files. */
function matters(entries: Entries = [], name: string | undefined): boolean {
  if (name === undefined || name === '..data') return true;
  return entries.some((each) => (typeof each === 'string' ? each === name : each.test(name)));
}
