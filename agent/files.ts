import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import {
  copyFile,
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  utimes,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { atOnce } from './at-once.ts';
import { TransientError } from './problem.ts';

/** A file or folder could not be read or written: a full disk, a missing folder, no permission. */
export class FileError extends TransientError {
  readonly path: string;
  /** What was tried, as in "cannot write". */
  readonly action: string;
  /** `ENOSPC`, `EROFS`, `EACCES`, `ENOENT`, … */
  readonly errno: string;

  constructor(action: string, path: string, cause: unknown) {
    const errno = errnoOf(cause);
    super(`cannot ${action} ${path}: ${explain(errno, action, path, cause)}`, { cause });
    this.action = action;
    this.path = path;
    this.errno = errno;
  }
}

/** Some of many files were not published. All others were. */
export class PublishError extends TransientError {
  /** Why, by path. */
  readonly failed: ReadonlyMap<string, FileError>;

  constructor(failed: ReadonlyMap<string, FileError>) {
    const [first] = failed.values();
    const more = failed.size > 1 ? ` (and ${failed.size - 1} more files)` : '';
    super(`${first?.message ?? 'no file was published'}${more}`, { cause: first });
    this.failed = failed;
  }
}

export interface PublishOptions {
  /** Permission bits, whatever the umask. */
  readonly mode?: number;
  /** Whether to wait until the file is on the disk. Without it a power failure may leave it empty. */
  readonly fsync?: boolean;
  /** The modification time to give it, in ms since 1970; else now, and newer than that of the file it replaces. */
  readonly mtime?: number;
  readonly now?: () => number;
}

export interface Publication {
  readonly path: string;
  readonly text: string;
  readonly mode?: number;
  readonly mtime?: number;
}

const DEFAULT_MODE = 0o640;
const TEMPORARY = /^\.publish-[0-9a-f-]{36}\.tmp$/;
/** libuv works on four files at a time; a few more keep it busy. */
const AT_ONCE = 16;

/** Whether a file's name is that of a file being published: to be ignored by who watches or reads a folder. */
export const isTemporary = (name: string): boolean => TEMPORARY.test(basename(name));

/**
 * Replaces a file whole: readers, and who comes after a crash, see the old text or the new one. Its modification time is
 * newer than any load of the old file (named keeps what it has when the file is not newer than that load).
 */
export async function publish(
  path: string,
  text: string,
  options: PublishOptions = {},
): Promise<void> {
  await replace({ path, text, ...options }, options);
  if (options.fsync ?? true) await syncFolder(dirname(path));
}

/**
 * Publishes many files, several at once, and waits for each folder only once. One file's failure does not hold up the
 * others: a PublishError tells at the end which ones are still as they were.
 */
export async function publishAll(
  files: readonly Publication[],
  options: Pick<PublishOptions, 'fsync' | 'now'> = {},
): Promise<void> {
  const failed = new Map<string, FileError>();
  await atOnce(AT_ONCE, files, async (file) => {
    try {
      await replace(file, options);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      failed.set(file.path, error);
    }
  });
  if (options.fsync ?? true) {
    const published = files.filter(({ path }) => !failed.has(path));
    const folders = new Set(published.map(({ path }) => dirname(path)));
    for (const folder of folders) await syncFolder(folder);
  }
  if (failed.size > 0) throw new PublishError(inOrder(failed, files));
}

/** As they were to be published, not as they happened to fail: the same trouble always reads the same. */
const inOrder = (
  failed: ReadonlyMap<string, FileError>,
  files: readonly Publication[],
): Map<string, FileError> =>
  new Map(
    files.flatMap(({ path }) => {
      const error = failed.get(path);
      return error === undefined ? [] : [[path, error] as const];
    }),
  );

/** A text that lies beside the file that it is to replace: whatever it takes of the disk, it has. */
export interface Draft {
  /** Replaces the file; as in `publish`, it looks newer than the old one, and it is on the disk. */
  publish(): Promise<void>;
  /** Removes it; after `publish` there is nothing left to remove. */
  discard(): Promise<void>;
}

/** Writes a file's next text without touching the file. Throws a FileError. */
export async function draft(path: string, text: string): Promise<Draft> {
  const temporary = await writeBeside({ path, text }, {});
  return {
    publish: async () => {
      try {
        const seconds = (await newerThan(path, Date.now())) / 1000;
        await utimes(temporary, seconds, seconds);
      } catch (error) {
        throw new FileError('write', path, error);
      }
      await moveInto(path, temporary);
      await syncFolder(dirname(path));
    },
    discard: () => rm(temporary, { force: true }).catch(() => undefined),
  };
}

async function replace(
  publication: Publication,
  options: Pick<PublishOptions, 'fsync' | 'now'>,
): Promise<void> {
  await moveInto(publication.path, await writeBeside(publication, options));
}

/** Returns where it was written. */
async function writeBeside(
  { path, text, mode, mtime }: Publication,
  { fsync = true, now = Date.now }: Pick<PublishOptions, 'fsync' | 'now'>,
): Promise<string> {
  // Random, for several agents may share a folder; short, for the file's own name may be as long as names can be.
  const temporary = join(dirname(path), `.publish-${randomUUID()}.tmp`);
  try {
    const seconds = (mtime ?? (await newerThan(path, now()))) / 1000;
    const handle = await open(temporary, 'wx', mode ?? DEFAULT_MODE);
    try {
      await handle.writeFile(text);
      if (mode !== undefined) await handle.chmod(mode);
      await handle.utimes(seconds, seconds);
      if (fsync) await handle.sync();
    } finally {
      await handle.close();
    }
    return temporary;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new FileError('write', path, error);
  }
}

async function moveInto(path: string, temporary: string): Promise<void> {
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new FileError('write', path, error);
  }
}

/** A ms later than now, for named's clock of loads has a finer grain than ours. */
async function newerThan(path: string, now: number): Promise<number> {
  const old = await stat(path).catch(absent);
  return Math.max(now + 1, old === undefined ? 0 : Math.floor(old.mtimeMs) + 2);
}

async function syncFolder(folder: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
    await handle.sync();
  } catch (error) {
    throw new FileError('sync', folder, error);
  } finally {
    await handle?.close();
  }
}

/** Makes a folder and those above it. One that is there stays as it is, with its mode. */
export async function makeFolder(path: string, mode = 0o750): Promise<void> {
  try {
    await mkdir(path, { mode }).catch((error: unknown) => makeFurther(path, mode, error));
  } catch (error) {
    throw error instanceof FileError ? error : new FileError('make the folder', path, error);
  }
}

/** Not by mkdir's own recursion, which reports ENOENT for a read-only file system. */
async function makeFurther(path: string, mode: number, error: unknown): Promise<void> {
  switch (errnoOf(error)) {
    case 'EEXIST':
      if ((await stat(path)).isDirectory()) return;
      throw error;
    case 'ENOENT':
      await makeFolder(dirname(path), mode);
      await mkdir(path, { mode }).catch((again: unknown) => {
        if (errnoOf(again) !== 'EEXIST') throw again;
      });
      return;
    default:
      throw error;
  }
}

/** A file's text (UTF-8), undefined where there is no such file. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8').catch(absent);
  } catch (error) {
    throw new FileError('read', path, error);
  }
}

/** Removes a file; one that is not there is fine. */
export async function remove(path: string): Promise<void> {
  try {
    await unlink(path).catch(absent);
  } catch (error) {
    throw new FileError('remove', path, error);
  }
}

/**
 * Removes what killed runs left half-written in a folder; returns how many. In a folder that other agents write too, pass
 * `olderThan` (ms since 1970), so that what they are publishing right now stays.
 */
export async function cleanTemporary(folder: string, olderThan = Infinity): Promise<number> {
  let removed = 0;
  try {
    for (const name of (await readdir(folder).catch(absent)) ?? []) {
      if (!isTemporary(name)) continue;
      const path = join(folder, name);
      const found = await stat(path).catch(absent);
      // The change time: the modification time may have been set.
      if (found === undefined || found.ctimeMs >= olderThan) continue;
      await remove(path);
      removed++;
    }
  } catch (error) {
    throw error instanceof FileError ? error : new FileError('clean', folder, error);
  }
  return removed;
}

/**
 * Moves a file to `trash/<time>/<its name>`, on another volume too; returns where it lies now, undefined where there was
 * none. `now` in ms since 1970.
 */
export async function removeToTrash(
  path: string,
  trash: string,
  now: number,
): Promise<string | undefined> {
  const folder = join(trash, new Date(now).toISOString().replaceAll(':', '-'));
  await makeFolder(folder);
  const target = join(folder, basename(path));
  try {
    await rename(path, target).catch(async (error: unknown) => {
      if (errnoOf(error) !== 'EXDEV') throw error;
      await copyFile(path, target);
      await unlink(path);
    });
    return target;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new FileError('move to the trash', path, error);
  }
}

/** Removes for good what was put into the trash before a time (ms since 1970). */
export async function emptyTrash(trash: string, before: number): Promise<void> {
  const limit = new Date(before).toISOString().replaceAll(':', '-');
  try {
    for (const name of (await readdir(trash).catch(absent)) ?? []) {
      if (/^\d{4}-\d\d-\d\dT/.test(name) && name < limit) {
        await rm(join(trash, name), { recursive: true, force: true });
      }
    }
  } catch (error) {
    throw new FileError('empty', trash, error);
  }
}

const errnoOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown';

function absent(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

function explain(errno: string, action: string, path: string, cause: unknown): string {
  switch (errno) {
    case 'ENOSPC':
      return 'the disk is full (ENOSPC)';
    case 'EDQUOT':
      return 'the disk quota is used up (EDQUOT)';
    case 'EROFS':
      return 'the file system is read-only (EROFS)';
    case 'EACCES':
    case 'EPERM':
      return `permission denied (${errno})`;
    case 'ENOENT':
    case 'ENOTDIR':
      if (action === 'read') return `it is not there (${errno})`;
      return `the folder ${dirname(path)} is missing (${errno})`;
    default:
      return cause instanceof Error ? cause.message : String(cause);
  }
}
