import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import type { ZoneContent } from '../dns/zone-text.ts';
import type { Action, Target } from '../plan/action.ts';
import { ShortMemory } from '../short-memory.ts';
import { replaceContent } from './replace-content.ts';
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

type Updated = 'updated' | 'stale' | 'refused' | Overtaken;

/** A secondary registers, and is notified from then on; what was loaded shortly before may have missed it. */
const FRESH_MS = 30_000;
const READS_AT_ONCE = 8;
const QUESTIONS_AT_ONCE = 64;
const ARRIVE_POLL_MS = 20;
const ARRIVE_MS = 30_000;

/**
 * Brings new content into zones that named serves: by DNS update, which costs what changed, survives a kill and gives
 * secondaries an IXFR; by a whole new file where the change is large, or what named serves is not known record by record.
 */
export class ContentLoader {
  readonly #deps: ContentLoaderDeps;
  readonly #known = new Map<DomainName, Target>();
  readonly #fresh: ShortMemory<DomainName, true>;

  constructor(deps: ContentLoaderDeps) {
    this.#deps = deps;
    this.#fresh = new ShortMemory(FRESH_MS, deps.clock);
  }

  /** named serves just this: it was loaded now, or by an earlier run under the same hash and serial. */
  learn(zone: DomainName, target: Target): void {
    this.#known.set(zone, target);
  }

  /** It was loaded just now. */
  loaded(zone: DomainName, target: Target): void {
    this.learn(zone, target);
    this.#fresh.put(zone, true);
  }

  /** Its content was loaded in the last half minute. */
  isFresh(zone: DomainName): boolean {
    return this.#fresh.get(zone) === true;
  }

  /**
   * Waits for zones that named loads by itself, as after a `reconfig`; gives those that it serves under these serials. One that
   * its log calls wrong is not waited for.
   *
   * @param signal ends the waiting
   */
  async arrived(
    wanted: ReadonlyMap<DomainName, Serial>,
    since: number,
    signal: AbortSignal,
  ): Promise<ReadonlySet<DomainName>> {
    const { serialHere, loadProblem, clock } = this.#deps;
    const deadline = clock.monotonic() + ARRIVE_MS;
    const arrived = new Set<DomainName>();
    let open = [...wanted];
    while (open.length > 0) {
      await atOnce(QUESTIONS_AT_ONCE, open, async ([zone, serial]) => {
        if ((await serialHere(zone)) === serial) arrived.add(zone);
      });
      open = open.filter(([zone]) => !arrived.has(zone) && loadProblem(zone, since) === undefined);
      if (signal.aborted || clock.monotonic() >= deadline) break;
      if (open.length > 0) await clock.sleep(ARRIVE_POLL_MS);
    }
    return arrived;
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
      if (outcome === undefined || outcome === 'stale' || outcome === 'refused')
        byFile.push(action);
      else finish(action, outcome === 'updated' ? undefined : outcome);
    }
    for (const action of byFile) {
      signal.throwIfAborted();
      this.forget(action.zone);
      finish(action, await replaceContent(action, this.#deps, signal));
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
    const sent: { readonly zone: DomainName; readonly from: Serial; readonly to: Serial }[] = [];
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
      sent.push({ zone, from: from.serial, to: target.serial });
    }
    if (changes.length === 0) return outcomes;
    const answers = await this.#deps.update(changes, signal);
    await Promise.all(
      sent.map(async ({ zone, from, to }) => {
        const answer = answers.get(zone)?.kind ?? 'unknown';
        const served = answer === 'stale' ? undefined : await this.#deps.serialHere(zone);
        outcomes.set(zone, updated(answer, served, from, to));
      }),
    );
    return outcomes;
  }
}

/** Whether an update took that nobody answered is for the wire to say. Its serial alone does not tell whose it is. */
function updated(
  answer: UpdateOutcome['kind'],
  served: Serial | undefined,
  from: Serial,
  to: Serial,
): Updated {
  switch (answer) {
    case 'stale':
      return 'stale';
    case 'refused':
      // named may refuse before it looks at the prerequisite: what came in between must not be written over.
      return served === from ? 'refused' : 'stale';
    case 'applied':
    case 'unknown':
      return served === to ? 'updated' : 'stale';
  }
}

const isSame = (a: Target, b: Target): boolean =>
  a.serial === b.serial && a.content.hash === b.content.hash;
