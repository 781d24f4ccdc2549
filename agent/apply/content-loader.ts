import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { Action, Target } from '../plan/action.ts';
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
  readonly update: (changes: readonly ZoneChange[]) => Promise<unknown>;
  /** Why named has not loaded a zone since `since` (by the wall clock), if its log says so. */
  readonly loadProblem: (zone: DomainName, since: number) => string | undefined;
}

export type LoadAction = Extract<Action, { kind: 'load' }>;

/** Why a zone's content could not be loaded; undefined: it is served. */
export type LoadOutcome = string | undefined;

/** How long a zone may take to load after named was told to; big ones need seconds. */
const LOAD_TIMEOUT_MS = 30_000;
const POLL_MS = 10;

/**
 * Brings new content into zones that named serves: by DNS update, which costs what changed, survives a kill and gives
 * secondaries an IXFR; by a whole new file where the change is large, or what named serves is not known record by record.
 */
export class ContentLoader {
  readonly #deps: ContentLoaderDeps;
  readonly #known = new Map<DomainName, Target>();

  constructor(deps: ContentLoaderDeps) {
    this.#deps = deps;
  }

  /** named serves just this: it was loaded now, or by an earlier run under the same hash and serial. */
  learn(zone: DomainName, target: Target): void {
    this.#known.set(zone, target);
  }

  knows(zone: DomainName): boolean {
    return this.#known.has(zone);
  }

  forget(zone: DomainName): void {
    this.#known.delete(zone);
  }

  async load(actions: readonly LoadAction[]): Promise<Map<DomainName, LoadOutcome>> {
    const updated = await this.#update(actions);
    const outcomes = new Map<DomainName, LoadOutcome>();
    for (const action of actions) {
      const why = updated.has(action.zone) ? undefined : await this.#loadByFile(action);
      if (why === undefined) this.learn(action.zone, action.target);
      outcomes.set(action.zone, why);
    }
    return outcomes;
  }

  /** The zones that were changed by an update. In the others somebody else has changed something, or it is too much. */
  async #update(actions: readonly LoadAction[]): Promise<Set<DomainName>> {
    const changes: ZoneChange[] = [];
    const serials = new Map<DomainName, Serial>();
    for (const { zone, target } of actions) {
      const from = this.#known.get(zone);
      const change = from && zoneChange(zone, from, target);
      if (change === undefined || !fitsUpdate(change)) continue;
      changes.push(change);
      serials.set(zone, target.serial);
    }
    if (changes.length === 0) return new Set();
    await this.#deps.update(changes);
    // Whether an update took is for the wire to say, not for the program that sent it.
    const zones = [...serials.keys()];
    const served = await Promise.all(zones.map((zone) => this.#deps.serialHere(zone)));
    return new Set(zones.filter((zone, i) => served[i] === serials.get(zone)));
  }

  /** Replaces a zone whole. Content that named refuses gives way to the last good one at once. */
  async #loadByFile({ zone, target }: LoadAction): Promise<LoadOutcome> {
    const { command, files, clock } = this.#deps;
    this.forget(zone);
    const since = clock.now();
    // Writes what the journal holds into the file, and keeps named from writing it while it is replaced.
    await command('freeze', zone);
    try {
      await files.replace(zone, target);
    } finally {
      await command('thaw', zone);
    }
    const why = await this.#awaitSerial(zone, target.serial, since);
    if (why === undefined) {
      await files.settle(zone);
      return undefined;
    }
    await command('freeze', zone);
    await files.restore(zone);
    await command('thaw', zone);
    return `named refuses the new content, the last good one is served: ${why}`;
  }

  async #awaitSerial(zone: DomainName, serial: Serial, since: number): Promise<LoadOutcome> {
    const { clock, serialHere, loadProblem } = this.#deps;
    const deadline = clock.monotonic() + LOAD_TIMEOUT_MS;
    while (clock.monotonic() < deadline) {
      if ((await serialHere(zone)) === serial) return undefined;
      const why = loadProblem(zone, since);
      if (why !== undefined) return why;
      await clock.sleep(POLL_MS);
    }
    return `serial ${serial} was not served within ${LOAD_TIMEOUT_MS / 1000} s`;
  }
}
