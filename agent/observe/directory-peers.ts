import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import { FileError, makeFolder, readIfPresent, remove } from '../files.ts';
import type { Peer, Registration } from '../plan/registration.ts';
import { failureOf, type Problem } from '../problem.ts';
import type { InvalidObject } from './cluster.ts';
import { FolderWatch, WATCH_BEGINS_MS } from './folder-watch.ts';
import { Hints } from './hints.ts';
import { type Lease, OwnRegistration } from './own-registration.ts';
import { parseRegistration } from './registration-file.ts';
import { registrationInFolder } from './registration-in-folder.ts';
import { type Arrival, RollCall } from './roll-call.ts';
import { safeName } from './safe-name.ts';

export interface DirectoryPeersOptions {
  readonly folder: string;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly lease: Lease;
  /** This pod's name: never a peer, also where an earlier pod of the name left its registration. */
  readonly pod?: string;
  /** Only looks: the folder is not made, and the files of those who are gone stay. */
  readonly onlooks?: boolean;
  readonly changed: () => void;
}

/** One file as last read. */
interface Seen {
  /** Of the file's stat: unchanged, it is not read again. */
  readonly trace: string;
  readonly text: string;
  readonly registration?: Registration;
  readonly problems: readonly Problem[];
  /** Watched time at which this text came. */
  readonly arrived: number;
}

const ENDING = '.json';
/** Files read or looked at at the same time: libuv works on four, a few more keep it busy. */
const AT_ONCE = 32;

/** The pods that share a folder, each by a file that it renews. The file of one that is no peer any more is removed. */
export class DirectoryPeers {
  readonly #options: DirectoryPeersOptions;
  readonly #hints: Hints;
  readonly #rollCall: RollCall;
  readonly #own: OwnRegistration;
  readonly #seen = new Map<string, Seen>();
  #watch: FolderWatch | undefined;
  #problem: string | undefined;
  #synced = false;

  constructor(options: DirectoryPeersOptions) {
    const { clock, lease, folder } = options;
    this.#options = options;
    this.#hints = new Hints({ clock, look: () => this.#look(), patienceMs: 50 });
    this.#rollCall = new RollCall(clock, lease);
    this.#own = new OwnRegistration({ ...options, place: registrationInFolder(folder, clock) });
  }

  async start(): Promise<void> {
    const { folder } = this.#options;
    // A folder that cannot be made is told, and tried again, by the looks.
    await failureOf(this.#makeFolder());
    this.#watch = await FolderWatch.open([folder], {
      hint: (_folder, name) => {
        if (name === undefined || isRegistration(name)) this.#hints.add();
      },
      // Nothing is lost but time: the folder is looked at every few seconds anyway.
      failed: () => undefined,
    });
    this.#hints.add();
    void this.#hints.every(this.#rollCall.lookMs);
  }

  get synced(): boolean {
    return this.#synced;
  }

  get peers(): ReadonlyMap<string, Peer> {
    return this.#rollCall.peers;
  }

  get invalid(): readonly InvalidObject[] {
    const { folder, pod } = this.#options;
    const told = (object: string, problem: string | undefined): InvalidObject[] =>
      problem === undefined ? [] : [{ object, problems: [{ path: '', problem }] }];
    return [
      ...told(`folder ${folder}`, this.#problem),
      ...told(`registration ${this.#own.pod ?? pod ?? ''}`, this.#own.problem),
      ...[...this.#seen].flatMap(([name, { problems }]) =>
        problems.length === 0 ? [] : [{ object: join(folder, name), problems }],
      ),
    ];
  }

  register(registration: Registration): Promise<void> {
    return this.#own.register(registration);
  }

  deregister(): Promise<void> {
    return this.#own.deregister();
  }

  async stop(): Promise<void> {
    await this.#own.stop();
    await this.#hints.close();
    await this.#watch?.close();
  }

  async #look(): Promise<void> {
    const before = { invalid: this.invalid, synced: this.#synced, peers: this.peers };
    try {
      await this.#readAll();
      this.#problem = undefined;
      this.#synced = true;
      await this.#own.check();
    } catch (error) {
      this.#problem = error instanceof Error ? error.message : String(error);
    }
    const after = { invalid: this.invalid, synced: this.#synced, peers: this.peers };
    if (!isDeepStrictEqual(before, after)) this.#options.changed();
  }

  async #readAll(): Promise<void> {
    const { folder, onlooks } = this.#options;
    await this.#makeFolder();
    if (await this.#watch?.renew()) void this.#hints.addAllIn(WATCH_BEGINS_MS);
    const names = await readdir(folder).catch((cause: unknown) => {
      if (onlooks === true && isMissing(cause)) return [];
      throw new FileError('read', folder, cause);
    });
    const files = new Set(names.filter(isRegistration));
    const now = this.#rollCall.look();
    await atOnce(AT_ONCE, [...files], (name) => this.#read(name, now));
    for (const name of this.#seen.keys()) if (!files.has(name)) this.#seen.delete(name);
    for (const [name, seen] of this.#seen)
      if (this.#rollCall.isGone(seen, now)) await this.#removeUnlessRenewed(name, seen.text);
    const inOrder = [...this.#seen].sort(byName);
    this.#rollCall.call(
      inOrder.flatMap(([, seen]) => this.#arrival(seen) ?? []),
      now,
    );
  }

  #arrival({ registration, arrived }: Seen): Arrival | undefined {
    const other = registration !== undefined && !this.#isOwn(registration);
    return other ? { registration, arrived } : undefined;
  }

  async #read(name: string, now: number): Promise<void> {
    const path = join(this.#options.folder, name);
    const found = await stat(path, { bigint: true }).catch(() => undefined);
    if (found === undefined) return;
    const seen = this.#seen.get(name);
    const trace = `${found.ino}:${found.size}:${found.mtimeNs}:${found.ctimeNs}`;
    if (seen?.trace === trace) return;
    const text = await readIfPresent(path);
    if (text === undefined) return;
    const parsed = parseRegistration(text);
    this.#seen.set(name, {
      trace,
      text,
      // The same text again is no renewal: somebody touched or copied the file.
      arrived: seen?.text === text ? seen.arrived : now,
      ...read(name, parsed),
    });
  }

  #isOwn({ pod }: Registration): boolean {
    return pod === (this.#own.pod ?? this.#options.pod);
  }

  async #makeFolder(): Promise<void> {
    if (!this.#options.onlooks) await makeFolder(this.#options.folder);
  }

  async #removeUnlessRenewed(name: string, text: string): Promise<void> {
    if (this.#options.onlooks) return;
    const path = join(this.#options.folder, name);
    // Not removable, e.g. on a read-only volume: it is no peer all the same.
    if ((await readIfPresent(path)) === text) await remove(path).catch(() => undefined);
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'ENOENT';

const isRegistration = (name: string): boolean => name.endsWith(ENDING) && !name.startsWith('.');

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number =>
  a < b ? -1 : 1;

function read(
  name: string,
  parsed: ReturnType<typeof parseRegistration>,
): Pick<Seen, 'registration' | 'problems'> {
  if (!parsed.ok) return { problems: parsed.problems };
  const { registration } = parsed.value;
  const wanted = `${safeName(registration.pod)}${ENDING}`;
  if (name === wanted) return { registration, problems: [] };
  return { problems: [{ path: 'pod', problem: `want the file to be named ${wanted}` }] };
}
