import { link, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type DomainName, fileNameOf } from '../dns/name.ts';
import { renderZone } from '../dns/zone-text.ts';
import { publish, publishAll, remove, removeToTrash } from '../files.ts';
import type { Target } from '../plan/action.ts';

export type FileTrace = string;

/** The zones' files and journals. Only files of zones that are not loaded, or that are frozen, are written. */
export class ZoneFiles {
  readonly #zones: string;
  readonly #trash: string;

  constructor(zones: string, trash: string) {
    this.#zones = zones;
    this.#trash = trash;
  }

  pathOf(zone: DomainName): string {
    return join(this.#zones, fileNameOf(zone));
  }

  /** First contents. A journal left beside one would lead to another serial, and named would refuse the zone. */
  async write(contents: ReadonlyMap<DomainName, Target>): Promise<void> {
    await Promise.all([...contents.keys()].map((zone) => this.removeJournal(zone)));
    await publishAll(
      [...contents].map(([zone, { content, serial }]) => ({
        path: this.pathOf(zone),
        text: renderZone(zone, content, serial),
      })),
    );
  }

  /** Puts new content in the place of the old, which is kept aside until `settle` or `restore`. */
  async replace(zone: DomainName, { content, serial }: Target): Promise<void> {
    const path = this.pathOf(zone);
    await remove(lastGood(path));
    await link(path, lastGood(path)).catch(() => undefined);
    await this.removeJournal(zone);
    await publish(path, renderZone(zone, content, serial));
  }

  /** Which file of the zone this is: another one once it was replaced or written. Undefined where there is none. */
  async trace(zone: DomainName): Promise<FileTrace | undefined> {
    const found = await stat(this.pathOf(zone)).catch(() => undefined);
    return found === undefined ? undefined : `${found.ino} ${found.mtimeMs}`;
  }

  /** Whether named is writing a zone just now: it writes beside the file and renames. */
  async dumping(): Promise<boolean> {
    return (await readdir(this.#zones)).some((name) => name.startsWith('tmp-'));
  }

  async settle(zone: DomainName): Promise<void> {
    await remove(lastGood(this.pathOf(zone)));
  }

  async restore(zone: DomainName): Promise<void> {
    const path = this.pathOf(zone);
    await rename(lastGood(path), path).catch(() => undefined);
  }

  async removeJournal(zone: DomainName): Promise<void> {
    await remove(`${this.pathOf(zone)}.jnl`);
  }

  async discard(zone: DomainName, now: number): Promise<void> {
    for (const suffix of ['', '.jnl'])
      await removeToTrash(`${this.pathOf(zone)}${suffix}`, this.#trash, now);
  }
}

const lastGood = (path: string): string => `${path}.last`;
