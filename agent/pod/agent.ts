import { join } from 'node:path';
import { ContentLoader } from '../apply/content-loader.ts';
import { zoneCommander } from '../apply/zone-commands.ts';
import { ZoneFiles } from '../apply/zone-files.ts';
import type { DomainName } from '../dns/name.ts';
import { emptyTrash } from '../files.ts';
import { Mailbox } from '../mailbox.ts';
import type { ClusterView } from '../observe/cluster.ts';
import { Prover } from '../observe/prover.ts';
import type { Passes, PassOutcome } from '../pass/pass.ts';
import type { Registration } from '../plan/registration.ts';
import { TransientError } from '../problem.ts';
import { objectKey } from '../resources/types.ts';
import { TokenBucket } from '../token-bucket.ts';
import { composePasses } from './compose-passes.ts';
import { FirstStart } from './first-start.ts';
import type { LocalCopies } from './local-copies.ts';
import { OwnPod } from './own-pod.ts';
import type { AgentParts } from './parts.ts';
import { RunningNamed } from './running-named.ts';

/** Where the agent stands on its way from start to stop. */
export interface AgentState {
  self: Registration | undefined;
  outcome: PassOutcome | undefined;
  /** Why the last pass did not get through. */
  trouble: string | undefined;
}

const APPROVE_ANNOTATION = 'agent.bindy.firestoned.io/approve';
/**
 * A pass looks at a zone for 5 to 10 µs, and takes a fraction of that for each of the others. Where passes
 * come one after the other, as while thousands of zones are agreed on, they are not to take all of the time: three a second
 * that look at 10,000 zones, after some that come at once.
 */
const ZONES_LOOKED_AT = { burst: 200_000, perSecond: 30_000 };
const UNCHANGED_SHARE = 0.1;
const RETRY_MS = 1000;
/** What a pass has seen stays in memory until the next: a world that is long gone is not to. */
const LONGEST_REST_MS = 60_000;
/** How long the resources wait for a named that starts on what lies on disk. */
const SERVE_FIRST_MS = 2000;
const POLL_MS = 10;
const TRASH_DAYS = 7;
const DAY_MS = 86_400_000;

/** One pod's agent: takes the newest world, makes a pass, again and again, until it is stopped. */
export class Agent {
  readonly state: AgentState = {
    self: undefined,
    outcome: undefined,
    trouble: undefined,
  };
  readonly named: RunningNamed;
  readonly start: FirstStart;
  readonly #parts: AgentParts;
  readonly #afterPass: (agent: Agent) => void;
  readonly #own: OwnPod;
  readonly #approved = new Set<string>();
  readonly #mailbox = new Mailbox();
  readonly #passes: Passes;
  readonly #prover: Prover;

  constructor(parts: AgentParts, copies: LocalCopies, afterPass: (agent: Agent) => void) {
    this.#parts = parts;
    this.#afterPass = afterPass;
    const { options, rndc, clock, wire, update } = parts;
    this.#own = new OwnPod(parts, () => this.wake());
    const command = zoneCommander(rndc);
    const files = new ZoneFiles(options.paths.zones, join(options.paths.state, 'trash'));
    const serialHere = (zone: DomainName) => wire.serialHere(zone);
    const loadProblem = (zone: DomainName, since: number) => copies.loadProblem(zone, since);
    const loader = new ContentLoader({
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
    const named = new RunningNamed({
      parts,
      copies,
      command,
      files,
      loader,
      adopted: options.named.conf !== '',
      changed: () => this.wake(),
    });
    this.named = named;
    this.start = new FirstStart(parts, () => this.#passes.confirmPrepared());
    this.#passes = composePasses({
      parts,
      copies,
      named,
      prover: this.#prover,
      command,
      files,
      loader,
      loadProblem,
      wake: () => this.wake(),
      again: (ms) => this.#mailbox.ringIn(ms),
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

  /**
   * This pod is about to go: its peers look for others as long as it is still there. Returns why they were not told yet;
   * they will be.
   */
  async drain(): Promise<TransientError | undefined> {
    this.wake();
    return this.#own.drain(this.state.outcome?.held?.hash);
  }

  /** A peer's agent has fallen silent: its named may have gone with it. */
  doubt(pod: string): void {
    const peer = this.#parts.cluster.view().peers.get(pod);
    if (peer !== undefined) this.#prover.doubt(peer.ips);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { options, clock, log, configuration } = this.#parts;
    if (await this.start.fromDisk(() => this.named.meet())) this.named.noteUntold();
    const tasks = [
      this.named.link.watch(signal),
      this.#prover.run(signal),
      this.start.afterDeadline(signal),
      this.#passAgainAndAgain(signal),
    ];
    if (this.start.notYet === undefined) await this.#untilRefreshed(signal);
    await this.#begin();
    if (this.named.reconciled && !signal.aborted) await this.#own.return();
    tasks.push(configuration.watch(() => this.wake(), clock, signal));
    tasks.push(this.#own.watch(signal));
    const trash = join(options.paths.state, 'trash');
    await emptyTrash(trash, clock.now() - TRASH_DAYS * DAY_MS).catch((error: unknown) =>
      log.warn({ err: error }, 'the trash could not be emptied'),
    );
    this.wake();
    await Promise.all(tasks);
  }

  async #passAgainAndAgain(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const pace = new TokenBucket(clock, ZONES_LOOKED_AT);
    while (await this.#mailbox.next(signal)) {
      this.#mailbox.ringIn(LONGEST_REST_MS);
      // What happens meanwhile costs no pass of its own.
      const pause = pace.inMs();
      if (pause > 0) await clock.sleep(pause, signal);
      if (signal.aborted) break;
      await this.#guardedPass(signal);
      const { looked = 0, plan } = this.state.outcome ?? {};
      pace.take(looked + (plan?.zones.size ?? 0) * UNCHANGED_SHARE);
    }
    this.#mailbox.close();
  }

  /** Zones that lie on disk are brought up to date before the resources are read: both want the processor. */
  async #untilRefreshed(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    const deadline = clock.monotonic() + SERVE_FIRST_MS;
    while (!this.named.reconciled && !signal.aborted && clock.monotonic() < deadline)
      await clock.sleep(POLL_MS, signal);
  }

  /**
   * Goes on until named may start and no further, as one that is not there yet: the pod is not registered. Returns why
   * named may not start after all.
   */
  async prepare(signal: AbortSignal): Promise<string | undefined> {
    this.#own.hide();
    await this.start.fromDisk();
    if (this.start.notYet === undefined) return undefined;
    await this.#begin();
    const done = new AbortController();
    const stopped = AbortSignal.any([signal, done.signal]);
    const anyway = this.start.afterDeadline(stopped).then(() => done.abort());
    this.wake();
    while (this.#isKept() && (await this.#mailbox.next(stopped))) await this.#guardedPass(stopped);
    done.abort();
    await anyway;
    this.#mailbox.close();
    return this.start.notYet;
  }

  /** named may not start yet, but that may change by itself. */
  #isKept(): boolean {
    const { outcome } = this.state;
    return this.start.notYet !== undefined && outcome?.config.kind !== 'refused';
  }

  async #begin(): Promise<void> {
    const { cluster } = this.#parts;
    await this.#own.read();
    const role = this.#own.roleAtFirst;
    if (role !== undefined) cluster.readFor(role);
    await cluster.start(() => this.wake());
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
    const { metrics, clock, cluster } = this.#parts;
    await this.named.reconcile();
    const view = cluster.view();
    if (!view.synced) return;
    const self = this.#own.describe(view.instances);
    this.state.self = self;
    if (self === undefined) return;
    cluster.readFor(self.role);
    if (!cluster.view().synced) return;
    // Once it was taken back, a registration must not come again.
    signal.throwIfAborted();
    const held = this.state.outcome?.held?.hash;
    const unregistered = await this.#own.register(held);
    const startedAt = clock.monotonic();
    const outcome = await this.#passes.run({
      view,
      self,
      foreign: new Set([...this.named.foreign, ...this.#parts.configuration.zones]),
      approved: this.#approvedFor(self, view),
      named: await this.#namedState(),
      signal,
    });
    metrics.observePass((clock.monotonic() - startedAt) / 1000);
    if (outcome.held?.hash !== held) this.wake();
    this.state.outcome = outcome;
    // Spent: should the same be lost again some day, it is for somebody to approve again.
    if (outcome.held === undefined && outcome.approved === undefined) this.#approved.clear();
    await this.start.onPass(outcome);
    // What the zones can do without is told, and tried again, after they got what they need.
    const unkept = await this.#own.keep();
    const failure = unregistered ?? outcome.unsaved ?? this.#parts.configuration.unsaved ?? unkept;
    if (failure !== undefined) throw failure;
  }

  /** Approved over loopback, or by an annotation on the pod's instance. */
  #approvedFor(self: Registration, view: ClusterView): ReadonlySet<string> {
    const instance = view.instances.get(objectKey(self.namespace, self.instance));
    const annotated = instance?.metadata.annotations[APPROVE_ANNOTATION];
    return annotated === undefined ? this.#approved : new Set([...this.#approved, annotated]);
  }

  async #namedState(): Promise<'ready' | 'never-started' | 'away'> {
    if (this.named.ready) return 'ready';
    return (await this.start.hasDatabase()) ? 'away' : 'never-started';
  }

  #onProof(proof: string, proven: boolean): void {
    this.#parts.log.info({ primary: proof }, proven ? 'primary answers' : 'primary is silent');
    this.wake();
    if (proven) this.named.refreshFrom(proof);
  }
}
