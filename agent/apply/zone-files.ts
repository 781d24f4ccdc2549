import { link, open, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { type DomainName, fileNameOf } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import { renderZone } from '../dns/zone-text.ts';
import {
  type Draft,
  draft,
  FileError,
  PublishError,
  publishAll,
  remove,
  removeToTrash,
} from '../files.ts';
import type { Target } from '../plan/action.ts';
import { failureOf } from '../problem.ts';

/** A zone's SOA comes first in its file, whoever wrote it; names are 1 kB at most, escapes included. */
const HEAD_BYTES = 4096;

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

  /**
   * First contents. A journal left beside one would lead to another serial, and named would refuse the zone; content kept
   * aside would be taken for its last good one. Returns why, for the zones of which nothing could be written.
   */
  async write(contents: ReadonlyMap<DomainName, Target>): Promise<Map<DomainName, string>> {
    const failed = new Map<DomainName, string>();
    const clean = async (zone: DomainName): Promise<void> => {
      const failure = await fileError(this.removeJournal(zone).then(() => this.settle(zone)));
      if (failure !== undefined) failed.set(zone, failure.message);
    };
    await Promise.all([...contents.keys()].map(clean));
    const zones = [...contents].filter(([zone]) => !failed.has(zone));
    const failure = await fileError(
      publishAll(
        zones.map(([zone, { content, serial }]) => ({
          path: this.pathOf(zone),
          text: renderZone(content, serial),
        })),
      ),
    );
    for (const [zone] of zones) {
      const why = failure instanceof PublishError ? failure.failed.get(this.pathOf(zone)) : failure;
      if (why !== undefined) failed.set(zone, why.message);
    }
    return failed;
  }

  /** A zone's next content, written beside its file. Throws a FileError. */
  draft(zone: DomainName, { content, serial }: Target): Promise<Draft> {
    return draft(this.pathOf(zone), renderZone(content, serial));
  }

  /** Puts new content in the place of the old, which is kept aside until `settle` or `restore`. Throws a FileError. */
  async replace(zone: DomainName, next: Draft): Promise<void> {
    const path = this.pathOf(zone);
    await remove(lastGood(path));
    await link(path, lastGood(path)).catch(() => undefined);
    await this.removeJournal(zone);
    await next.publish();
  }

  /** The serial that the zone's file has, as far as its journal does not lead on; undefined where there is no file. */
  async serialOf(zone: DomainName): Promise<Serial | undefined> {
    const head = await readHead(this.pathOf(zone)).catch(() => '');
    const serial = /\sSOA\s+\S+\s+\S+\s+\(?\s*(\d+)\s/.exec(head)?.[1];
    return serial === undefined ? undefined : Number(serial);
  }

  /** Tells which zones have content kept aside: whoever put it there was killed before the new one was served. */
  async keptAside(): Promise<(zone: DomainName) => boolean> {
    const all = await readdir(this.#zones).catch(() => []);
    const names = new Set(all.filter((name) => name.endsWith(LAST_GOOD)));
    return (zone) => names.size > 0 && names.has(`${fileNameOf(zone)}${LAST_GOOD}`);
  }

  /** Tells of which zones any file lies there. */
  async present(): Promise<(zone: DomainName) => boolean> {
    const names = new Set(await readdir(this.#zones).catch(() => []));
    return (zone) => SUFFIXES.some((suffix) => names.has(`${fileNameOf(zone)}${suffix}`));
  }

  async settle(zone: DomainName): Promise<void> {
    await remove(lastGood(this.pathOf(zone)));
  }

  async restore(zone: DomainName): Promise<void> {
    const path = this.pathOf(zone);
    await rename(lastGood(path), path).catch(() => undefined);
  }

  async removeJournal(zone: DomainName): Promise<void> {
    await remove(`${this.pathOf(zone)}${JOURNAL}`);
  }

  async discard(zone: DomainName, now: number): Promise<void> {
    for (const suffix of SUFFIXES)
      await removeToTrash(`${this.pathOf(zone)}${suffix}`, this.#trash, now);
  }
}

const LAST_GOOD = '.last';
const JOURNAL = '.jnl';
/** All files that a zone may have. */
const SUFFIXES = ['', JOURNAL, LAST_GOOD];

const lastGood = (path: string): string => `${path}${LAST_GOOD}`;

async function readHead(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return buffer.toString('latin1', 0, bytesRead);
  } finally {
    await file.close();
  }
}

async function fileError(work: Promise<unknown>): Promise<FileError | PublishError | undefined> {
  const failure = await failureOf(work);
  if (failure === undefined || failure instanceof FileError || failure instanceof PublishError)
    return failure;
  throw failure;
}
