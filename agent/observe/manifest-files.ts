import { readFile } from 'node:fs/promises';
import { FileError } from '../files.ts';
import { showProblem } from '../problem.ts';
import { type InvalidObject, noResources, type ResourceMaps } from './cluster.ts';
import type { StandIns } from './last-good.ts';
import {
  type ManifestFile,
  newFile,
  readAgain,
  remembered,
  settle,
  unreadable,
  vanished,
} from './manifest-file.ts';
import type { Trace } from './manifest-listing.ts';
import { mergeObjects } from './manifest-objects.ts';

export interface ManifestNote {
  readonly file: string;
  readonly object: string;
  readonly note: string;
}

export interface ManifestFilesOptions {
  /** The namespace of objects that name none. */
  readonly defaultNamespace: string;
  /** A file's name as users know it. */
  readonly nameOf: (path: string) => string;
  /** Where a file stands among the others: texts that sort so. */
  readonly rankOf: (path: string) => string;
  /** Things worth a log line: objects of other kinds, probable typing errors. */
  readonly note: (note: ManifestNote) => void;
  /** Every file that was there at the start was looked at: one that comes now held nothing before. */
  readonly allSeen: () => boolean;
}

interface Held {
  readonly name: string;
  readonly rank: string;
  /** As of the last reading; undefined: to be read again in any case. */
  readonly mark: string | undefined;
  readonly file: ManifestFile;
}

/** The manifests by path, and what they hold all together. */
export class ManifestFiles {
  readonly #options: ManifestFilesOptions;
  readonly #held = new Map<string, Held>();
  /** Undefined when a file came or went. */
  #pathsInOrder: readonly string[] | undefined;
  #inOrder: readonly Held[] = [];
  #merged: ReturnType<typeof mergeObjects> = { objects: noResources, invalid: [] };
  #stale = false;

  constructor(options: ManifestFilesOptions) {
    this.#options = options;
  }

  get paths(): Iterable<string> {
    return this.#held.keys();
  }

  /** Files that look half-written or have just vanished. */
  get unsettled(): readonly string[] {
    return [...this.#held].filter(([, { file }]) => !file.settled).map(([path]) => path);
  }

  get objects(): ResourceMaps {
    this.#merge();
    return this.#merged.objects;
  }

  get invalid(): readonly InvalidObject[] {
    this.#merge();
    return [...this.#inOrder.flatMap(({ file }) => file.invalid), ...this.#merged.invalid];
  }

  /** Files of which it is not known what they hold. */
  get incomplete(): readonly string[] {
    this.#merge();
    return this.#inOrder.filter(({ file }) => !file.complete).map(({ name }) => name);
  }

  /** Those of which it is not known either what they held before. */
  get unremembered(): readonly string[] {
    this.#merge();
    return this.#inOrder
      .filter(({ file }) => !file.complete && !file.whole)
      .map(({ name }) => name);
  }

  /** What is to be remembered of files that are wrong, and of those that are hidden: that cannot be looked at at all. */
  standIns(isHidden: (path: string) => boolean): readonly StandIns[] {
    const all = [...this.#held].map(([path, { name, rank, file }]) => {
      const hidden = isHidden(path);
      const objects = hidden ? file.objects : file.standIns;
      const needed = (hidden || !file.right) && (file.whole || objects.length > 0);
      return { needed, rank, standIns: { source: name, whole: file.whole, objects } };
    });
    return all
      .filter(({ needed }) => needed)
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .map(({ standIns }) => standIns);
  }

  /** What an earlier run remembers of a file counts until the file is read, or found gone. */
  remember(path: string, standIns: StandIns): void {
    this.#put(path, undefined, remembered(standIns));
  }

  isAsRead(path: string, { mark }: Trace): boolean {
    return this.#held.get(path)?.mark === mark;
  }

  /** `trace` is from before the reading. */
  async read(path: string, { mark }: Trace): Promise<void> {
    const { defaultNamespace, nameOf, allSeen } = this.#options;
    const name = nameOf(path);
    const file = this.#held.get(path)?.file ?? { ...newFile, whole: allSeen() };
    try {
      const text = await readFile(path, 'utf8');
      const read = readAgain(file, text, { file: name, defaultNamespace });
      this.#put(path, mark, read);
      if (read.latest !== file.latest) this.#note(name, read);
    } catch (error) {
      if (isMissing(error)) this.vanish(path);
      else {
        const problem = new FileError('read', path, error).message;
        const invalid = { object: name, problems: [{ path: '', problem }] };
        this.#put(path, undefined, unreadable(file, invalid));
      }
    }
  }

  /** The file is not there (any more); whether that was known before. */
  vanish(path: string): 'before' | 'now' | 'never there' {
    const file = this.#held.get(path)?.file;
    if (file === undefined) return 'never there';
    if (file.latest === undefined && !file.settled) return 'before';
    this.#put(path, undefined, vanished(file));
    return 'now';
  }

  /** Believes what the file shows, or that it is gone. */
  settle(path: string): void {
    const held = this.#held.get(path);
    if (held === undefined || held.file.settled) return;
    if (held.file.latest === undefined) {
      this.#held.delete(path);
      this.#pathsInOrder = undefined;
    } else this.#put(path, held.mark, settle(held.file));
    this.#stale = true;
  }

  #put(path: string, mark: string | undefined, file: ManifestFile): void {
    const known = this.#held.get(path);
    if (known === undefined) this.#pathsInOrder = undefined;
    const { nameOf, rankOf } = this.#options;
    const { name, rank } = known ?? { name: nameOf(path), rank: rankOf(path) };
    this.#held.set(path, { name, rank, mark, file });
    this.#stale = true;
  }

  #merge(): void {
    if (!this.#stale) return;
    this.#stale = false;
    this.#pathsInOrder ??= [...this.#held]
      .sort(([, a], [, b]) => (a.rank < b.rank ? -1 : 1))
      .map(([path]) => path);
    this.#inOrder = this.#pathsInOrder.flatMap((path) => this.#held.get(path) ?? []);
    const files = this.#inOrder.map(({ name, file }) => ({ name, objects: file.objects }));
    this.#merged = mergeObjects(files, this.#merged.objects);
  }

  #note(name: string, { latest }: ManifestFile): void {
    for (const { object, why } of latest?.skipped ?? []) {
      this.#options.note({ file: name, object, note: `skipped: ${why}` });
    }
    for (const { object, problems } of latest?.warnings ?? []) {
      this.#options.note({ file: name, object, note: problems.map(showProblem).join('; ') });
    }
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
