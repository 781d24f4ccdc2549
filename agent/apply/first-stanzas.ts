import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder, publish } from '../files.ts';

/** named's new-zone database, and the text that it imports where there is no database yet. */
const DATABASE = '_default.nzd';
const TEXT = '_default.nzf';

/** Whether named has been started on this folder before: from then on zones are added over the control channel. */
export async function hasDatabase(folder: string): Promise<boolean> {
  const found = await stat(join(folder, DATABASE)).catch(() => undefined);
  return found !== undefined && found.size > 0;
}

/** @param stanzas `zone "…" { … };` lines */
export async function publishFirstStanzas(folder: string, stanzas: string): Promise<void> {
  await makeFolder(folder);
  await publish(join(folder, TEXT), stanzas, { mode: 0o600 });
}
