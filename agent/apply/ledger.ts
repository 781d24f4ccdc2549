import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { DomainName } from '../dns/name.ts';
import { cleanTemporary, FileError, publish, readIfPresent } from '../files.ts';
import { ChangingMap } from '../layered-map.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { stanzaOf, withoutFile } from '../plan/stanza.ts';
import { isObject } from '../resources/got.ts';
import { Texts } from '../texts.ts';

export type LedgerEntry = ServedZone;

/** A line of the ledger that could not be read, and what is wrong with it. */
export interface DamagedLine {
  /** From 1. */
  readonly line: number;
  readonly problem: string;
}

type Change = { readonly put: LedgerEntry } | { readonly remove: DomainName };

type Writable<T> = { -readonly [Field in keyof T]: T[Field] };

const FILE = 'ledger.jsonl';
/** Lines that say nothing any more are tolerated up to this many, or half of all. */
const SLACK = 1000;

/**
 * Opens the record of the zones that this agent put into its named: only these does it ever change or remove. One JSON
 * object a line, appended; what a kill left half-written at the end is dropped, the rest is folded and written afresh.
 * Throws a FileError when the folder cannot be read; that it cannot be written is for the first flush to tell.
 */
export async function openLedger(folder: string): Promise<Ledger> {
  await tolerant(cleanTemporary(folder));
  const path = join(folder, FILE);
  const { entries, damaged, lines, whole } = fold((await readIfPresent(path)) ?? '');
  const ledger = new Ledger(path, entries, damaged, lines, whole);
  if (!whole || isWordy(lines, entries.size)) await tolerant(ledger.compact());
  return ledger;
}

/** The entries as they lie there, for who only looks: nothing is written. */
export async function readLedger(folder: string): Promise<ReadonlyMap<DomainName, LedgerEntry>> {
  return fold((await readIfPresent(join(folder, FILE))) ?? '').entries;
}

/** A full or read-only disk keeps nobody from serving what is there. */
async function tolerant(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof FileError)) throw error;
  });
}

const isWordy = (lines: number, entries: number): boolean => lines - entries > SLACK + entries;

interface Folded {
  readonly entries: Map<DomainName, LedgerEntry>;
  readonly damaged: DamagedLine[];
  readonly lines: number;
  /** Nothing was dropped, and the next line can be appended as it stands. */
  readonly whole: boolean;
}

function fold(text: string): Folded {
  const entries = new Map<DomainName, LedgerEntry>();
  const stanzas = new Map<string, string>();
  const texts = new Texts();
  const damaged: DamagedLine[] = [];
  const lines = text.split('\n');
  const unfinished = lines.pop() ?? '';
  for (const [index, line] of lines.entries()) {
    const change = read(line);
    if (typeof change === 'string') damaged.push({ line: index + 1, problem: change });
    else if ('remove' in change) entries.delete(change.remove);
    else {
      const { put } = change;
      // Most zones have one text, which is read for each of them.
      const own = withoutFile(put.zone, put.stanza);
      const stanza = stanzas.get(own) ?? own;
      stanzas.set(stanza, stanza);
      entries.set(put.zone, { ...put, stanza, since: texts.share(put.since) });
    }
  }
  const whole = unfinished === '' && damaged.length === 0;
  return { entries, damaged, lines: lines.length, whole };
}

/** The change that a line stands for, or why it stands for none. */
function read(line: string): Change | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'it is not JSON';
  }
  if (!isObject(value)) return 'it is not an object';
  if (typeof value['remove'] === 'string') return { remove: value['remove'] as DomainName };
  const problem = isObject(value['put']) ? problemOf(value['put']) : 'it neither puts nor removes';
  return problem ?? (value as unknown as Change);
}

/** Only shapes are checked: the file is ours, and what else may be wrong with it is a broken disk. */
function problemOf(entry: Readonly<Record<string, unknown>>): string | undefined {
  for (const field of ['zone', 'key', 'uid', 'role', 'stanza', 'since']) {
    if (typeof entry[field] !== 'string') return `its ${field} is not text`;
  }
  return undefined;
}

/** What is in the map is what was put, flushed or not; only what is flushed survives a kill. */
export class Ledger {
  /** What was wrong with the file when it was opened. These lines are lost: their zones are not ours any more. */
  readonly damaged: readonly DamagedLine[];
  readonly #path: string;
  readonly #entries: ChangingMap<DomainName, LedgerEntry>;
  #unwritten: Change[] = [];
  #lines: number;
  #file: FileHandle | undefined;
  /** The end of the file is not known to be whole: it is written afresh, never appended to. */
  #torn: boolean;
  #flushing: Promise<void> = Promise.resolve();

  constructor(
    path: string,
    entries: Map<DomainName, LedgerEntry>,
    damaged: readonly DamagedLine[],
    lines: number,
    whole: boolean,
  ) {
    this.#path = path;
    this.#entries = new ChangingMap(entries);
    this.damaged = damaged;
    this.#lines = lines;
    this.#torn = !whole;
  }

  /** As they are now: what is put later is not among them. */
  entries(): ReadonlyMap<DomainName, LedgerEntry> {
    return this.#entries.now;
  }

  get(zone: DomainName): LedgerEntry | undefined {
    return this.#entries.get(zone);
  }

  /**
   * What was read from the file has texts of its own, of thousands of zones: where these say the same, they are kept instead.
   * Nothing else changes, not even the entry's identity.
   */
  share({ zone, key, uid }: Pick<LedgerEntry, 'zone' | 'key' | 'uid'>, hash?: string): void {
    const entry: Writable<LedgerEntry> | undefined = this.#entries.get(zone);
    if (entry === undefined) return;
    if (entry.key === key) entry.key = key;
    if (entry.uid === uid) entry.uid = uid;
    if (hash !== undefined && entry.hash === hash) entry.hash = hash;
  }

  put(entries: Iterable<LedgerEntry>): void {
    for (const put of entries) {
      this.#entries.set(put.zone, put);
      this.#unwritten.push({ put });
    }
  }

  remove(zones: Iterable<DomainName>): void {
    for (const remove of zones) {
      if (this.#entries.get(remove) === undefined) continue;
      this.#entries.set(remove, undefined);
      this.#unwritten.push({ remove });
    }
  }

  /** Writes what has changed, in one go, and waits until it is on the disk. Throws a FileError; then the next one tries again. */
  flush(): Promise<void> {
    const flushed = this.#flushing.then(() => this.#flush());
    this.#flushing = flushed.catch(() => undefined);
    return flushed;
  }

  async #flush(): Promise<void> {
    if (this.#unwritten.length === 0) return;
    if (this.#torn || isWordy(this.#lines + this.#unwritten.length, this.#entries.now.size)) {
      await this.compact();
      return;
    }
    // A copy: what is put while this is written is not written yet.
    const changes = [...this.#unwritten];
    this.#torn = true;
    try {
      this.#file ??= await this.#openFile();
      await this.#file.appendFile(changes.map(lineOf).join(''));
      await this.#file.datasync();
    } catch (error) {
      throw error instanceof FileError ? error : new FileError('write', this.#path, error);
    }
    this.#torn = false;
    this.#lines += changes.length;
    this.#unwritten = this.#unwritten.slice(changes.length);
  }

  async #openFile(): Promise<FileHandle> {
    // A new file is published whole first, so that the folder's entry is on the disk too.
    if (this.#lines === 0) await publish(this.#path, '');
    return open(this.#path, 'a');
  }

  /** Writes the entries into a fresh file, which replaces the old one. */
  async compact(): Promise<void> {
    const written = this.#unwritten.length;
    const lines = [...this.#entries.now.values()].map((put) => lineOf({ put }));
    await publish(this.#path, lines.join(''));
    await this.close();
    this.#torn = false;
    this.#lines = lines.length;
    this.#unwritten = this.#unwritten.slice(written);
  }

  /** What is not flushed is not written. */
  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}

/** Stanzas are written whole, as every release of this agent reads them. */
function lineOf(change: Change): string {
  if ('remove' in change) return `${JSON.stringify(change)}\n`;
  const { put } = change;
  return `${JSON.stringify({ put: { ...put, stanza: stanzaOf(put.zone, put.stanza) } })}\n`;
}
