import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainName } from '../dns/name.ts';
import { FileError, makeFolder, publish, remove } from '../files.ts';
import { stanzaOf } from '../plan/stanza.ts';
import { quoteZone } from './zone-commands.ts';

/** named's new-zone database, and the text that it imports where there is no database yet. */
export const DATABASE = '_default.nzd';
const TEXT = '_default.nzf';

/** Whether named has been started on this folder before: from then on zones are added over the control channel. */
export async function hasDatabase(folder: string): Promise<boolean> {
  const path = join(folder, DATABASE);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    // Anything else says nothing: to take a used store for a new one would write under a running named.
    if (error.code === 'ENOENT') return undefined;
    throw new FileError('look for', path, error);
  });
  return found !== undefined && found.size > 0;
}

/** A zone as it stands in that text. */
export const stanzaLine = (zone: DomainName, stanza: string): string =>
  `zone ${quoteZone(zone)} ${stanzaOf(zone, stanza)}\n`;

/**
 * Without any zone there is no text: BIND 9.20 does not start on an empty one ("loading configuration: not found").
 *
 * @param stanzas `zone "…" { … };` lines
 */
export async function publishFirstStanzas(folder: string, stanzas: string): Promise<void> {
  await makeFolder(folder);
  if (stanzas === '') await withdrawFirstStanzas(folder);
  else await publish(join(folder, TEXT), stanzas, { mode: 0o600 });
}

export const withdrawFirstStanzas = (folder: string): Promise<void> => remove(join(folder, TEXT));

/**
 * Once there is a database the text must go, unless named has taken it away itself: BIND 9.20 would import it at its next
 * start, and end itself at the first zone that it has already ("MDB_KEYEXIST").
 */
export async function withdrawImported(folder: string): Promise<void> {
  if (await hasDatabase(folder)) await withdrawFirstStanzas(folder);
}
