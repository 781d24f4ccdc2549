import type { ContentLoader } from '../apply/content-loader.ts';
import { NamedLink } from '../apply/named-link.ts';
import { reconcile } from '../apply/reconcile.ts';
import type { ZoneCommander } from '../apply/zone-commands.ts';
import type { ZoneFiles } from '../apply/zone-files.ts';
import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { NamedZone } from '../observe/named-statistics.ts';
import type { NamedStatus } from '../plan/named-status.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { endpointId } from '../plan/topology.ts';
import { TransientError } from '../problem.ts';
import type { LocalCopies } from './local-copies.ts';
import type { AgentParts } from './parts.ts';
import { type Refreshable, Refresher } from './refresher.ts';

export interface RunningNamedDeps {
  readonly parts: AgentParts;
  readonly copies: LocalCopies;
  readonly command: ZoneCommander;
  readonly files: ZoneFiles;
  readonly loader: ContentLoader;
  /** The user's own configuration was adopted, and may name zones. */
  readonly adopted: boolean;
  /** What named is or has is another than before. */
  readonly changed: () => void;
}

const MEET_MS = 500;

/**
 * The named beside this agent, from one life of its process to the next: whether it answers, what it has that is not ours,
 * and whether what it has was held against what it should have.
 */
export class RunningNamed {
  readonly link: NamedLink;
  readonly #deps: RunningNamedDeps;
  readonly #refresher: Refresher;
  #foreign: ReadonlySet<DomainName> = new Set();
  #reconciled = false;
  /** Counts up whenever named comes or goes: what was found out of it before does not hold any more. */
  #life = 0;
  #untold = false;

  constructor(deps: RunningNamedDeps) {
    const { rndc, clock, wire } = deps.parts;
    this.#deps = deps;
    this.#refresher = new Refresher({
      command: deps.command,
      clock,
      soa: (endpoint, zone) => wire.soa(endpoint, zone),
      failed: (error) => this.#refreshFailed(error),
      arrivalOf: (zone) => deps.copies.arrivalOf(zone),
    });
    this.link = new NamedLink(
      rndc,
      { onUp: (status) => this.#onUp(status), onDown: (why) => this.#onDown(why) },
      clock,
    );
    rndc.onLost(() => this.link.lost());
  }

  /** What the running named has was held against what it should have. */
  get reconciled(): boolean {
    return this.#reconciled;
  }

  /** Zones that named has, and not from this agent. */
  get foreign(): ReadonlySet<DomainName> {
    return this.#foreign;
  }

  get ready(): boolean {
    return this.link.state.kind === 'up' && this.#reconciled;
  }

  noteForeign(zone: DomainName): void {
    this.#setForeign([...this.#foreign, zone]);
  }

  /** Asks named once whether it is there; not for long, for it may hang. */
  async meet(): Promise<void> {
    await this.link.check(AbortSignal.timeout(MEET_MS));
  }

  /** A configuration was published that a running named was not told of. */
  noteUntold(): void {
    this.#untold = true;
  }

  /**
   * Once in each life of named, and when it has lost a zone. Throws a TransientError where named ends meanwhile or does
   * not answer.
   */
  async reconcile(): Promise<void> {
    if (this.link.state.kind !== 'up' || this.#reconciled) return;
    const { parts, copies, command, files, loader } = this.#deps;
    const { ledger, clock, wire, log, statistics, configuration } = parts;
    const life = this.#life;
    // Published by this run's start, while named hung, or by an agent that was killed before it could tell.
    if (await configuration.isUnread(this.link.state.status, this.#untold)) await this.reconfig();
    this.#untold = false;
    const named = await statistics();
    const serialHere = (zone: DomainName) => wire.serialHere(zone);
    const { foreign, repaired, restored } = await reconcile(named, {
      ledger,
      loader,
      files,
      command,
      clock,
      serialHere,
    });
    if (repaired.length > 0) log.warn({ zones: repaired }, 'zones that named could not load');
    if (restored.length > 0)
      log.warn({ zones: restored }, 'zones that named had lost are served again as they were');
    const all = this.#secondaries(
      () => true,
      (zone) => named.get(zone)?.serial,
    );
    await this.#refresher.catchUp(all);
    if (life !== this.#life) throw new TransientError('named ended while it was looked at');
    this.#foreign = foreign;
    this.#reconciled = true;
    copies.onNamedUp();
    copies.onStatistics(named);
  }

  /** Reads what named has now. Throws a TransientError where it does not answer. */
  async look(): Promise<ReadonlyMap<DomainName, NamedZone>> {
    const { ledger, statistics } = this.#deps.parts;
    const before = ledger.entries();
    const named = await statistics();
    this.#deps.copies.onStatistics(named);
    if (!this.#reconciled) return named;
    // Zones come and go meanwhile: only what is ours neither before nor after is not ours.
    const after = ledger.entries();
    this.#setForeign([...named.keys()].filter((zone) => !before.has(zone) && !after.has(zone)));
    const isLost = (entry: ServedZone): boolean =>
      entry.pending !== true && after.get(entry.zone) === entry && !named.has(entry.zone);
    if (![...before.values()].some(isLost)) return named;
    this.#reconciled = false;
    this.#deps.changed();
    return named;
  }

  /** See `ZoneActionDeps`. */
  async replaceStanzas(
    stanzas: string,
    added: ReadonlySet<DomainName>,
  ): Promise<string | undefined> {
    // What somebody else has given it just now would be lost.
    const named = await this.look();
    if (this.#foreign.size > 0 || [...added].some((zone) => named.has(zone)))
      return 'named has zones that this agent did not give it';
    const { configuration } = this.#deps.parts;
    const moved = await configuration.moveZones(stanzas).catch((error: unknown) => {
      if (error instanceof TransientError) return { kind: 'refused', why: error.message } as const;
      throw error;
    });
    return moved.kind === 'refused' ? moved.why : this.reconfig();
  }

  /** Returns why named refuses what was published: then the last one is in force again. */
  async reconfig(): Promise<string | undefined> {
    const { rndc, configuration, log } = this.#deps.parts;
    const answer = await rndc.command('reconfig');
    if (answer.ok) {
      await configuration.noteTaken();
      // The user's configuration may have given up zones that ours can have now.
      if (this.#deps.adopted) await this.look();
      return undefined;
    }
    const why = answer.error ?? answer.text;
    log.error({ reason: why }, 'named refuses the new configuration, the last one stays');
    await configuration.rollBack(why);
    return why;
  }

  refreshSoon(zones: readonly Refreshable[]): void {
    this.#refresher.refresh(zones).catch((error: unknown) => this.#refreshFailed(error));
  }

  /** A primary that was silent answers: the zones that wait for it ask it now. */
  refreshFrom(proof: string): void {
    if (this.link.state.kind !== 'up') return;
    const { copies } = this.#deps;
    const wants = (zone: DomainName, primaries: readonly string[]): boolean =>
      primaries.includes(proof) && !copies.isCurrent(zone);
    this.refreshSoon(this.#secondaries(wants, (zone) => copies.copyOf(zone)?.serial));
  }

  /** The secondary zones that named may not know to be behind: it is new, or a primary is back. */
  #secondaries(
    which: (zone: DomainName, primaries: readonly string[]) => boolean,
    serialOf: (zone: DomainName) => Serial | undefined,
  ): Refreshable[] {
    return [...this.#deps.parts.ledger.entries().values()].flatMap(
      ({ zone, role, primaries = [] }) => {
        const ids = primaries.flatMap((each) => [endpointId(each), `${endpointId(each)}/${zone}`]);
        const wanted = role === 'secondary' && which(zone, ids);
        return wanted ? [{ zone, primary: primaries[0], serial: serialOf(zone) }] : [];
      },
    );
  }

  #setForeign(zones: readonly DomainName[]): void {
    const before = this.#foreign;
    const after = new Set(zones);
    if (after.size === before.size && [...after].every((zone) => before.has(zone))) return;
    this.#foreign = after;
    this.#deps.changed();
  }

  #onUp({ release }: NamedStatus): void {
    const { log, configuration, metrics } = this.#deps.parts;
    log.info({ release }, 'named answers');
    metrics.setNamed(release);
    this.#deps.copies.onNamedMet();
    this.#forget();
    configuration.noteRelease(release);
    this.#deps.changed();
  }

  #onDown(why: string): void {
    this.#deps.parts.log.warn({ reason: why }, 'named does not answer');
    this.#deps.parts.metrics.setNamed(undefined);
    this.#deps.copies.onNamedAway();
    this.#forget();
    this.#deps.changed();
  }

  #forget(): void {
    this.#life += 1;
    this.#reconciled = false;
  }

  #refreshFailed(error: unknown): void {
    this.#deps.parts.log.warn({ err: error }, 'zones could not be refreshed');
  }
}
