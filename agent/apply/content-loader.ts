import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import type { ZoneContent } from '../dns/zone-text.ts';
import { type Draft, FileError } from '../files.ts';
import type { Action, Target } from '../plan/action.ts';
import type { UpdateOutcome } from './update.ts';
import { fitsUpdate } from './update-script.ts';
import { type ZoneChange, zoneChange } from './zone-change.ts';
import type { ZoneCommander } from './zone-commands.ts';
import type { ZoneFiles } from './zone-files.ts';

export interface ContentLoaderDeps {
  readonly command: ZoneCommander;
  readonly files: ZoneFiles;
  readonly clock: Clock;
  /** The serial that our named answers with over loopback; undefined where it does not serve the zone. */
  readonly serialHere: (zone: DomainName) => Promise<Serial | undefined>;
  readonly update: (
    changes: readonly ZoneChange[],
    signal: AbortSignal,
  ) => Promise<ReadonlyMap<DomainName, UpdateOutcome>>;
  /** What named serves, by transfer over loopback. */
  readonly readBack: (zone: DomainName) => Promise<Target | undefined>;
  /** Why named has not loaded a zone since `since` (by the wall clock), if its log says so. */
  readonly loadProblem: (zone: DomainName, since: number) => string | undefined;
}

export type LoadAction = Extract<Action, { kind: 'load' }>;

/** named serves something else under this serial, or a newer one: an update of an earlier run that came late. */
export interface Overtaken {
  readonly served: Target;
}

/** Why a zone's content could not be loaded; undefined: it is served. */
export type LoadOutcome = string | Overtaken | undefined;

type Updated = 'updated' | 'stale' | Overtaken;

/** How long a zone may take to load after named was told to; big ones need seconds. */
const LOAD_TIMEOUT_MS = 30_000;
/** How long named may take to write a zone; a million records take about a second. */
const DUMP_TIMEOUT_MS = 10_000;
const POLL_MS = 10;
const READS_AT_ONCE = 8;

/**
 * Brings new content into zones that named serves: by DNS update, which costs what changed, survives a kill and gives
 * secondaries an IXFR; by a whole new file where the change is large, or what named serves is not known record by record.
 */
export class ContentLoader {
  readonly #deps: ContentLoaderDeps;
  readonly #known = new Map<DomainName, Target>();
  readonly #loadedAt = new Map<DomainName, number>();

  constructor(deps: ContentLoaderDeps) {
    this.#deps = deps;
  }

  /** named serves just this: it was loaded now, or by an earlier run under the same hash and serial. */
  learn(zone: DomainName, target: Target): void {
    this.#known.set(zone, target);
  }

  /** It was loaded just now. */
  loaded(zone: DomainName, target: Target): void {
    this.learn(zone, target);
    this.#loadedAt.set(zone, this.#deps.clock.monotonic());
  }

  /** Milliseconds since this run of the agent loaded new content; infinite where it has not. */
  sinceLoaded(zone: DomainName): number {
    return this.#deps.clock.monotonic() - (this.#loadedAt.get(zone) ?? Number.NEGATIVE_INFINITY);
  }

  knows(zone: DomainName): boolean {
    return this.#known.has(zone);
  }

  forget(zone: DomainName): void {
    this.#known.delete(zone);
  }

  /** What named serves, record by record; undefined where it cannot be told. */
  async served(zone: DomainName): Promise<ZoneContent | undefined> {
    await this.#readUnknown([{ zone }]);
    return this.#known.get(zone)?.content;
  }

  /**
   * @param signal stops between two zones, or while one is waited for: rejects with its reason then
   * @param done is told what came of each zone
   */
  async load(
    actions: readonly LoadAction[],
    signal: AbortSignal,
    done: (action: LoadAction, outcome: LoadOutcome) => void,
  ): Promise<void> {
    const first = await this.#update(actions, signal);
    // Somebody else has changed the zone since it was read: read it once more.
    const stale = actions.filter(({ zone }) => first.get(zone) === 'stale');
    for (const { zone } of stale) this.forget(zone);
    const updated = new Map([...first, ...(await this.#update(stale, signal))]);
    const finish = (action: LoadAction, outcome: LoadOutcome): void => {
      if (outcome === undefined) this.loaded(action.zone, action.target);
      done(action, outcome);
    };
    const byFile: LoadAction[] = [];
    for (const action of actions) {
      const outcome = updated.get(action.zone);
      if (outcome === undefined || outcome === 'stale') byFile.push(action);
      else finish(action, outcome === 'updated' ? undefined : outcome);
    }
    for (const action of byFile) {
      signal.throwIfAborted();
      finish(action, await this.#loadByFile(action, signal));
    }
  }

  /** A zone that an earlier run or somebody else changed is read first, so that an update can change it. */
  async #readUnknown(actions: readonly Pick<LoadAction, 'zone'>[]): Promise<void> {
    const unknown = actions.filter(({ zone }) => !this.#known.has(zone));
    await atOnce(READS_AT_ONCE, unknown, async ({ zone }) => {
      const served = await this.#deps.readBack(zone);
      if (served !== undefined) this.learn(zone, served);
    });
  }

  /** What came of changing zones by update; those that are missing are too much for one, or cannot be read. */
  async #update(
    actions: readonly LoadAction[],
    signal: AbortSignal,
  ): Promise<Map<DomainName, Updated>> {
    await this.#readUnknown(actions);
    const outcomes = new Map<DomainName, Updated>();
    const changes: ZoneChange[] = [];
    const serials = new Map<DomainName, Serial>();
    for (const { zone, target } of actions) {
      const from = this.#known.get(zone);
      if (from === undefined) continue;
      if (!isNewer(target.serial, from.serial)) {
        outcomes.set(zone, isSame(from, target) ? 'updated' : { served: from });
        continue;
      }
      const change = zoneChange(zone, from, target);
      if (!fitsUpdate(change)) continue;
      changes.push(change);
      serials.set(zone, target.serial);
    }
    if (changes.length === 0) return outcomes;
    const answers = await this.#deps.update(changes, signal);
    await Promise.all(
      [...serials].map(async ([zone, serial]) => {
        // Whether an update took that nobody answered is for the wire to say. Its serial alone does not tell whose it is.
        const isStale = answers.get(zone)?.kind === 'stale';
        const took = !isStale && (await this.#deps.serialHere(zone)) === serial;
        outcomes.set(zone, took ? 'updated' : 'stale');
      }),
    );
    return outcomes;
  }

  /** Replaces a zone whole. A full disk is the matter of the zones on it, not of those that come after. */
  async #loadByFile(action: LoadAction, signal: AbortSignal): Promise<LoadOutcome> {
    this.forget(action.zone);
    try {
      // What the disk has no room for fails here, before anything was touched.
      const draft = await this.#deps.files.draft(action.zone, action.target);
      try {
        return await this.#loadDraft(action, draft, signal);
      } finally {
        await draft.discard();
      }
    } catch (error) {
      if (error instanceof FileError) return error.message;
      throw error;
    }
  }

  /** Content that named refuses gives way to the last good one at once. */
  async #loadDraft(
    { zone, target }: LoadAction,
    draft: Draft,
    signal: AbortSignal,
  ): Promise<LoadOutcome> {
    const { command, files, clock } = this.#deps;
    const since = clock.now();
    // named writes what its journal holds into the file, and lets go of the file until the thaw.
    await command('freeze', zone);
    try {
      if (!(await this.#awaitDump(zone, signal)))
        return `named did not write the zone into its file within ${DUMP_TIMEOUT_MS / 1000} s`;
      await files.replace(zone, draft);
    } finally {
      await command('thaw', zone);
    }
    const why = await this.#awaitSerial(zone, target.serial, since, signal);
    if (why === undefined) {
      await files.settle(zone);
      return undefined;
    }
    await command('freeze', zone);
    // It may have loaded at the last moment: then the old file would take the serial back at the next start.
    const late = (await this.#deps.serialHere(zone)) === target.serial;
    await (late ? files.settle(zone) : files.restore(zone));
    await command('thaw', zone);
    if (late) return undefined;
    return `named refuses the new content, the last good one is served: ${why}`;
  }

  /**
   * `freeze` answers before named has written the file: one put there meanwhile would be written over. And where named
   * cannot write, what its journal holds is nowhere else.
   */
  async #awaitDump(zone: DomainName, signal: AbortSignal): Promise<boolean> {
    const { files, clock, serialHere } = this.#deps;
    const served = await serialHere(zone);
    const deadline = clock.monotonic() + DUMP_TIMEOUT_MS;
    while (served !== undefined && (await files.serialOf(zone)) !== served) {
      if (clock.monotonic() > deadline) return false;
      await clock.sleep(POLL_MS);
      signal.throwIfAborted();
    }
    return true;
  }

  async #awaitSerial(
    zone: DomainName,
    serial: Serial,
    since: number,
    signal: AbortSignal,
  ): Promise<LoadOutcome> {
    const { clock, serialHere, loadProblem } = this.#deps;
    const deadline = clock.monotonic() + LOAD_TIMEOUT_MS;
    while (clock.monotonic() < deadline) {
      if ((await serialHere(zone)) === serial) return undefined;
      const why = loadProblem(zone, since);
      if (why !== undefined) return why;
      await clock.sleep(POLL_MS);
      signal.throwIfAborted();
    }
    return `serial ${serial} was not served within ${LOAD_TIMEOUT_MS / 1000} s`;
  }
}

const isSame = (a: Target, b: Target): boolean =>
  a.serial === b.serial && a.content.hash === b.content.hash;
