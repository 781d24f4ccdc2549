import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FileError, remove } from '../files.ts';
import { DATABASE, hasDatabase, publishFirstStanzas } from './first-stanzas.ts';

/**
 * Where named keeps the zones that it was given while it ran: a folder with one database. To change many zones at once,
 * named gets another folder, numbered, with all zones as text, which it imports at the next `reconfig`. Which one it works
 * from stands in its configuration alone, so that the two cannot disagree.
 */
export interface ZoneStore {
  /** Absolute: the first store, and the place of all others. */
  readonly root: string;
  /** From 1; 0 is the root itself. */
  readonly number: number;
}

const NUMBERED = /^[1-9]\d*$/;

export const folderOf = ({ root, number }: ZoneStore): string =>
  number === 0 ? root : join(root, String(number));

/**
 * The store that a configuration names; the root where it names none of ours. Where there is no configuration any more, the
 * last that named has worked from.
 */
export async function storeIn(conf: string | undefined, root: string): Promise<ZoneStore> {
  if (conf === undefined) return (await lastUsed(root)) ?? { root, number: 0 };
  const folder = /^\s*new-zones-directory "([^"]*)";/m.exec(conf)?.[1] ?? root;
  const isNumbered = dirname(folder) === root && NUMBERED.test(basename(folder));
  return { root, number: isNumbered ? Number(basename(folder)) : 0 };
}

/** The newest that named has a database in; undefined: it was never started. */
export async function lastUsed(root: string): Promise<ZoneStore | undefined> {
  const numbers = [...(await numbered(root)), 0].sort((a, b) => b - a);
  for (const number of numbers) {
    const store = { root, number };
    if (await hasDatabase(folderOf(store))) return store;
  }
  return undefined;
}

/**
 * Makes the store after this one ready for named to import.
 *
 * @param stanzas `zone "…" { … };` lines
 */
export async function prepareNext(
  { root, number }: ZoneStore,
  stanzas: string,
): Promise<ZoneStore> {
  // Not in the place of one that a killed run has left, or that named refused: it would be taken for that one.
  const next = { root, number: Math.max(number, ...(await numbered(root))) + 1 };
  await publishFirstStanzas(folderOf(next), stanzas);
  return next;
}

/** Named works from this one: all others are of no use any more. */
export async function removeOthers(store: ZoneStore): Promise<void> {
  const { root, number } = store;
  for (const each of await numbered(root))
    if (each !== number) await removeFolder(folderOf({ root, number: each }));
  if (number > 0) await remove(join(root, DATABASE));
}

async function numbered(root: string): Promise<number[]> {
  const names = await readdir(root).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new FileError('read', root, error);
  });
  return names.filter((name) => NUMBERED.test(name)).map(Number);
}

async function removeFolder(folder: string): Promise<void> {
  try {
    // named lets go of a store a moment after it has taken another.
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  } catch (error) {
    throw new FileError('remove', folder, error);
  }
}
