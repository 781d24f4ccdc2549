import type { BigIntStats, Dirent } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { atOnce } from '../at-once.ts';
import { FileError } from '../files.ts';

/** A file or folder as stat shows it. */
export interface Trace {
  /** Differs whenever the content may differ. */
  readonly mark: string;
  /**
   * Its last change in µs since 1970: of the ns that the kernel keeps, as much as a number holds exactly. It is the
   * inode's change time, which nobody can set: a file copied with an old modification time is a change too.
   */
  readonly changed: number;
}

export interface Listing {
  /** Manifests, by path. */
  readonly files: ReadonlyMap<string, Trace>;
  readonly folders: ReadonlyMap<string, Trace>;
  /** Folders (or files) that could not be looked at, and why: of what is in them nothing is known. */
  readonly unreadable: ReadonlyMap<string, string>;
}

const MANIFEST = /\.(?:ya?ml|json)$/;
/** Files to read or look at at the same time: libuv works on four, a few more keep it busy. */
export const AT_ONCE = 32;
/** Deeper folders are most likely links in a circle. */
const DEEPEST = 32;

/** Dot files are none: editors' and tools' own, and the folders behind a mounted ConfigMap's links. */
export const isManifest = (name: string): boolean => MANIFEST.test(name) && !name.startsWith('.');

/** All manifests in folders and their subfolders, those in `except` left out, links followed. Reads no file. */
export async function listManifests(
  roots: readonly string[],
  except: ReadonlySet<string> = new Set(),
): Promise<Listing> {
  const found: Found = { files: new Map(), folders: new Map(), unreadable: new Map() };
  for (const root of roots) await list(root, [], found, except);
  return found;
}

export function traceOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): Trace {
  return {
    mark: `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`,
    changed: Number(ctimeNs / 1000n),
  };
}

interface Found {
  readonly files: Map<string, Trace>;
  readonly folders: Map<string, Trace>;
  readonly unreadable: Map<string, string>;
}

async function list(
  folder: string,
  above: readonly string[],
  found: Found,
  except: ReadonlySet<string>,
): Promise<void> {
  const opened = await openFolder(folder).catch((error: unknown) => {
    // A subfolder that is gone by now is simply gone; one of the folders asked for is missed.
    if (above.length === 0 || !isMissing(error)) {
      found.unreadable.set(folder, new FileError('read', folder, error).message);
    }
  });
  if (opened === undefined || above.includes(opened.real) || above.length >= DEEPEST) return;
  found.folders.set(folder, opened.trace);
  const folders: string[] = [];
  const entries = opened.entries.filter(({ name }) => !name.startsWith('.'));
  await atOnce(AT_ONCE, entries, async (entry) => {
    const path = join(folder, entry.name);
    if (except.has(path)) return;
    if (entry.isDirectory() || (await isFolder(path, entry, found))) folders.push(path);
  });
  for (const each of folders.sort()) await list(each, [...above, opened.real], found, except);
}

/** Whether it is a link to a folder; a manifest is noted down. */
async function isFolder(path: string, entry: Dirent, found: Found): Promise<boolean> {
  if (!isManifest(entry.name) && !entry.isSymbolicLink()) return false;
  const stats = await stat(path, { bigint: true }).catch((error: unknown) => {
    if (!isMissing(error)) found.unreadable.set(path, new FileError('read', path, error).message);
  });
  if (stats?.isFile() && isManifest(entry.name)) found.files.set(path, traceOf(stats));
  return stats?.isDirectory() === true;
}

interface Opened {
  readonly real: string;
  readonly trace: Trace;
  readonly entries: readonly Dirent[];
}

async function openFolder(folder: string): Promise<Opened> {
  const real = await realpath(folder);
  // The trace first: what changes while we read must show as a change the next time.
  const trace = traceOf(await stat(folder, { bigint: true }));
  return { real, trace, entries: await readdir(folder, { withFileTypes: true }) };
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';
