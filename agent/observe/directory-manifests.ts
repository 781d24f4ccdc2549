import { stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import { type InvalidObject, noResources, type ResourceMaps } from './cluster.ts';
import { BLIND_RESCAN_MS, FolderWatch, WATCH_BEGINS_MS } from './folder-watch.ts';
import { type Hinted, Hints } from './hints.ts';
import type { LastGood } from './last-good.ts';
import { ManifestFiles, type ManifestNote } from './manifest-files.ts';
import {
  AT_ONCE,
  isManifest,
  type Listing,
  listManifests,
  type Trace,
  traceOf,
} from './manifest-listing.ts';

export interface DirectoryManifestsOptions {
  /** Where an object stands twice, the first folder counts, then the first file by name. */
  readonly folders: readonly string[];
  /** Subfolders that hold something else. */
  readonly except: readonly string[];
  /** The namespace of objects that name none. */
  readonly defaultNamespace: string;
  readonly clock: Clock;
  /** How often to look whether a change was missed, in ms. */
  readonly rescanMs: number;
  /** What looks half-written or has vanished is believed when it stayed so for so long, in ms. */
  readonly settleMs: number;
  /** Where last good versions outlive a run; without it they end with the run. */
  readonly lastGood: LastGood | undefined;
  readonly changed: () => void;
  readonly note: (note: ManifestNote) => void;
}

/** The resources as they were after one look at the folders. */
export interface ManifestsView {
  /** All folders were there, and all that can be read in them was read once. */
  readonly synced: boolean;
  /**
   * The newest change time of all files and folders when the objects changed last, in µs since 1970. It comes from the
   * file system, so all who share it see the same. Never decreases in one process; a change that shows no newer time (two
   * within one tick of the kernel's clock, 4 ms on kernels before 6.13; a clock set back) counts one more.
   */
  readonly version: number;
  readonly objects: ResourceMaps;
  readonly invalid: readonly InvalidObject[];
  /** Why what is missing must not be taken for deleted. */
  readonly removalsFrozen: string | undefined;
  /** Why there may be objects that no view has ever held. */
  readonly unremembered: string | undefined;
}

/** A folder that never rests is believed all the same after so many times `settleMs`. */
const LONGEST_SETTLING = 20;
/** A folder that never rests is told as it is after so long. */
const LONGEST_BEHIND_MS = 500;

/** The resources in folders of manifests, kept up to date. */
export class DirectoryManifests {
  readonly #options: DirectoryManifestsOptions;
  readonly #roots: readonly string[];
  readonly #except: ReadonlySet<string>;
  readonly #files: ManifestFiles;
  readonly #hints: Hints;
  readonly #closing = new AbortController();
  #folders: ReadonlySet<string> = new Set();
  #unreadable: Listing['unreadable'] = new Map();
  #watch: FolderWatch | undefined;
  #watchProblem: string | undefined;
  #lastHint = 0;
  #newest = 0;
  #behindSince: number | undefined;
  #settling: 'no' | 'waiting' | 'due' = 'no';
  #view: ManifestsView = {
    synced: false,
    version: 0,
    objects: noResources,
    invalid: [],
    removalsFrozen: undefined,
    unremembered: undefined,
  };

  constructor(options: DirectoryManifestsOptions) {
    const { folders, clock, defaultNamespace, note } = options;
    this.#options = options;
    this.#roots = folders.map((folder) => resolve(folder));
    this.#except = new Set(options.except.map((folder) => resolve(folder)));
    this.#files = new ManifestFiles({
      defaultNamespace,
      note,
      allSeen: () => this.#view.synced,
      nameOf: (path) => this.#nameOf(path),
      rankOf: (path) => this.#rankOf(path),
    });
    this.#hints = new Hints({ clock, look: (hinted) => this.#look(hinted) });
  }

  async start(): Promise<void> {
    const [first = ''] = this.#roots;
    for (const standIns of (await this.#options.lastGood?.read()) ?? [])
      this.#files.remember(resolve(first, standIns.source), standIns);
    this.#watch = await FolderWatch.open(this.#roots, {
      hint: (folder, name) => this.#hint(folder, name),
      failed: (error) => this.#goBlind(error),
    });
    this.#hints.add();
    void this.#hints.every(this.#options.rescanMs);
  }

  async stop(): Promise<void> {
    this.#closing.abort();
    await this.#hints.close();
    await this.#watch?.close();
  }

  get view(): ManifestsView {
    return this.#view;
  }

  #hint(folder: string, name: string | undefined): void {
    // Other dot files are somebody's temporary ones. `..data` is what a mounted ConfigMap is swapped by.
    if (name?.startsWith('.') && !name.startsWith('..')) return;
    this.#lastHint = this.#options.clock.monotonic();
    // Without an ending of ours it may be a subfolder.
    this.#hints.add(name !== undefined && isManifest(name) ? join(folder, name) : undefined);
  }

  #goBlind(error: Error): void {
    if (this.#watchProblem === undefined) void this.#hints.every(BLIND_RESCAN_MS);
    this.#watchProblem = `changes are noticed late, by looking every ${BLIND_RESCAN_MS / 1000} s: ${error.message}`;
  }

  async #look(hinted: Hinted): Promise<void> {
    const seen = hinted === 'all' ? await this.#lookAtAll() : await this.#lookAt(hinted);
    this.#newest = Math.max(this.#newest, seen);
    if (this.#isBehind()) return;
    const unsettled = this.#files.unsettled.filter((path) => !this.#isHidden(path));
    if (unsettled.length > 0 && this.#settling === 'no') void this.#settleLater();
    const before = this.#view;
    const { objects } = this.#files;
    const invalid = this.#invalid();
    const missed = this.#roots.some((root) => this.#unreadable.has(root));
    const view = {
      synced: before.synced || (!missed && unsettled.length === 0),
      // A folder that is touched says nothing new: its next content may only be about to come.
      version:
        objects === before.objects ? before.version : Math.max(before.version + 1, this.#newest),
      objects,
      invalid: isDeepStrictEqual(before.invalid, invalid) ? before.invalid : invalid,
      removalsFrozen: this.#removalsFrozen(),
      unremembered: this.#unremembered(),
    };
    // On the disk first: what is told may be taken for safe. What an earlier run kept is needed until all was read.
    if (view.synced && !missed) await this.#keep();
    this.#view = view;
    if (!isSame(before, this.#view)) this.#options.changed();
  }

  /**
   * Something changed during the look, and the version that was seen may stand for that already: it is looked at first. A
   * folder that never rests is told all the same after a while.
   */
  #isBehind(): boolean {
    const now = this.#options.clock.monotonic();
    this.#behindSince = this.#hints.pending ? (this.#behindSince ?? now) : undefined;
    return this.#behindSince !== undefined && now - this.#behindSince < LONGEST_BEHIND_MS;
  }

  async #keep(): Promise<void> {
    const hides = this.#unreadable.size > 0;
    const standIns = this.#files.standIns((path) => hides && this.#isHidden(path));
    await this.#options.lastGood?.keep(standIns);
  }

  /** Returns the newest change. */
  async #lookAtAll(): Promise<number> {
    const settling = this.#settling === 'due';
    if (settling) this.#settling = 'no';
    const renewed = await this.#watch?.renew();
    const { files, folders, unreadable } = await listManifests(this.#roots, this.#except);
    this.#unreadable = unreadable;
    const added = await this.#watchFolders(folders);
    if (renewed || added) void this.#hints.addAllIn(WATCH_BEGINS_MS);
    if (unreadable.size > 0) void this.#hints.addAllIn(BLIND_RESCAN_MS);
    await atOnce(AT_ONCE, [...files], async ([path, trace]) => {
      if (!this.#files.isAsRead(path, trace)) await this.#files.read(path, trace);
      else if (settling) this.#files.settle(path);
    });
    for (const path of [...this.#files.paths]) {
      if (files.has(path) || this.#isHidden(path)) continue;
      if (this.#files.vanish(path) === 'before' && settling) this.#files.settle(path);
    }
    return [...files.values(), ...folders.values()].reduce(newer, 0);
  }

  async #lookAt(paths: ReadonlySet<string>): Promise<number> {
    let newest = 0;
    await atOnce(AT_ONCE, [...new Set([...paths].map(dirname))], async (folder) => {
      newest = newer(newest, await traceAt(folder));
    });
    await atOnce(AT_ONCE, [...paths], async (path) => {
      const found = await traceAt(path);
      if (found === undefined) this.#files.vanish(path);
      else if (found.isFolder) this.#hints.add();
      else if (!this.#files.isAsRead(path, found)) await this.#files.read(path, found);
      newest = newer(newest, found);
    });
    return newest;
  }

  /** Returns whether there are new ones. */
  async #watchFolders(folders: Listing['folders']): Promise<boolean> {
    const added = [...folders.keys()].filter((folder) => !this.#folders.has(folder));
    for (const folder of added) await this.#watch?.add(folder);
    for (const folder of this.#folders) {
      const gone = !folders.has(folder) && !this.#roots.includes(folder) && !this.#isHidden(folder);
      if (gone) this.#watch?.drop(folder);
    }
    this.#folders = new Set(folders.keys());
    return added.length > 0;
  }

  /** Looks again when there was no hint for a while: whoever is writing has then most likely finished. */
  async #settleLater(): Promise<void> {
    const { clock, settleMs } = this.#options;
    const { signal } = this.#closing;
    this.#settling = 'waiting';
    const began = clock.monotonic();
    for (;;) {
      const quiet = Math.max(began, this.#lastHint) + settleMs;
      const left = Math.min(quiet, began + settleMs * LONGEST_SETTLING) - clock.monotonic();
      if (left <= 0 || signal.aborted) break;
      await clock.sleep(left, signal);
    }
    this.#settling = 'due';
    this.#hints.add();
  }

  /** In a folder that cannot be read: nothing is known of it. */
  #isHidden(path: string): boolean {
    return [...this.#unreadable.keys()].some((folder) => isWithin(path, folder));
  }

  #invalid(): readonly InvalidObject[] {
    const told = (object: string, problem: string): InvalidObject => ({
      object,
      problems: [{ path: '', problem }],
    });
    return [
      ...[...this.#unreadable].map(([folder, problem]) => told(`folder ${folder}`, problem)),
      ...(this.#watchProblem === undefined ? [] : [told('folder watch', this.#watchProblem)]),
      ...this.#files.invalid,
    ];
  }

  #removalsFrozen(): string | undefined {
    const [first, ...more] = [
      ...this.#unreadable.values(),
      ...this.#files.incomplete.map((name) => `not all of ${name} can be read`),
    ];
    return first === undefined || more.length === 0 ? first : `${first} (and ${more.length} more)`;
  }

  /** A folder, or file, of which something is known was read before. */
  #unremembered(): string | undefined {
    const paths = [...(this.#unreadable.size === 0 ? [] : this.#files.paths)];
    const [unreadable] = [...this.#unreadable]
      .filter(([folder]) => !paths.some((path) => isWithin(path, folder)))
      .map(([, problem]) => problem);
    const [file] = this.#files.unremembered;
    return unreadable ?? (file === undefined ? undefined : `not all of ${file} can be read`);
  }

  #nameOf(path: string): string {
    const root = this.#rootOf(path);
    return this.#roots.length > 1 || root === undefined ? path : relative(root, path);
  }

  #rankOf(path: string): string {
    const root = this.#rootOf(path);
    const index = root === undefined ? this.#roots.length : this.#roots.indexOf(root);
    return `${String(index).padStart(6, '0')} ${path}`;
  }

  #rootOf(path: string): string | undefined {
    return this.#roots.find((root) => isWithin(path, root));
  }
}

const isWithin = (path: string, folder: string): boolean =>
  path === folder || path.startsWith(folder.endsWith(sep) ? folder : `${folder}${sep}`);

const isSame = (a: ManifestsView, b: ManifestsView): boolean =>
  a.synced === b.synced &&
  a.version === b.version &&
  a.objects === b.objects &&
  a.invalid === b.invalid &&
  a.removalsFrozen === b.removalsFrozen &&
  a.unremembered === b.unremembered;

const newer = (newest: number, trace: Trace | undefined): number =>
  Math.max(newest, trace?.changed ?? 0);

async function traceAt(
  path: string,
): Promise<(Trace & { readonly isFolder: boolean }) | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? undefined : { ...traceOf(found), isFolder: found.isDirectory() };
}
