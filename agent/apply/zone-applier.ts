import { type Clock, timestamp } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { Action, Target, Wanted } from '../plan/action.ts';
import type { Role } from '../plan/registration.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import type { Endpoint } from '../plan/topology.ts';
import { failureOf } from '../problem.ts';
import type { ContentLoader, LoadAction } from './content-loader.ts';
import type { Ledger } from './ledger.ts';
import type { ControlAnswer } from './rndc.ts';
import { quoteZone, said, type ZoneCommander } from './zone-commands.ts';
import type { ZoneFiles } from './zone-files.ts';

export interface ZoneApplierDeps {
  readonly command: ZoneCommander;
  readonly reconfig: () => Promise<void>;
  /** Has named look at the zone's primary soon; not waited for. */
  readonly refresh: (zone: DomainName, primary: Endpoint | undefined) => void;
  readonly ledger: Ledger;
  readonly files: ZoneFiles;
  readonly loader: ContentLoader;
  readonly clock: Clock;
  /** Why named has not loaded a zone since then, if its log says so. */
  readonly loadProblem: (zone: DomainName, since: number) => string | undefined;
  /** named turned out to have a zone that this agent did not give it. */
  readonly onForeign: (zone: DomainName) => void;
}

/** Why an action on a zone failed. The other actions were carried out. */
export interface Failure {
  readonly zone: DomainName;
  readonly why: string;
}

type Add = Extract<Action, { kind: 'add' }>;
type Modify = Extract<Action, { kind: 'modify' }>;
type Drop = Extract<Action, { kind: 'drop' }>;

const RETYPE_TIMEOUT_MS = 10_000;
/** A secondary registers, and is notified from then on; what was loaded shortly before may have missed it. */
const NOTIFY_AGAIN_MS = 30_000;
const POLL_MS = 10;
const LOG_LAG_MS = 500;

/**
 * Carries out a plan's actions on named. The ledger is told before named is, so that a kill at any instant leaves it
 * knowing at least what may be there; an entry that was not confirmed is done again at the next start.
 */
export class ZoneApplier {
  readonly #deps: ZoneApplierDeps;

  constructor(deps: ZoneApplierDeps) {
    this.#deps = deps;
  }

  /**
   * What is confirmed or removed is in the ledger's memory; to flush it is the caller's part.
   *
   * @param signal stops between two zones: rejects with its reason then
   */
  async apply(actions: readonly Action[], signal: AbortSignal): Promise<Failure[]> {
    return [
      ...(await this.#add(
        actions.filter((each) => each.kind === 'add'),
        signal,
      )),
      ...(await this.#modify(
        actions.filter((each) => each.kind === 'modify'),
        signal,
      )),
      ...(await this.#load(
        actions.filter((each) => each.kind === 'load'),
        signal,
      )),
      ...(await this.#drop(
        actions.filter((each) => each.kind === 'drop'),
        signal,
      )),
    ];
  }

  /**
   * Before named's first start: the files, and the stanzas as text that named imports into its new-zone database. A
   * named that is just starting may have read what lay there before: see `confirmPrepared`.
   */
  async prepare(
    actions: readonly Action[],
  ): Promise<{ readonly stanzas: string; readonly failures: readonly Failure[] }> {
    const { adds, failures } = await this.#write(actions.filter((each) => each.kind === 'add'));
    const { ledger } = this.#deps;
    for (const { wanted, target } of adds) this.#confirm(wanted, target);
    const entries = adds.flatMap(({ wanted }) => ledger.entries().get(wanted.zone) ?? []);
    ledger.put(entries.map((entry) => ({ ...entry, pending: true as const })));
    await ledger.flush();
    const stanzas = adds.map(({ wanted }) => `zone ${quoteZone(wanted.zone)} ${wanted.stanza}\n`);
    return { stanzas: stanzas.join(''), failures };
  }

  /** named has imported nothing yet and the stanzas lie ready: they are what it will have. */
  async confirmPrepared(): Promise<void> {
    const { ledger } = this.#deps;
    ledger.put([...ledger.entries().values()].map(({ pending: _pending, ...entry }) => entry));
    await ledger.flush();
  }

  /** The zones whose first content is on the disk now, and why that of the others is not. */
  async #write(all: readonly Add[]): Promise<{ readonly adds: Add[]; failures: Failure[] }> {
    const failed = await this.#deps.files.write(targetsOf(all));
    return {
      adds: all.filter(({ wanted }) => !failed.has(wanted.zone)),
      failures: [...failed].map(([zone, why]) => ({ zone, why })),
    };
  }

  async #add(all: readonly Add[], signal: AbortSignal): Promise<Failure[]> {
    const { ledger } = this.#deps;
    if (all.length === 0) return [];
    const { adds, failures } = await this.#write(all);
    const unannounced = await this.#announce(adds.map(({ wanted }) => this.#entryOf(wanted)));
    if (unannounced !== undefined) {
      ledger.remove(adds.map(({ wanted }) => wanted.zone));
      return [...failures, ...failAll(adds, unannounced)];
    }
    for (const { wanted, target } of adds) {
      signal.throwIfAborted();
      const added = await this.#addZone(wanted);
      if (added === 'added') this.#confirm(wanted, target);
      // What it serves is for the next pass to find out.
      else if (added === 'was-there') ledger.put([this.#entryOf(wanted)]);
      else {
        ledger.remove([wanted.zone]);
        failures.push({ zone: wanted.zone, why: added.why });
      }
    }
    return failures;
  }

  async #addZone(wanted: Wanted): Promise<'added' | 'was-there' | { readonly why: string }> {
    const { command, clock, onForeign } = this.#deps;
    const since = clock.now();
    const answer = await command('addzone', wanted.zone, wanted.stanza);
    if (answer.ok) return 'added';
    if (!/already exists/.test(said(answer)))
      return {
        why: `named refuses the zone: ${await this.#whyRefused(wanted.zone, since, answer)}`,
      };
    if (await this.#isOurs(wanted.zone)) {
      const why = await this.#modZone(wanted);
      return why === undefined ? 'was-there' : { why };
    }
    onForeign(wanted.zone);
    return { why: 'named has it from elsewhere, which this agent does not touch' };
  }

  /** What is wrong in a zone stands in named's log alone, a moment later than the answer. */
  async #whyRefused(zone: DomainName, since: number, answer: ControlAnswer): Promise<string> {
    const { loadProblem, clock } = this.#deps;
    const deadline = clock.monotonic() + (/zone_load/.test(said(answer)) ? LOG_LAG_MS : 0);
    let why = loadProblem(zone, since);
    while (why === undefined && clock.monotonic() < deadline) {
      await clock.sleep(POLL_MS);
      why = loadProblem(zone, since);
    }
    return why ?? said(answer);
  }

  /** Added by a command that was given up, for named hung, and that named carried out later. */
  async #isOurs(zone: DomainName): Promise<boolean> {
    const { command, files } = this.#deps;
    const shown = await command('showzone', zone);
    return shown.ok && shown.text.includes(`file "${files.pathOf(zone)}"`);
  }

  async #modZone({ zone, stanza }: Wanted): Promise<string | undefined> {
    const answer = await this.#deps.command('modzone', zone, stanza);
    return answer.ok ? undefined : `named refuses the zone's configuration: ${said(answer)}`;
  }

  async #modify(modifies: readonly Modify[], signal: AbortSignal): Promise<Failure[]> {
    const { ledger } = this.#deps;
    if (modifies.length === 0) return [];
    const before = new Map(ledger.entries());
    // Of the type that it has until named has made it another: who is killed in between asks for that again.
    const unannounced = await this.#announce(
      modifies.map(({ wanted, from }) => ({
        ...this.#entryOf(wanted, before.get(wanted.zone)),
        role: from,
      })),
    );
    if (unannounced !== undefined) {
      ledger.put(modifies.flatMap(({ wanted }) => before.get(wanted.zone) ?? []));
      return failAll(modifies, unannounced);
    }
    const failures: Failure[] = [];
    const retyped: Wanted[] = [];
    for (const { wanted, from } of modifies) {
      signal.throwIfAborted();
      const former = before.get(wanted.zone);
      const why = await this.#changeZone(wanted);
      if (why !== undefined) {
        failures.push({ zone: wanted.zone, why });
        if (former !== undefined) ledger.put([former]);
        continue;
      }
      if (from !== wanted.role) {
        retyped.push(wanted);
        continue;
      }
      await this.#tell(wanted, former);
      ledger.put([this.#entryOf(wanted, former)]);
    }
    return [...failures, ...(await this.#retype(retyped, signal))];
  }

  /** A zone that named has lost meanwhile is added again. */
  async #changeZone(wanted: Wanted): Promise<string | undefined> {
    const why = await this.#modZone(wanted);
    if (why === undefined || !/not found/.test(why)) return why;
    const added = await this.#addZone(wanted);
    return typeof added === 'string' ? undefined : added.why;
  }

  /**
   * modzone itself asks no primary and notifies nobody. A secondary that is new to the list asks by itself when it
   * starts; only content that came at about that time may have passed it by.
   */
  async #tell({ zone, role, primaries }: Wanted, before: ServedZone | undefined): Promise<void> {
    const { command, loader } = this.#deps;
    if (role === 'primary') {
      const quiet = loader.knows(zone) && loader.sinceLoaded(zone) > NOTIFY_AGAIN_MS;
      if (!quiet) await command('notify', zone);
    } else if (JSON.stringify(primaries) !== JSON.stringify(before?.primaries))
      this.#deps.refresh(zone, primaries[0]);
  }

  /**
   * A changed type takes effect with the next reconfig: one for all of them. What a former primary has under its serial
   * may be its alone (an update that nobody fetched): it takes the whole zone, whatever the serials say. A zone that
   * stays what it was stays announced, so that the next pass asks for it again.
   */
  async #retype(retyped: readonly Wanted[], signal: AbortSignal): Promise<Failure[]> {
    const { command, reconfig, ledger, loader, clock } = this.#deps;
    if (retyped.length === 0) return [];
    await reconfig();
    const deadline = clock.monotonic() + RETYPE_TIMEOUT_MS;
    const failures: Failure[] = [];
    for (const wanted of retyped) {
      const { zone, role } = wanted;
      loader.forget(zone);
      if (!(await this.#becomes(zone, role, deadline, signal))) {
        failures.push({ zone, why: `named did not make it ${role}` });
        continue;
      }
      await command(role === 'primary' ? 'notify' : 'retransfer', zone);
      ledger.put([this.#entryOf(wanted, ledger.entries().get(zone))]);
    }
    return failures;
  }

  async #becomes(
    zone: DomainName,
    role: Role,
    deadline: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { command, clock } = this.#deps;
    for (;;) {
      if ((await command('zonestatus', zone)).text.includes(`type: ${role}`)) return true;
      if (clock.monotonic() >= deadline) return false;
      await clock.sleep(POLL_MS);
      signal.throwIfAborted();
    }
  }

  /** Not what named has as a secondary still, its type being refused: the file and journal are named's then. */
  async #load(all: readonly LoadAction[], signal: AbortSignal): Promise<Failure[]> {
    const { ledger, loader } = this.#deps;
    const loads = all.filter(({ zone }) => ledger.entries().get(zone)?.role === 'primary');
    if (loads.length === 0) return [];
    const failures: Failure[] = [];
    await loader.load(loads, signal, ({ zone, target }, outcome) => {
      const entry = ledger.entries().get(zone);
      if (typeof outcome === 'string') {
        failures.push({ zone, why: outcome });
        return;
      }
      if (entry !== undefined)
        ledger.put([
          { ...entry, ...loadedFields(outcome === undefined ? target : outcome.served) },
        ]);
      if (outcome !== undefined)
        failures.push({ zone, why: `named serves serial ${outcome.served.serial} already` });
    });
    return failures;
  }

  async #drop(drops: readonly Drop[], signal: AbortSignal): Promise<Failure[]> {
    const { command, ledger, files, loader, clock } = this.#deps;
    const failures: Failure[] = [];
    for (const { zone } of drops) {
      signal.throwIfAborted();
      const answer = await command('delzone', zone);
      if (!answer.ok && !/not found/.test(said(answer))) {
        failures.push({ zone, why: `named does not let go of it: ${said(answer)}` });
        continue;
      }
      loader.forget(zone);
      const kept = await failureOf(files.discard(zone, clock.now()));
      if (kept === undefined) ledger.remove([zone]);
      else {
        // named does not have it any more: should it be wanted again, it must be added.
        const entry = ledger.entries().get(zone);
        if (entry !== undefined) ledger.put([{ ...entry, pending: true }]);
        failures.push({ zone, why: kept.message });
      }
    }
    return failures;
  }

  /** Returns why the ledger could not be written: then named must not be told. */
  async #announce(entries: readonly ServedZone[]): Promise<string | undefined> {
    const { ledger } = this.#deps;
    ledger.put(entries.map((entry) => ({ ...entry, pending: true as const })));
    return (await failureOf(ledger.flush()))?.message;
  }

  #confirm(wanted: Wanted, target: Target | undefined): void {
    const { ledger, loader } = this.#deps;
    ledger.put([
      { ...this.#entryOf(wanted), ...(target === undefined ? {} : loadedFields(target)) },
    ]);
    if (target !== undefined) loader.loaded(wanted.zone, target);
  }

  /** What was loaded stays known while the zone keeps its type. */
  #entryOf(wanted: Wanted, before?: ServedZone): ServedZone {
    const { zone, key, uid, role, stanza, primaries } = wanted;
    const { serial, hash, records } = before?.role === role ? before : {};
    return {
      zone,
      key,
      uid,
      role,
      stanza,
      ...(role === 'secondary' ? { primaries } : {}),
      ...(serial === undefined ? {} : { serial }),
      ...(hash === undefined ? {} : { hash }),
      ...(records === undefined ? {} : { records }),
      since: before?.since ?? timestamp(this.#deps.clock.now()),
    };
  }
}

const failAll = (actions: readonly (Add | Modify)[], why: string): Failure[] =>
  actions.map(({ wanted }) => ({ zone: wanted.zone, why }));

const targetsOf = (adds: readonly Add[]): Map<DomainName, Target> =>
  new Map(
    adds.flatMap(({ wanted, target }) =>
      target === undefined ? [] : [[wanted.zone, target] as const],
    ),
  );

const loadedFields = ({ content, serial }: Target) => ({
  serial,
  hash: content.hash,
  records: content.records,
});
