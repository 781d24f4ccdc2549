import { atOnce } from '../at-once.ts';
import { type Clock, timestamp } from '../clock.ts';
import { ChangingMap } from '../layered-map.ts';
import type { Allocation } from '../plan/registration.ts';
import { failureOf } from '../problem.ts';
import type { ZoneReport } from '../report/zone-report.ts';
import { type ObjectKey, partsOfKey } from '../resources/types.ts';
import type { InvalidObject, Written, ZoneStatus } from './cluster.ts';
import { BLIND_RESCAN_MS, FolderWatch, WATCH_BEGINS_MS } from './folder-watch.ts';
import { type Hinted, Hints } from './hints.ts';
import { safeObjectName } from './safe-name.ts';
import {
  documentOf,
  keyOf,
  type StatusDocument,
  versionOf,
  withAgreement,
  withReport,
  zoneStatusOf,
} from './status-document.ts';
import { StatusFiles, statusNameOf } from './status-files.ts';
import { descends, type Stored } from './version-store.ts';

export interface DirectoryStatusOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly rescanMs: number;
  /** Only looks: no folder is made, and no file repaired. */
  readonly onlooks?: boolean;
  readonly changed: () => void;
}

interface Known {
  readonly stored: Stored;
  /** Of the document and of its file for people, when last looked at: unchanged ones are not read again. */
  readonly trace: string;
  readonly entry?: { readonly key: ObjectKey; readonly status: ZoneStatus };
}

/** A writer publishes its file for people within some ms; one that has not by now was killed or stopped. */
const REPAIR_MS = 300;
/** Files read or looked at at the same time: libuv works on four, a few more keep it busy. */
const AT_ONCE = 32;

/**
 * The statuses of all zones, as this agent knows and writes them. A file for people that is behind the truth is written
 * anew by whoever finds it.
 */
export class DirectoryStatus {
  readonly #options: DirectoryStatusOptions;
  readonly #files: StatusFiles;
  readonly #hints: Hints;
  readonly #known = new Map<string, Known>();
  readonly #behindSince = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  #watch: FolderWatch | undefined;
  readonly #statuses = new ChangingMap<ObjectKey, ZoneStatus>();
  #synced = false;

  constructor(options: DirectoryStatusOptions) {
    const { clock } = options;
    this.#options = options;
    this.#files = new StatusFiles(options);
    this.#hints = new Hints({ clock, look: (hinted) => this.#look(hinted), patienceMs: 50 });
  }

  async start(): Promise<void> {
    const { folder, rescanMs } = this.#options;
    // Folders that cannot be made are told, and tried again, by the looks.
    await failureOf(this.#makeFolders());
    this.#watch = await FolderWatch.open([folder], {
      hint: (_folder, entry) => this.#hint(entry),
      failed: (error) => {
        this.#tell('watch', error);
        void this.#hints.every(BLIND_RESCAN_MS);
      },
    });
    this.#hints.add();
    void this.#hints.every(rescanMs);
  }

  /** Every status was read once. */
  get synced(): boolean {
    return this.#synced;
  }

  get statuses(): ReadonlyMap<ObjectKey, ZoneStatus> {
    return this.#statuses.now;
  }

  get invalid(): readonly InvalidObject[] {
    const { folder } = this.#options;
    return [...this.#problems.values()].map((problem) => ({
      object: `folder ${folder}`,
      problems: [{ path: '', problem }],
    }));
  }

  agree(
    zone: ObjectKey,
    at: string | undefined,
    fields: { readonly allocated?: Allocation; readonly writer?: string },
  ): Promise<Written> {
    return this.#write(zone, at, (status) => withAgreement(status, fields));
  }

  report(zone: ObjectKey, at: string | undefined, report: ZoneReport): Promise<Written> {
    return this.#write(zone, at, (status) => withReport(status, report));
  }

  /** Removes the status of a zone that is no more. */
  async remove(zone: ObjectKey, at: string): Promise<void> {
    const name = fileNameOf(zone);
    const base = await this.#newest(name, at);
    if (base === undefined || versionOf(base) !== at) return;
    await this.#put(name, base, { ...partsOfKey(zone), status: {}, removed: true });
  }

  async stop(): Promise<void> {
    await this.#hints.close();
    await this.#watch?.close();
  }

  async #write(
    zone: ObjectKey,
    at: string | undefined,
    change: (status: StatusDocument['status']) => StatusDocument['status'],
  ): Promise<Written> {
    const name = fileNameOf(zone);
    const base = await this.#newest(name, at);
    if (versionOf(base) !== at) return { kind: 'conflict' };
    const old = at === undefined || base === undefined ? undefined : documentOf(base)?.status;
    const status = change(old ?? { firstSeen: timestamp(this.#options.clock.now()) });
    const version = versionOf(await this.#put(name, base, { ...partsOfKey(zone), status }));
    return version === undefined ? { kind: 'conflict' } : { kind: 'written', version };
  }

  /** The newest version; the known one where that is the wanted one: a link tells whether it really is the newest. */
  async #newest(name: string, at: string | undefined): Promise<Stored | undefined> {
    const known = this.#known.get(name);
    if (at !== undefined && versionOf(known?.stored) === at) return known?.stored;
    const stored = await this.#files.read(name);
    this.#adopt(name, known, stored);
    return stored;
  }

  async #put(
    name: string,
    base: Stored | undefined,
    document: StatusDocument,
  ): Promise<Stored | undefined> {
    const known = this.#known.get(name);
    const stored = await this.#files.put(name, base, document);
    this.#adopt(name, known, stored ?? (await this.#files.read(name)));
    if (stored === undefined) return undefined;
    try {
      await this.#files.show(name, stored);
    } catch (error) {
      // It is written all the same; the file for people is repaired by whoever looks at it next.
      this.#tell(name, error);
      this.#hints.add(name);
    }
    return stored;
  }

  /** Makes known what was read or written; `before` is what was known when that began. */
  #adopt(name: string, before: Known | undefined, stored: Stored | undefined, trace = ''): void {
    const now = this.#known.get(name);
    if (now !== before && !descends(stored, now?.stored)) {
      // Somebody else was quicker. If that is not newer for sure, look again.
      if (!descends(now?.stored, stored)) this.#hints.add(name);
      return;
    }
    const same = now?.stored.n === stored?.n && now?.stored.id === stored?.id;
    if (stored === undefined) this.#known.delete(name);
    else {
      const entry = same ? now?.entry : entryOf(stored);
      this.#known.set(name, { stored, trace, ...(entry === undefined ? {} : { entry }) });
    }
    if (same) return;
    this.#replace(now?.entry, this.#known.get(name)?.entry);
    if (this.#synced) this.#options.changed();
  }

  #replace(before: Known['entry'], now: Known['entry']): void {
    if (before !== undefined) this.#statuses.set(before.key, undefined);
    if (now !== undefined) this.#statuses.set(now.key, now.status);
  }

  #hint(entry: string | undefined): void {
    if (entry === undefined) this.#hints.add();
    else {
      const name = statusNameOf(entry);
      if (name !== undefined) this.#hints.add(name);
    }
  }

  async #look(hinted: Hinted): Promise<void> {
    try {
      const all = hinted === 'all';
      const names = all ? await this.#names() : hinted;
      await atOnce(AT_ONCE, [...names], (name) => this.#check(name, all));
      if (this.#synced) return;
      this.#synced = true;
      this.#options.changed();
    } catch (error) {
      this.#tell('folder', error);
      void this.#hints.addAllIn(BLIND_RESCAN_MS);
    }
  }

  async #names(): Promise<Set<string>> {
    // The folder may have been removed under us, with all in it: begin anew.
    await this.#makeFolders();
    if (await this.#watch?.renew()) void this.#hints.addAllIn(WATCH_BEGINS_MS);
    const names = await this.#files.names();
    this.#mend('folder');
    return new Set([...names, ...this.#known.keys()]);
  }

  async #makeFolders(): Promise<void> {
    if (!this.#options.onlooks) await this.#files.makeFolders();
  }

  async #check(name: string, unlessUnchanged: boolean): Promise<void> {
    try {
      const known = this.#known.get(name);
      const trace = unlessUnchanged ? await this.#files.trace(name) : '';
      if (unlessUnchanged && known?.trace === trace) return;
      const shown = await this.#files.shownVersion(name);
      const stored = await this.#files.readUnlessKnown(name, known?.stored, shown);
      const good = shown === versionOf(stored);
      this.#adopt(name, known, stored, good ? trace : '');
      if (good || stored === undefined || this.#options.onlooks) this.#behindSince.delete(name);
      else await this.#behind(name, stored);
      this.#mend(name);
    } catch (error) {
      this.#tell(name, error);
    }
  }

  async #behind(name: string, stored: Stored): Promise<void> {
    const now = this.#options.clock.monotonic();
    const since = this.#behindSince.get(name);
    if (since === undefined || now - since < REPAIR_MS) {
      this.#behindSince.set(name, since ?? now);
      void this.#hints.addIn(REPAIR_MS, name);
    } else {
      this.#behindSince.delete(name);
      await this.#files.show(name, stored);
    }
  }

  #mend(what: string): void {
    if (this.#problems.delete(what)) this.#options.changed();
  }

  #tell(what: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (this.#problems.get(what) === problem) return;
    this.#problems.set(what, problem);
    this.#options.changed();
  }
}

function fileNameOf(zone: ObjectKey): string {
  const { namespace, name } = partsOfKey(zone);
  return safeObjectName(namespace, name);
}

function entryOf(stored: Stored): Known['entry'] {
  const document = documentOf(stored);
  const version = versionOf(stored);
  if (document === undefined || version === undefined) return undefined;
  return { key: keyOf(document), status: zoneStatusOf(version, document.status) };
}
