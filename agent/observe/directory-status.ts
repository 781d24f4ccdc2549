import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { atOnce } from '../at-once.ts';
import { type Clock, timestamp } from '../clock.ts';
import { FileError, makeFolder, publish, readIfPresent, remove } from '../files.ts';
import type { Allocation } from '../plan/registration.ts';
import type { ZoneReport } from '../report/zone-report.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { InvalidObject, Written, ZoneStatus } from './cluster.ts';
import { FolderWatch } from './folder-watch.ts';
import { type Hinted, Hints } from './hints.ts';
import { safeObjectName } from './safe-name.ts';
import {
  documentOf,
  keyOf,
  readShown,
  type StatusDocument,
  shownVersion,
  showStatus,
  versionOf,
  withAgreement,
  withReport,
  zoneStatusOf,
} from './status-document.ts';
import { type Stored, VersionStore } from './version-store.ts';

export interface DirectoryStatusOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly rescanMs: number;
  readonly changed: () => void;
}

interface Known {
  readonly stored: Stored;
  /** Of the document and of its file for people, when last looked at: unchanged ones are not read again. */
  readonly traces: string;
  readonly entry?: { readonly key: ObjectKey; readonly status: ZoneStatus };
}

const ENDING = '.yaml';
const VERSIONS = '.versions';
/** A writer publishes its file for people within some ms; one that has not by now was killed or stopped. */
const REPAIR_MS = 300;
/** Files read or looked at at the same time: libuv works on four, a few more keep it busy. */
const AT_ONCE = 32;
/** How often to look when the system does not tell us of changes. */
const BLIND_RESCAN_MS = 2000;

/**
 * The statuses of all zones: `<namespace>.<name>.yaml` for people and as a signal to other agents, beside it the truth in
 * `.versions/` (see VersionStore). A file that is behind the truth is written anew by whoever finds it.
 */
export class DirectoryStatus {
  readonly #options: DirectoryStatusOptions;
  readonly #store: VersionStore;
  readonly #hints: Hints;
  readonly #known = new Map<string, Known>();
  readonly #behindSince = new Map<string, number>();
  readonly #problems = new Map<string, string>();
  #watch: FolderWatch | undefined;
  #statuses: ReadonlyMap<ObjectKey, ZoneStatus> | undefined;
  #synced = false;

  constructor(options: DirectoryStatusOptions) {
    const { clock, newId, folder } = options;
    this.#options = options;
    this.#store = new VersionStore({ folder: join(folder, VERSIONS), clock, newId });
    this.#hints = new Hints({ clock, look: (hinted) => this.#look(hinted), patienceMs: 50 });
  }

  async start(): Promise<void> {
    const { folder, rescanMs } = this.#options;
    await this.#makeFolders();
    this.#watch = new FolderWatch([folder], {
      hint: (_folder, entry) => this.#hint(entry),
      failed: (error) => {
        this.#tell('watch', error);
        void this.#hints.every(BLIND_RESCAN_MS);
      },
    });
    await this.#watch.ready();
    this.#hints.add();
    void this.#hints.every(rescanMs);
  }

  /** Every status was read once. */
  get synced(): boolean {
    return this.#synced;
  }

  get statuses(): ReadonlyMap<ObjectKey, ZoneStatus> {
    this.#statuses ??= new Map(
      [...this.#known.values()].flatMap(({ entry }) =>
        entry === undefined ? [] : [[entry.key, entry.status]],
      ),
    );
    return this.#statuses;
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
    await this.#put(name, base, { ...nameOf(zone), status: {}, removed: true });
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
    const version = versionOf(await this.#put(name, base, { ...nameOf(zone), status }));
    return version === undefined ? { kind: 'conflict' } : { kind: 'written', version };
  }

  /** The newest version; the known one where that is the wanted one: a link tells whether it really is the newest. */
  async #newest(name: string, at: string | undefined): Promise<Stored | undefined> {
    const known = this.#known.get(name);
    if (at !== undefined && versionOf(known?.stored) === at) return known?.stored;
    const stored = await this.#read(name);
    this.#adopt(name, known, stored);
    return stored;
  }

  async #put(
    name: string,
    base: Stored | undefined,
    document: StatusDocument,
  ): Promise<Stored | undefined> {
    const known = this.#known.get(name);
    const stored = await this.#store.put(name, base, document);
    this.#adopt(name, known, stored ?? (await this.#read(name)));
    if (stored === undefined) return undefined;
    try {
      await this.#show(name, stored);
    } catch (error) {
      // It is written all the same; the file for people is repaired by whoever looks at it next.
      this.#tell(name, error);
      this.#hints.add(name);
    }
    return stored;
  }

  async #read(name: string): Promise<Stored | undefined> {
    const stored = await this.#store.read(name);
    if (stored === undefined || documentOf(stored) !== undefined) return stored;
    // Lost in a power failure: the file for people may have survived, and knows as much.
    const shown = await readIfPresent(this.#pathOf(name));
    return { ...stored, body: shown === undefined ? undefined : readShown(shown) };
  }

  /** Makes known what was read or written; `before` is what was known when that began. */
  #adopt(name: string, before: Known | undefined, stored: Stored | undefined, traces = ''): void {
    // Somebody else was quicker, maybe with something newer: look again.
    if (this.#known.get(name) !== before) {
      this.#hints.add(name);
      return;
    }
    const same = before?.stored.n === stored?.n && before?.stored.id === stored?.id;
    if (stored === undefined) this.#known.delete(name);
    else {
      const entry = same ? before?.entry : entryOf(stored);
      this.#known.set(name, { stored, traces, ...(entry === undefined ? {} : { entry }) });
    }
    if (same) return;
    this.#statuses = undefined;
    if (this.#synced) this.#options.changed();
  }

  /** Writes the file for people, and again as long as somebody's newer version may have been overwritten by it. */
  async #show(name: string, stored: Stored): Promise<void> {
    const path = this.#pathOf(name);
    for (let shown: Stored | undefined = stored; shown !== undefined; ) {
      const document = documentOf(shown);
      const version = versionOf(shown);
      if (document === undefined || version === undefined) await remove(path);
      else await publish(path, showStatus(version, document), { fsync: false });
      const versions = await this.#store.versions(name);
      if (Math.max(0, ...versions) <= shown.n) {
        await this.#store.clean(name, versions, shown.n);
        return;
      }
      shown = await this.#read(name);
    }
  }

  #hint(entry: string | undefined): void {
    if (entry === undefined) this.#hints.add();
    else if (entry.endsWith(ENDING) && !entry.startsWith('.')) {
      this.#hints.add(entry.slice(0, -ENDING.length));
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
      void this.#hints.addIn(BLIND_RESCAN_MS);
    }
  }

  async #names(): Promise<Set<string>> {
    const { folder } = this.#options;
    // Removed under us, with all in it: begin anew.
    await this.#makeFolders();
    const shown = await readdir(folder).catch((cause: unknown) => {
      throw new FileError('read', folder, cause);
    });
    this.#problems.delete('folder');
    const names = shown
      .filter((entry) => entry.endsWith(ENDING) && !entry.startsWith('.'))
      .map((entry) => entry.slice(0, -ENDING.length));
    return new Set([...names, ...(await this.#store.names()), ...this.#known.keys()]);
  }

  async #makeFolders(): Promise<void> {
    await makeFolder(this.#options.folder);
    await this.#store.open();
  }

  async #check(name: string, unlessUnchanged: boolean): Promise<void> {
    try {
      const known = this.#known.get(name);
      const traces = unlessUnchanged ? await this.#traces(name) : '';
      if (unlessUnchanged && known?.traces === traces) return;
      const text = await readIfPresent(this.#pathOf(name));
      const shown = text === undefined ? undefined : (shownVersion(text) ?? 'unknown');
      const stored = await this.#readUnless(name, known, shown);
      const good = shown === versionOf(stored);
      this.#adopt(name, known, stored, good ? traces : '');
      if (good || stored === undefined) this.#behindSince.delete(name);
      else await this.#behind(name, stored);
      this.#problems.delete(name);
    } catch (error) {
      this.#tell(name, error);
    }
  }

  /** The newest version; the known one where the file for people shows it, and its number is still the highest. */
  async #readUnless(
    name: string,
    known: Known | undefined,
    shown: string | undefined,
  ): Promise<Stored | undefined> {
    if (known !== undefined && shown !== undefined && shown === versionOf(known.stored)) {
      const newest = Math.max(0, ...(await this.#store.versions(name)));
      if (newest === known.stored.n) return known.stored;
    }
    return this.#read(name);
  }

  async #behind(name: string, stored: Stored): Promise<void> {
    const now = this.#options.clock.monotonic();
    const since = this.#behindSince.get(name);
    if (since === undefined || now - since < REPAIR_MS) {
      this.#behindSince.set(name, since ?? now);
      void this.#hints.addIn(REPAIR_MS, name);
    } else {
      this.#behindSince.delete(name);
      await this.#show(name, stored);
    }
  }

  async #traces(name: string): Promise<string> {
    const traces = await Promise.all(
      [this.#pathOf(name), this.#store.folderOf(name)].map(async (path) => {
        const found = await stat(path, { bigint: true }).catch(() => undefined);
        return found === undefined ? '' : `${found.ino}:${found.mtimeNs}:${found.ctimeNs}`;
      }),
    );
    return traces.join(' ');
  }

  #pathOf(name: string): string {
    return join(this.#options.folder, `${name}${ENDING}`);
  }

  #tell(what: string, error: unknown): void {
    const problem = error instanceof Error ? error.message : String(error);
    if (this.#problems.get(what) === problem) return;
    this.#problems.set(what, problem);
    this.#options.changed();
  }
}

const nameOf = (zone: ObjectKey): { namespace: string; name: string } => {
  const slash = zone.indexOf('/');
  return { namespace: zone.slice(0, slash), name: zone.slice(slash + 1) };
};

function fileNameOf(zone: ObjectKey): string {
  const { namespace, name } = nameOf(zone);
  return safeObjectName(namespace, name);
}

function entryOf(stored: Stored): Known['entry'] {
  const document = documentOf(stored);
  const version = versionOf(stored);
  if (document === undefined || version === undefined) return undefined;
  return { key: keyOf(document), status: zoneStatusOf(version, document.status) };
}
