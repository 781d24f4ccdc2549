import { join } from 'node:path';
import { ContentLoader } from '../apply/content-loader.ts';
import { hasDatabase, publishFirstStanzas, withdrawFirstStanzas } from '../apply/first-stanzas.ts';
import { NamedLink } from '../apply/named-link.ts';
import { reconcile } from '../apply/reconcile.ts';
import { ZoneApplier } from '../apply/zone-applier.ts';
import { type ZoneCommander, zoneCommander } from '../apply/zone-commands.ts';
import { ZoneFiles } from '../apply/zone-files.ts';
import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import { emptyTrash } from '../files.ts';
import { Mailbox } from '../mailbox.ts';
import type { ClusterView } from '../observe/cluster.ts';
import { Compiler } from '../observe/compiler.ts';
import { Prover } from '../observe/prover.ts';
import { WatchedFile } from '../observe/watched-file.ts';
import { Agreements } from '../pass/agreements.ts';
import { Passes, type PassOutcome } from '../pass/pass.ts';
import { Writers } from '../pass/writers.ts';
import { parseLabels } from '../plan/labels-file.ts';
import type { NamedStatus } from '../plan/named-status.ts';
import { Planner } from '../plan/planner.ts';
import type { Registration } from '../plan/registration.ts';
import { describeSelf } from '../plan/self.ts';
import { endpointId } from '../plan/topology.ts';
import { failureOf, TransientError } from '../problem.ts';
import { objectKey } from '../resources/types.ts';
import type { LocalCopies } from './local-copies.ts';
import type { AgentParts } from './parts.ts';
import { type Refreshable, Refresher } from './refresher.ts';
import { podFacts, zoneSettings } from './settings.ts';

/** Where the agent stands on its way from start to stop. */
export interface AgentState {
  /** Why named may not be started yet; undefined: it may. */
  notStarted: string | undefined;
  self: Registration | undefined;
  outcome: PassOutcome | undefined;
  /** Why the last pass did not get through. */
  trouble: string | undefined;
  /** What the running named has was held against what it should have. */
  reconciled: boolean;
  foreign: ReadonlySet<DomainName>;
}

const APPROVE_ANNOTATION = 'agent.bindy.firestoned.io/approve';
const RETRY_MS = 1000;
/** How long the resources wait for a named that starts on what lies on disk. */
const SERVE_FIRST_MS = 2000;
const POLL_MS = 10;
const TRASH_DAYS = 7;
const DAY_MS = 86_400_000;

/** One pod's agent: takes the newest world, makes a pass, again and again, until it is stopped. */
export class Agent {
  readonly state: AgentState = {
    notStarted: 'what named should serve is not known yet',
    self: undefined,
    outcome: undefined,
    trouble: undefined,
    reconciled: false,
    foreign: new Set(),
  };
  readonly link: NamedLink;
  readonly #parts: AgentParts;
  readonly #copies: LocalCopies;
  readonly #afterPass: (agent: Agent) => void;
  /** The files that the user or the kubelet keeps up to date. */
  readonly #labels: WatchedFile | undefined;
  readonly #userConf: WatchedFile | undefined;
  readonly #approved = new Set<string>();
  readonly #mailbox = new Mailbox();
  #registers = true;
  /** Counts up whenever named comes or goes: what was found out of it before does not hold any more. */
  #namedLife = 0;
  /** The configuration was published before named could be told. */
  #isUntold = false;
  readonly #passes: Passes;
  readonly #prover: Prover;
  readonly #loader: ContentLoader;
  readonly #files: ZoneFiles;
  readonly #command: ZoneCommander;
  readonly #refresher: Refresher;

  constructor(parts: AgentParts, copies: LocalCopies, afterPass: (agent: Agent) => void) {
    this.#parts = parts;
    this.#copies = copies;
    this.#afterPass = afterPass;
    const { options, rndc, clock, wire, ledger, log, cluster, given } = parts;
    this.#labels = this.#watched(options.pod.labelsFile);
    this.#userConf = this.#watched(options.named.conf);
    const again = (ms: number): void => this.#mailbox.ringIn(ms);
    const command = zoneCommander(rndc);
    const files = new ZoneFiles(options.paths.zones, join(options.paths.state, 'trash'));
    const serialHere = (zone: DomainName) => wire.serialHere(zone);
    const loadProblem = (zone: DomainName, since: number) => copies.loadProblem(zone, since);
    const { update } = parts;
    this.#command = command;
    this.#files = files;
    this.#refresher = new Refresher({
      command,
      clock,
      soa: (endpoint, zone) => wire.soa(endpoint, zone),
      failed: (error) => this.#refreshFailed(error),
    });
    this.#loader = new ContentLoader({
      command,
      files,
      clock,
      serialHere,
      update,
      readBack: (zone) => wire.transferHere(zone),
      loadProblem,
    });
    this.#prover = new Prover(
      ({ candidate, zone }) => wire.soa(candidate, zone),
      (proof, proven) => this.#onProof(proof, proven),
      clock,
    );
    this.link = new NamedLink(
      rndc,
      { onUp: (status) => this.#onUp(status), onDown: (why) => this.#onDown(why) },
      clock,
    );
    rndc.onLost(() => this.link.lost());
    const reconfig = () => this.#reconfig();
    const peers = {
      self: options.pod.name,
      cluster,
      log,
      again,
      serialHere,
      soaAt: wire.soaAt.bind(wire),
      transferFrom: wire.transferFrom.bind(wire),
    };
    this.#passes = new Passes({
      planner: new Planner(),
      settings: zoneSettings(options, given),
      limits: options.guard,
      agreements: new Agreements({
        ...peers,
        clock,
        styledByDate: options.serial.style === 'date',
      }),
      writers: new Writers({
        ...peers,
        fileOf: (zone) => files.pathOf(zone),
      }),
      compiler: new Compiler(
        parts.compile,
        () => this.wake(),
        (error) => log.warn({ err: error }, 'zone text could not be checked'),
      ),
      prover: this.#prover,
      outdated: () => copies.outdated,
      ledger,
      loader: this.#loader,
      applier: new ZoneApplier({
        command,
        reconfig,
        refresh: (zone, primary) =>
          this.#refreshSoon([{ zone, primary, serial: this.#copies.copyOf(zone)?.serial }]),
        ledger,
        files,
        loader: this.#loader,
        clock,
        loadProblem,
        onForeign: (zone) => this.#setForeign([...this.state.foreign, zone]),
      }),
      configure: (config) => parts.configuration.publish(config, ledger.entries()),
      reconfig,
      clock,
      log,
      again,
    });
  }

  /** Something may have changed: make a pass. */
  wake(): void {
    this.#mailbox.ring();
  }

  /** Lets the held plan of this hash be carried out. */
  approve(hash: string): void {
    this.#approved.add(hash);
    this.wake();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { options, clock, log } = this.#parts;
    await this.#startFromDisk();
    const tasks = [
      this.link.watch(signal),
      this.#prover.run(signal),
      this.#startAfterDeadline(signal),
      this.#passAgainAndAgain(signal),
    ];
    if (this.state.notStarted === undefined) await this.#untilRefreshed(signal);
    await this.#begin();
    tasks.push(
      ...[this.#labels, this.#userConf].flatMap((file) => file?.watch(clock, signal) ?? []),
    );
    const trash = join(options.paths.state, 'trash');
    await emptyTrash(trash, clock.now() - TRASH_DAYS * DAY_MS).catch((error: unknown) =>
      log.warn({ err: error }, 'the trash could not be emptied'),
    );
    this.wake();
    await Promise.all(tasks);
  }

  async #passAgainAndAgain(signal: AbortSignal): Promise<void> {
    while (await this.#mailbox.next(signal)) await this.#guardedPass(signal);
    this.#mailbox.close();
  }

  /** Zones that lie on disk are brought up to date before the resources are read: both want the processor. */
  async #untilRefreshed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const deadline = clock.monotonic() + SERVE_FIRST_MS;
    while (!this.state.reconciled && !signal.aborted && clock.monotonic() < deadline)
      await clock.sleep(POLL_MS, signal);
  }

  /**
   * Goes on until named may start and no further, as one that is not there yet: the pod is not registered. Returns why
   * named may not start after all.
   */
  async prepare(signal: AbortSignal): Promise<string | undefined> {
    this.#registers = false;
    await this.#startFromDisk();
    if (this.state.notStarted === undefined) return undefined;
    await this.#begin();
    const done = new AbortController();
    const stopped = AbortSignal.any([signal, done.signal]);
    const anyway = this.#startAfterDeadline(stopped).then(() => done.abort());
    this.wake();
    while (this.#isKept() && (await this.#mailbox.next(stopped))) await this.#guardedPass(stopped);
    done.abort();
    await anyway;
    this.#mailbox.close();
    return this.state.notStarted;
  }

  /** named may not start yet, but that may change by itself. */
  #isKept(): boolean {
    const { notStarted, outcome } = this.state;
    return notStarted !== undefined && outcome?.config.kind !== 'refused';
  }

  async #begin(): Promise<void> {
    await this.#labels?.read();
    await this.#parts.cluster.start(() => this.wake());
  }

  /** What lies on disk and was served before is served at once, before anything is known of the cluster. */
  async #startFromDisk(): Promise<void> {
    const { configuration, log } = this.#parts;
    await configuration.load();
    if (!(await hasDatabase(configuration.newZones))) return;
    const left = await failureOf(withdrawFirstStanzas(configuration.newZones));
    if (left !== undefined) log.warn({ err: left }, 'the stanzas of the first start stay');
    const outcome = await configuration.publishRemembered();
    this.#isUntold = outcome.kind === 'published';
    this.state.notStarted = outcome.kind === 'refused' ? outcome.why : undefined;
  }

  /** With nothing on disk and no view of the cluster, named is let start empty after a while; the pod stays unready. */
  async #startAfterDeadline(signal: AbortSignal): Promise<void> {
    const { clock, configuration, log, options } = this.#parts;
    await clock.sleep(options.start.deadlineSeconds * 1000, signal);
    if (signal.aborted || this.state.notStarted === undefined) return;
    const outcome = await configuration.publishRemembered();
    if (outcome.kind === 'refused') {
      this.state.notStarted = outcome.why;
      return;
    }
    log.warn({}, 'named may start with nothing to serve: the resources could not be read in time');
    this.state.notStarted = undefined;
  }

  #watched(path: string): WatchedFile | undefined {
    if (path === '') return undefined;
    const failed = (error: unknown): void =>
      this.#parts.log.warn({ err: error }, `${path} cannot be watched`);
    return new WatchedFile(path, () => this.wake(), failed);
  }

  async #guardedPass(signal: AbortSignal): Promise<void> {
    const { log } = this.#parts;
    try {
      await this.#pass(signal);
      if (this.state.trouble !== undefined) log.info('the pass gets through again');
      this.state.trouble = undefined;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof TransientError)) throw error;
      // Once a cause, not once a second.
      if (error.message !== this.state.trouble)
        log.warn({ err: error }, 'the pass did not get through, it is tried again');
      this.state.trouble = error.message;
      this.#mailbox.ringIn(RETRY_MS);
    }
    this.#afterPass(this);
  }

  async #pass(signal: AbortSignal): Promise<void> {
    const { cluster, options, given, version, metrics, clock } = this.#parts;
    if (this.link.state.kind === 'up' && !this.state.reconciled) await this.#reconcile();
    const view = cluster.view();
    if (!view.synced) return;
    const self = describeSelf(
      podFacts(options, given, version, parseLabels(this.#labels?.text ?? '')),
      view.instances,
    );
    this.state.self = self;
    if (self === undefined) return;
    // Once it was taken back, a registration must not come again.
    signal.throwIfAborted();
    const held = this.state.outcome?.held?.hash;
    const unregistered = this.#registers
      ? await failureOf(cluster.register(held === undefined ? self : { ...self, held }))
      : undefined;
    const startedAt = clock.monotonic();
    const outcome = await this.#passes.run({
      view,
      self,
      foreign: new Set([...this.state.foreign, ...this.#parts.configuration.zones]),
      approved: this.#approvedFor(self, view),
      named: await this.#namedState(),
      signal,
    });
    metrics.observePass((clock.monotonic() - startedAt) / 1000);
    if (outcome.held?.hash !== held) this.wake();
    this.state.outcome = outcome;
    // Spent: should the same be lost again some day, it is for somebody to approve again.
    if (outcome.held === undefined && outcome.approved === undefined) this.#approved.clear();
    await this.#letNamedStart(outcome);
    // What the zones can do without is told, and tried again, after they got what they need.
    const failure = unregistered ?? outcome.unsaved ?? this.#parts.configuration.unsaved;
    if (failure !== undefined) throw failure;
  }

  /** Approved over loopback, or by an annotation on the pod's instance. */
  #approvedFor(self: Registration, view: ClusterView): ReadonlySet<string> {
    const instance = view.instances.get(objectKey(self.namespace, self.instance));
    const annotated = instance?.metadata.annotations[APPROVE_ANNOTATION];
    return annotated === undefined ? this.#approved : new Set([...this.#approved, annotated]);
  }

  async #namedState(): Promise<'ready' | 'never-started' | 'away'> {
    if (this.link.state.kind === 'up' && this.state.reconciled) return 'ready';
    return (await hasDatabase(this.#parts.configuration.newZones)) ? 'away' : 'never-started';
  }

  async #letNamedStart({ config, firstStanzas }: PassOutcome): Promise<void> {
    if (config.kind === 'refused') {
      if (this.state.notStarted !== undefined) this.state.notStarted = config.why;
      return;
    }
    const { newZones } = this.#parts.configuration;
    if (firstStanzas !== undefined) {
      await publishFirstStanzas(newZones, firstStanzas);
      // named makes its database before it reads the stanzas.
      if (await hasDatabase(newZones)) await withdrawFirstStanzas(newZones);
      else await this.#passes.confirmPrepared();
    }
    this.state.notStarted = undefined;
  }

  async #reconcile(): Promise<void> {
    const { ledger, clock, wire, log, statistics, configuration } = this.#parts;
    const { state } = this.link;
    const life = this.#namedLife;
    // Published by this run's start, while named hung, or by an agent that was killed before it could tell.
    const { lastConfigured } = state.kind === 'up' ? state.status : {};
    if (await configuration.isNewerThan(lastConfigured, this.#isUntold)) await this.#reconfig();
    this.#isUntold = false;
    const named = await statistics();
    const { foreign, repaired } = await reconcile(named, {
      ledger,
      loader: this.#loader,
      files: this.#files,
      command: this.#command,
      clock,
      serialHere: (zone) => wire.serialHere(zone),
    });
    if (repaired.length > 0) log.warn({ zones: repaired }, 'zones that named could not load');
    await this.#refresher.refresh(
      this.#secondaries(
        () => true,
        (zone) => named.get(zone)?.serial,
      ),
    );
    if (life !== this.#namedLife) throw new TransientError('named ended while it was looked at');
    this.state.foreign = foreign;
    this.state.reconciled = true;
    this.#copies.onNamedUp();
    this.#copies.onStatistics(named);
  }

  /** Reads what named has now. Throws a TransientError where it does not answer. */
  async look(): Promise<void> {
    const { ledger, statistics } = this.#parts;
    const before = new Set(ledger.entries().keys());
    const named = await statistics();
    this.#copies.onStatistics(named);
    if (!this.state.reconciled) return;
    // Zones come and go meanwhile: only what is ours neither before nor after is not ours.
    const after = ledger.entries();
    this.#setForeign([...named.keys()].filter((zone) => !before.has(zone) && !after.has(zone)));
  }

  #setForeign(zones: readonly DomainName[]): void {
    const before = this.state.foreign;
    const after = new Set(zones);
    if (after.size === before.size && [...after].every((zone) => before.has(zone))) return;
    this.state.foreign = after;
    this.wake();
  }

  async #reconfig(): Promise<void> {
    const { rndc, configuration, log } = this.#parts;
    const answer = await rndc.command('reconfig');
    // The user's configuration may have given up zones that ours can have now.
    if (answer.ok && this.#userConf !== undefined) await this.look();
    if (answer.ok) return;
    const why = answer.error ?? answer.text;
    log.error({ reason: why }, 'named refuses the new configuration, the last one stays');
    await configuration.rollBack(why);
  }

  #onUp(status: NamedStatus): void {
    const { log, configuration } = this.#parts;
    log.info({ release: status.release }, 'named answers');
    this.#parts.metrics.setNamed(status.release);
    this.#forgetNamed();
    configuration
      .noteRelease(status.release)
      .catch((error: unknown) => log.warn({ err: error }, 'the release could not be noted'))
      .finally(() => this.wake());
  }

  #onDown(why: string): void {
    this.#parts.log.warn({ reason: why }, 'named does not answer');
    this.#parts.metrics.setNamed(undefined);
    this.#forgetNamed();
    this.wake();
  }

  #forgetNamed(): void {
    this.#namedLife += 1;
    this.state.reconciled = false;
  }

  #onProof(proof: string, proven: boolean): void {
    this.#parts.log.info({ primary: proof }, proven ? 'primary answers' : 'primary is silent');
    this.wake();
    if (!proven || this.link.state.kind !== 'up') return;
    const wants = (zone: DomainName, primaries: readonly string[]): boolean =>
      primaries.includes(proof) && !this.#copies.isCurrent(zone);
    this.#refreshSoon(this.#secondaries(wants, (zone) => this.#copies.copyOf(zone)?.serial));
  }

  #refreshSoon(zones: readonly Refreshable[]): void {
    this.#refresher.refresh(zones).catch((error: unknown) => this.#refreshFailed(error));
  }

  #refreshFailed(error: unknown): void {
    this.#parts.log.warn({ err: error }, 'zones could not be refreshed');
  }

  /** The secondary zones that named may not know to be behind: it is new, or a primary is back. */
  #secondaries(
    which: (zone: DomainName, primaries: readonly string[]) => boolean,
    serialOf: (zone: DomainName) => Serial | undefined,
  ): Refreshable[] {
    return [...this.#parts.ledger.entries().values()].flatMap(({ zone, role, primaries = [] }) => {
      const ids = primaries.flatMap((each) => [endpointId(each), `${endpointId(each)}/${zone}`]);
      const wanted = role === 'secondary' && which(zone, ids);
      return wanted ? [{ zone, primary: primaries[0], serial: serialOf(zone) }] : [];
    });
  }
}
