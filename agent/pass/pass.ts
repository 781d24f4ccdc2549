import { Backoff } from '../apply/backoff.ts';
import type { ContentLoader } from '../apply/content-loader.ts';
import type { Ledger } from '../apply/ledger.ts';
import type { ConfigOutcome } from '../apply/server-config.ts';
import type { Failure } from '../apply/zone-action.ts';
import type { ZoneApplier } from '../apply/zone-applier.ts';
import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { lastOnly } from '../last-only.ts';
import type { Logger } from '../log.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { Compiler } from '../observe/compiler.ts';
import type { ProofTarget, Prover } from '../observe/prover.ts';
import { type Action, explainAction, explainMany, type Target, zoneOf } from '../plan/action.ts';
import { diff, unwantedIn, wantedOf } from '../plan/diff.ts';
import { isEmptyZone } from '../plan/empty-zones.ts';
import { type GuardLimits, guardPlan, type Held } from '../plan/guard.ts';
import type { WantedConfig } from '../plan/named-config.ts';
import { isServed, type PrimaryPlan, type ZonePlan, type ZoneSettings } from '../plan/plan-zone.ts';
import { type Plan, type Planner, requestsOf } from '../plan/planner.ts';
import type { Registration } from '../plan/registration.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { failureOf, TransientError } from '../problem.ts';
import type { ObjectKey } from '../resources/types.ts';
import { type Agreements, isAllocated } from './agreements.ts';
import { Withholder } from './withhold.ts';
import type { Writers } from './writers.ts';

export interface PassDeps {
  readonly planner: Planner;
  readonly settings: ZoneSettings;
  readonly limits: GuardLimits;
  readonly agreements: Agreements;
  readonly writers: Writers;
  readonly compiler: Compiler;
  readonly prover: Prover;
  /** Primaries that answer without having what was agreed on, by zone. */
  readonly outdated: () => ReadonlyMap<DomainName, ReadonlySet<string>>;
  readonly ledger: Ledger;
  readonly loader: ContentLoader;
  readonly applier: ZoneApplier;
  readonly configure: (config: WantedConfig) => Promise<ConfigOutcome>;
  /** Returns why named refuses what was published. */
  readonly reconfig: () => Promise<string | undefined>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly again: (ms: number) => void;
}

/** What a pass is about. */
export interface PassInputs {
  readonly view: ClusterView;
  readonly self: Registration;
  readonly foreign: ReadonlySet<DomainName>;
  readonly approved: ReadonlySet<string>;
  /** `ready`: named takes commands. `never-started`: its stores may still be written as files. `away`: wait for it. */
  readonly named: 'ready' | 'never-started' | 'away';
  /** Ends the pass between two zones: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** What came of it. */
export interface PassOutcome {
  readonly plan: Plan;
  /** How many zones it has looked at: those that something has changed about, or that were not as they are to be. */
  readonly looked: number;
  /** What was to be done, the held part left out. */
  readonly actions: readonly Action[];
  readonly held: Held | undefined;
  /** The approval that was made use of. */
  readonly approved: string | undefined;
  /** Zones whose last action failed, and why, also from earlier passes. */
  readonly failures: ReadonlyMap<DomainName, string>;
  /** Zones whose content is not the one that the primaries agreed on, and why. */
  readonly diverged: ReadonlyMap<ObjectKey, string>;
  readonly config: ConfigOutcome;
  /** Stanzas for named's first start. */
  readonly firstStanzas: string | undefined;
  /** What was done could not be written down. */
  readonly unsaved: TransientError | undefined;
}

/** How soon a configuration that could not be written is tried again. */
const RETRY_MS = 1000;

/** What more zones than these are about to be done to is one line of the log, with some of them. */
const TOLD_SINGLY = 100;
const SOME = 10;

/** Zones whose peers are asked at once what they have. */
const WRITERS_AT_ONCE = 16;
const NOTHING: ReadonlyMap<DomainName, ServedZone> = new Map();

/** One pass: plan, agree, compare, guard, apply. It costs what changed, and what is not yet as it is to be. */
export class Passes {
  readonly #deps: PassDeps;
  readonly #backoff: Backoff;
  /** Zones that may not be as they are to be. */
  readonly #open = new Set<ObjectKey>();
  /** What plans have found since a pass got through. */
  #found = nothingFound();
  /** named was not told yet of the configuration that was published last. */
  #unread = false;
  /** From the first preparation on, named may be starting, on what lay there then. */
  #prepared = false;
  readonly #withholder = new Withholder();
  /** What looks at all zones does so when one of them has changed. */
  readonly #unwantedIn = lastOnly(unwantedIn);
  readonly #proofTargets = lastOnly(proofTargets);
  readonly #wantedConfig = lastOnly(wantedConfig);
  readonly #wronglyMarked = lastOnly(wronglyMarked);

  constructor(deps: PassDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.clock);
  }

  async run(inputs: PassInputs): Promise<PassOutcome> {
    const { planner, settings, compiler, prover, ledger } = this.#deps;
    const { view, self, foreign } = inputs;
    const planned = planner.plan({
      view,
      self,
      settings,
      compiled: compiler.compiled,
      proven: prover.proven,
      outdated: this.#deps.outdated(),
      served: ledger.entries(),
      foreign,
      ahead: this.#deps.writers.ahead,
    });
    this.#remember(planned);
    compiler.want(requestsOf(planned));
    // What a named that was never started was to be given is written afresh, whole.
    const given = () => (inputs.named === 'never-started' ? NOTHING : ledger.entries());
    const { drops, withheld, held, approved } = guardPlan(planned, {
      view,
      self: self.pod,
      served: given(),
      unwanted: this.#unwantedIn(planned.zones, given()),
      changing: this.#openIn(planned, inputs.named).values(),
      limits: this.#deps.limits,
      approved: inputs.approved,
    });
    const plan = await this.#withholder.withhold(planned, {
      self: self.pod,
      view,
      served: given(),
      guarded: withheld,
      loader: inputs.named === 'ready' ? this.#deps.loader : undefined,
    });
    this.#remember(plan);
    prover.watch(this.#proofTargets(plan.zones));
    const open = this.#openIn(plan, inputs.named);
    for (const each of open.values())
      if (isServed(each)) ledger.share(wantedOf(each), hashOf(each));
    const { plans, targets } = await this.#targets(open, inputs);
    const actions = [...diff({ plans, targets, served: given() }), ...drops];
    if (inputs.named !== 'never-started' && view.removalsFrozen === undefined) this.#mark(held);
    const wanted = this.#wantedConfig(plan.config, plan.zones);
    const config = await this.#tell(await this.#configure(wanted, held), inputs.named);
    const firstStanzas = await this.#apply(actions, inputs, open);
    const unsaved = await failureOf(ledger.flush());
    if (inputs.named === 'ready') this.#close(open, targets, actions, view);
    const { changed, touched } = this.#found;
    this.#found = nothingFound();
    return {
      plan: { ...plan, changed: [...changed], touched: [...touched] },
      looked: open.size,
      actions,
      held,
      approved,
      failures: this.#backoff.reasons(),
      diverged: this.#deps.agreements.divergences(),
      config,
      firstStanzas,
      unsaved,
    };
  }

  /** The stanzas for named's first start lie where it will find them. */
  async confirmPrepared(): Promise<void> {
    await this.#deps.applier.confirmPrepared();
  }

  #remember({ changed, touched }: Plan): void {
    for (const key of changed) this.#found.changed.add(key);
    for (const key of touched) this.#found.touched.add(key);
    for (const key of touched) this.#open.add(key);
  }

  /** The zones to look at: all of them where named does not say what it has. */
  #openIn({ zones }: Plan, named: PassInputs['named']): ReadonlyMap<ObjectKey, ZonePlan> {
    const { agreements } = this.#deps;
    const open = new Map<ObjectKey, ZonePlan>();
    for (const key of this.#open) {
      const plan = zones.get(key);
      if (plan?.kind !== 'primary') agreements.forget(key);
      const isTold = plan?.kind === 'primary' && agreements.isPublishing(plan);
      if (plan === undefined) this.#open.delete(key);
      else if (!isTold || this.#found.touched.has(key)) open.set(key, plan);
    }
    return named === 'ready' ? open : zones;
  }

  /** What is as it is to be is not looked at again before something about it has changed. */
  #close(
    open: ReadonlyMap<ObjectKey, ZonePlan>,
    targets: ReadonlyMap<DomainName, Target | 'on-disk'>,
    actions: readonly Action[],
    { statuses }: ClusterView,
  ): void {
    const { ledger } = this.#deps;
    const acted = new Set(actions.map(zoneOf));
    const isDone = (plan: ZonePlan): boolean => {
      if (plan.kind === 'pending' || acted.has(plan.zone)) return false;
      if (plan.kind !== 'primary') return true;
      if (plan.withheld !== undefined) return false;
      if (plan.dynamic) return !plan.claim && ledger.get(plan.zone) !== undefined;
      const target = targets.get(plan.zone);
      const allocated = statuses.get(plan.object.key)?.allocated;
      // What was taken from another primary may be ours to replace as soon as more is read.
      const isOurs = typeof target === 'object' && target.content.hash === plan.content.hash;
      return isOurs && isAllocated(target, allocated);
    };
    for (const [key, plan] of open) if (isDone(plan)) this.#open.delete(key);
  }

  /** What is held stays so over a restart. */
  #mark(held: Held | undefined): void {
    const { ledger } = this.#deps;
    for (const { held: marked, ...rest } of this.#wronglyMarked(ledger.entries(), held))
      ledger.put([marked === true ? rest : { ...rest, held: true }]);
  }

  /**
   * A configuration that cannot be written holds up no zone. While the loss of zones is held, that of the instance which
   * says who may query is none either.
   */
  async #configure(wanted: WantedConfig, held: Held | undefined): Promise<ConfigOutcome> {
    const lost = Object.keys(wanted).length === 0 && (held?.zones.length ?? 0) > 0;
    if (lost) return { kind: 'unchanged' };
    try {
      return await this.#deps.configure(wanted);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      this.#deps.again(RETRY_MS);
      return { kind: 'refused', why: error.message };
    }
  }

  /** A named that runs reads what was published. What it refuses then is as good as never published. */
  async #tell(config: ConfigOutcome, named: PassInputs['named']): Promise<ConfigOutcome> {
    if (config.kind === 'published') this.#unread = true;
    if (named !== 'ready' || !this.#unread) return config;
    const why = await this.#deps.reconfig();
    this.#unread = false;
    return why === undefined ? config : { kind: 'refused', why };
  }

  async #targets(open: ReadonlyMap<ObjectKey, ZonePlan>, { view, named }: PassInputs) {
    const { agreements, writers, ledger, loader } = this.#deps;
    const plans = new Map(open);
    const served = ledger.entries();
    const primaries = primaryPlans(open);
    await writers.catchUp(open);
    const targets = new Map<DomainName, Target | 'on-disk'>(
      await agreements.targets(
        primaries.filter((each) => !each.dynamic),
        served,
        view.progress,
        // A named that is about to start is to have all of them.
        named !== 'never-started',
      ),
    );
    for (const each of primaries) if (!each.dynamic) recognise(each, served.get(each.zone), loader);
    const dynamic = primaries.filter((each) => each.dynamic);
    await atOnce(WRITERS_AT_ONCE, dynamic, (each) => {
      // A named that was never started serves nothing, whatever was made ready for it.
      const now = named === 'never-started' ? undefined : ledger.get(each.zone);
      return this.#writerTurn(each, now, plans, targets);
    });
    return { plans, targets };
  }

  async #writerTurn(
    plan: PrimaryPlan,
    served: ServedZone | undefined,
    plans: Map<ObjectKey, ZonePlan>,
    targets: Map<DomainName, Target | 'on-disk'>,
  ): Promise<void> {
    const { zone, object, placement } = plan;
    const turn = await this.#deps.writers.turn(plan, served);
    this.#forgetContent(served);
    if (turn === 'not-ours-yet')
      plans.set(object.key, {
        kind: 'keep',
        zone,
        object,
        placement,
        why: 'another pod may be its writer',
        problems: [],
      });
    else if (turn !== 'served') targets.set(zone, turn);
  }

  /** Others write the zone: what is served of it, and under which serial, is not known from here on. */
  #forgetContent(served: ServedZone | undefined): void {
    const { ledger, loader } = this.#deps;
    if (served?.serial === undefined && served?.hash === undefined) return;
    const { serial: _serial, hash: _hash, ...rest } = served;
    ledger.put([rest]);
    loader.forget(served.zone);
  }

  async #apply(
    actions: readonly Action[],
    { named, view, signal }: PassInputs,
    open: ReadonlyMap<ObjectKey, ZonePlan>,
  ): Promise<string | undefined> {
    const { applier, agreements, ledger, again } = this.#deps;
    if (named === 'never-started') {
      const { stanzas, failures } = await applier.prepare(actions);
      this.#note(actions, failures);
      if (!this.#prepared) this.#unread = false;
      this.#prepared = true;
      return stanzas;
    }
    if (named === 'away') return undefined;
    const signatures = signaturesOf(actions);
    this.#backoff.keepOnly(new Set(signatures.keys()));
    const due = actions.filter((action) =>
      this.#backoff.isDue(zoneOf(action), signatures.get(zoneOf(action)) ?? ''),
    );
    // A zone that the user's configuration has now leaves ours first; then that configuration may come.
    if (due.some(({ kind }) => kind === 'drop')) again(0);
    this.#tellDue(due);
    const failures = due.length === 0 ? [] : await applier.apply(due, signal);
    this.#note(due, failures);
    const own = primaryPlans(open).filter((each) => !each.dynamic);
    // Not waited for: the next change would wait with it.
    void agreements.publish(own, ledger.entries(), view, signal);
    return undefined;
  }

  #tellDue(due: readonly Action[]): void {
    const { log } = this.#deps;
    if (due.length <= TOLD_SINGLY)
      for (const action of due) log.info({ zone: zoneOf(action) }, explainAction(action));
    else
      for (const [kind, actions] of Map.groupBy(due, (action) => action.kind))
        log.info({ some: actions.slice(0, SOME).map(zoneOf) }, explainMany(kind, actions.length));
  }

  #note(done: readonly Action[], failures: readonly Failure[]): void {
    const reasons = new Map(failures.map(({ zone, why }) => [zone, why]));
    for (const [zone, signature] of signaturesOf(done)) {
      const why = reasons.get(zone);
      if (why === undefined) this.#backoff.succeeded(zone);
      else this.#backoff.failed(zone, signature, why);
    }
    for (const action of done) {
      const zone = zoneOf(action);
      const why = reasons.get(zone);
      if (why !== undefined)
        this.#deps.log.warn({ zone, reason: why }, `failed to ${explainAction(action)}`);
    }
    const wait = this.#backoff.nextDue();
    if (wait !== undefined) this.#deps.again(wait);
  }
}

const hashOf = (plan: ZonePlan): string | undefined =>
  plan.kind === 'primary' ? plan.content.hash : undefined;

const nothingFound = () => ({ changed: new Set<ObjectKey>(), touched: new Set<ObjectKey>() });

/** Served zones that are marked as held and are not, or the other way round. */
function wronglyMarked(
  served: ReadonlyMap<DomainName, ServedZone>,
  held: Held | undefined,
): readonly ServedZone[] {
  const zones = new Set(held?.zones);
  return [...served.values()].filter((each) => (each.held === true) !== zones.has(each.zone));
}

/** named must not make by itself what it is to have from us. */
function wantedConfig(config: Plan['config'], zones: Plan['zones']): WantedConfig {
  const own: DomainName[] = [];
  for (const { kind, zone } of zones.values())
    if (kind !== 'elsewhere' && kind !== 'conflict' && isEmptyZone(zone)) own.push(zone);
  return own.length === 0 ? config : { ...config, ownEmptyZones: own.sort() };
}

const primaryPlans = (plans: ReadonlyMap<ObjectKey, ZonePlan>): PrimaryPlan[] =>
  [...plans.values()].filter((each) => each.kind === 'primary');

/** Loaded by an earlier run, under the hash that its content has now: known record by record. */
function recognise(
  { zone, content }: PrimaryPlan,
  now: { readonly hash?: string; readonly serial?: number } | undefined,
  loader: ContentLoader,
): void {
  if (now?.serial === undefined || now.hash !== content.hash || loader.knows(zone)) return;
  loader.learn(zone, { content, serial: now.serial });
}

/** Peers are proven by any zone they should have, servers outside zone by zone. */
function proofTargets(zones: Plan['zones']): Map<string, ProofTarget> {
  const targets = new Map<string, ProofTarget>();
  for (const each of zones.values()) {
    if (each.kind !== 'secondary') continue;
    for (const candidate of each.candidates)
      if (!targets.has(candidate.proof))
        targets.set(candidate.proof, { candidate, zone: each.zone });
  }
  return targets;
}

/** By zone, all that is to be done with it: the same again is tried after a pause, anything else at once. */
function signaturesOf(actions: readonly Action[]): Map<DomainName, string> {
  const signatures = new Map<DomainName, string>();
  for (const action of actions) {
    const zone = zoneOf(action);
    const before = signatures.get(zone);
    const own = signature(action);
    signatures.set(zone, before === undefined ? own : `${before}\n${own}`);
  }
  return signatures;
}

function signature(action: Action): string {
  switch (action.kind) {
    case 'add':
      return `add ${action.wanted.stanza} ${action.target?.content.hash} ${action.target?.serial}`;
    case 'modify':
      return `modify ${action.wanted.stanza}`;
    case 'load':
      return `load ${action.target.content.hash} ${action.target.serial}`;
    case 'drop':
      return 'drop';
  }
}
