import { stat } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { timestamp } from '../clock.ts';
import { type DomainName, displayName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { NamedZone } from '../observe/named-statistics.ts';
import type { PrimaryPlan, SecondaryPlan } from '../plan/plan-zone.ts';
import type { Plan } from '../plan/planner.ts';
import type { Role } from '../plan/registration.ts';
import { type Endpoint, endpointId } from '../plan/topology.ts';
import type { ObservedPrimary } from '../plan/transfer-diagnosis.ts';
import type { TransferEvent } from '../plan/transfer-event.ts';
import { parseLogLine } from '../plan/transfer-log.ts';
import {
  type Attempt,
  afterRestart,
  noMemory,
  remember,
  type TransferMemory,
} from '../plan/transfer-memory.ts';
import type { PrimaryProbe } from '../plan/transfer-probe.ts';
import { judge, observe, type ZoneTransferState } from '../plan/transfer-state.ts';
import type { Feed } from '../report/feed.ts';
import type { ZoneCopy } from '../report/zone-copy.ts';
import type { Wire } from './wire.ts';

export interface LocalCopiesDeps {
  readonly wire: Wire;
  readonly clock: Clock;
  readonly feed: Feed;
  readonly journalOf: (zone: DomainName) => string;
  /** Tells named to look at a zone's primaries now. */
  readonly refresh: (zone: DomainName) => Promise<void>;
  readonly onAttempt: (zone: DomainName, attempt: Attempt) => void;
  /** A copy is another than before. */
  readonly onChange: (zone: DomainName) => void;
  /** Other primaries than before are outdated. */
  readonly onOutdated: () => void;
}

interface Tracked {
  plan: PrimaryPlan | SecondaryPlan;
  /** The serial that was agreed on, as far as this pod has heard. */
  wanted: Serial | undefined;
  memory: TransferMemory;
  statistics: NamedZone | undefined;
  state: ZoneTransferState | undefined;
  copy: ZoneCopy | undefined;
  /** Since when it is missing, behind or failing, by the monotonic clock. */
  offSince: number | undefined;
  patience: number;
  /** When named was told last to refresh because of that, and how often in a row. */
  nudgedAt: number;
  nudges: number;
  /** What its primaries said when they were asked last, when that was, and how often in a row. */
  probed: readonly ObservedPrimary[];
  probedAt: number;
  probes: number;
}

/** Looks at once; each is a question to named over loopback. */
const AT_ONCE = 100;
/** named is given so long to get there by itself before its primaries are asked and it is told again … */
const PATIENCE_MS = 1000;
/** … and longer for a first transfer that nothing speaks against: a thousand of them take their time. */
const FIRST_PATIENCE_MS = 4000;
const LONGEST_PAUSE_MS = 30_000;
/** named logs to the ms and its clock is read before ours. */
const CLOCK_GRAIN_MS = 50;

/** What this pod has of each zone: follows named's log, asks named itself, and asks the primaries where something is off. */
export class LocalCopies {
  readonly #deps: LocalCopiesDeps;
  readonly #zones = new Map<DomainName, Tracked>();
  /** What the log says of zones that are only about to be tracked: named is quicker than the pass that adds them. */
  readonly #early = new Map<DomainName, { memory: TransferMemory }>();
  readonly #problems = new Map<DomainName, { readonly at: number; readonly detail: string }>();
  readonly #dirty = new Set<DomainName>();
  readonly #outdated = new Map<DomainName, ReadonlySet<string>>();
  #looking = false;

  constructor(deps: LocalCopiesDeps) {
    this.#deps = deps;
  }

  /** As it is told to peers; undefined until it was looked at. */
  copyOf(zone: DomainName): ZoneCopy | undefined {
    return this.#zones.get(zone)?.copy;
  }

  /** Every copy as it was last seen, times in ms since 1970. */
  *samples(): Generator<{ zone: DomainName; role: Role } & ZoneTransferState> {
    for (const [zone, { plan, state }] of this.#zones)
      if (state !== undefined) yield { zone, role: plan.kind, ...state };
  }

  /** Primaries (`endpointId`) that answered without having what was agreed on, by the zones that wait for it. */
  get outdated(): ReadonlyMap<DomainName, ReadonlySet<string>> {
    return this.#outdated;
  }

  /** Nothing newer is known than what is served; also of a zone that was not looked at yet. */
  isCurrent(zone: DomainName): boolean {
    return (this.#zones.get(zone)?.state?.state ?? 'Current') === 'Current';
  }

  /** The zones to know of, after a plan. */
  track(plan: Plan, view: ClusterView): void {
    const gone = new Set(this.#zones.keys());
    for (const each of plan.zones.values()) {
      if (each.kind !== 'primary' && each.kind !== 'secondary') continue;
      gone.delete(each.zone);
      this.#trackOne(each, view.statuses.get(each.object.key)?.allocated?.serial);
    }
    for (const zone of gone) {
      const tracked = this.#zones.get(zone);
      this.#zones.delete(zone);
      this.#outdated.delete(zone);
      if (tracked !== undefined) this.#deps.feed.drop(tracked.plan.object.key);
    }
    this.#early.clear();
    this.#look();
  }

  #trackOne(plan: PrimaryPlan | SecondaryPlan, wanted: Serial | undefined): void {
    const known = this.#zones.get(plan.zone);
    if (known === undefined) {
      const { memory } = this.#early.get(plan.zone) ?? { memory: noMemory };
      if (memory.attempt !== undefined) this.#deps.onAttempt(plan.zone, memory.attempt);
      this.#zones.set(plan.zone, {
        plan,
        wanted,
        memory,
        statistics: undefined,
        state: undefined,
        copy: undefined,
        offSince: undefined,
        patience: PATIENCE_MS,
        nudgedAt: 0,
        nudges: 0,
        probed: [],
        probedAt: 0,
        probes: 0,
      });
      this.#dirty.add(plan.zone);
      return;
    }
    if (known.plan !== plan || known.wanted !== wanted) this.#dirty.add(plan.zone);
    if (known.plan.object.key !== plan.object.key) this.#deps.feed.drop(known.plan.object.key);
    known.plan = plan;
    known.wanted = wanted;
  }

  onLine(line: string): void {
    const event = parseLogLine(line);
    if (event === undefined || event.kind === 'bad-signature') return;
    this.#noteProblem(event);
    if (event.kind === 'transfer-completed') void this.#completed(event);
    else this.#remember(event);
  }

  async #completed(event: Extract<TransferEvent, { kind: 'transfer-completed' }>): Promise<void> {
    const journal = await stat(this.#deps.journalOf(event.zone)).catch(() => undefined);
    const since = this.#holderOf(event.zone).memory.running?.since ?? event.at;
    const grown = journal !== undefined && journal.mtimeMs >= since - CLOCK_GRAIN_MS;
    this.#remember(event, grown);
    const attempt = this.#zones.get(event.zone)?.memory.attempt;
    if (attempt !== undefined) this.#deps.onAttempt(event.zone, attempt);
  }

  #remember(event: Exclude<TransferEvent, { kind: 'bad-signature' }>, journal?: boolean): void {
    const holder = this.#holderOf(event.zone);
    const memory = remember(holder.memory, event, journal);
    if (memory === holder.memory) return;
    holder.memory = memory;
    this.#dirty.add(event.zone);
    this.#look();
  }

  #holderOf(zone: DomainName): { memory: TransferMemory } {
    const known = this.#zones.get(zone) ?? this.#early.get(zone);
    if (known !== undefined) return known;
    const early = { memory: noMemory };
    this.#early.set(zone, early);
    return early;
  }

  #noteProblem(event: Exclude<TransferEvent, { kind: 'bad-signature' }>): void {
    if (event.kind === 'loaded') this.#problems.delete(event.zone);
    if (event.kind === 'load-problem')
      this.#problems.set(event.zone, { at: event.at, detail: event.detail });
  }

  /** Why named did not load a zone, if its log has said so since `since`. */
  loadProblem(zone: DomainName, since: number): string | undefined {
    const problem = this.#problems.get(zone);
    return problem !== undefined && problem.at >= since - CLOCK_GRAIN_MS
      ? problem.detail
      : undefined;
  }

  /** Looks again and again at what is not as it should be. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#deps.clock.sleep(PATIENCE_MS, signal);
      for (const [zone, { state }] of this.#zones)
        if (state !== undefined && state.state !== 'Current') this.#dirty.add(zone);
      this.#look();
    }
  }

  /** named is there again: everything is to be looked at. */
  onNamedUp(): void {
    for (const [zone, tracked] of this.#zones) {
      tracked.memory = afterRestart(tracked.memory);
      this.#dirty.add(zone);
    }
    this.#look();
  }

  /** What named's statistics say: expiry times, and serials that moved without a line in the log. */
  onStatistics(zones: ReadonlyMap<DomainName, NamedZone>): void {
    for (const [zone, tracked] of this.#zones) {
      const now = zones.get(zone);
      const before = tracked.statistics;
      tracked.statistics = now;
      const moved =
        before?.serial !== now?.serial || before?.expires?.getTime() !== now?.expires?.getTime();
      if (moved) this.#dirty.add(zone);
    }
    this.#look();
  }

  #look(): void {
    if (this.#looking || this.#dirty.size === 0) return;
    this.#looking = true;
    void this.#lookAtAll().finally(() => {
      this.#looking = false;
      this.#look();
    });
  }

  async #lookAtAll(): Promise<void> {
    const zones = [...this.#dirty].slice(0, AT_ONCE);
    for (const zone of zones) this.#dirty.delete(zone);
    await Promise.all(zones.map((zone) => this.#lookAt(zone)));
  }

  async #lookAt(zone: DomainName): Promise<void> {
    const tracked = this.#zones.get(zone);
    if (tracked === undefined) return;
    const { clock, wire } = this.#deps;
    const served = await wire.soaHere(zone);
    const primaries = await this.#probe(tracked, served);
    if (this.#zones.get(zone) !== tracked) return;
    const { plan, wanted, statistics } = tracked;
    const look = {
      now: clock.now(),
      role: plan.kind,
      served,
      primaries,
      ...(wanted === undefined || plan.kind !== 'primary' ? {} : { wanted }),
      ...(statistics?.expires === undefined ? {} : { expiresAt: statistics.expires.getTime() }),
      ...(statistics?.loaded === undefined ? {} : { loadedAt: statistics.loaded.getTime() }),
    };
    tracked.memory = observe(tracked.memory, look);
    tracked.state = judge(tracked.memory, look);
    tracked.copy = copyOf(plan, tracked.state);
    if (this.#deps.feed.put(tracked.copy)) this.#deps.onChange(zone);
    this.#noteOutdated(tracked);
    this.#nudge(zone, tracked);
  }

  /** Only a copy that has been missing, behind or failing for a while costs questions to its primaries. */
  async #probe(
    tracked: Tracked,
    served: Awaited<ReturnType<Wire['soaHere']>>,
  ): Promise<ObservedPrimary[]> {
    const { plan, memory, wanted } = tracked;
    if (plan.kind === 'primary') return [];
    const serial = served.kind === 'soa' ? served.serial : undefined;
    const behind = serial === undefined || (wanted !== undefined && isNewer(wanted, serial));
    const now = this.#deps.clock.monotonic();
    const off = behind || memory.failures.size > 0 || memory.unserved.length > 0;
    tracked.offSince = off ? (tracked.offSince ?? now) : undefined;
    const first = serial === undefined && memory.failures.size === 0;
    tracked.patience = first ? FIRST_PATIENCE_MS : PATIENCE_MS;
    if (tracked.offSince === undefined || now - tracked.offSince < tracked.patience) {
      tracked.probes = 0;
      tracked.probed = [];
      return plan.primaries.map((endpoint) => ({ endpoint }));
    }
    const pause = Math.min(LONGEST_PAUSE_MS, PATIENCE_MS * 2 ** tracked.probes);
    const asked = plan.primaries.every(({ address, port }) =>
      tracked.probed.some(({ endpoint }) => endpoint.address === address && endpoint.port === port),
    );
    if (asked && now - tracked.probedAt < pause) return [...tracked.probed];
    tracked.probedAt = now;
    tracked.probes += 1;
    const deep = memory.failures.size > 0 || tracked.probes > 1;
    tracked.probed = await Promise.all(
      plan.primaries.map(async (endpoint) => ({
        endpoint,
        probe: await this.#ask(endpoint, plan.zone, deep),
      })),
    );
    return [...tracked.probed];
  }

  /** Another primary may have what this one lacks; when all were found to lack it, they get another turn. */
  #noteOutdated({ plan, wanted, offSince, probed }: Tracked): void {
    const { zone } = plan;
    if (plan.kind === 'primary' || offSince === undefined) {
      this.#outdated.delete(zone);
      return;
    }
    const before = this.#outdated.get(zone) ?? new Set();
    const lacking = probed
      .filter((each) => lacks(each, wanted))
      .map((each) => endpointId(each.endpoint));
    const all = new Set([...before, ...lacking]);
    if (all.size === before.size) return;
    const isEach = plan.candidates.every((candidate) => all.has(endpointId(candidate)));
    this.#outdated.set(zone, isEach ? new Set(lacking) : all);
    this.#deps.onOutdated();
  }

  /** @param deep whether to ask for the zone too, which costs the primary the start of a transfer */
  async #ask(endpoint: Endpoint, zone: DomainName, deep: boolean): Promise<PrimaryProbe> {
    const { wire, clock } = this.#deps;
    const soa = await wire.soa(endpoint, zone);
    if (soa.kind !== 'soa') return { at: clock.now(), soa };
    if (!deep) return { at: clock.now(), soa };
    const transfer = await wire.wouldTransfer(endpoint, zone);
    return { at: clock.now(), soa, transfer };
  }

  /** named waits long before it tries again by itself; a copy that could be current is not left to that. */
  #nudge(zone: DomainName, tracked: Tracked): void {
    const { offSince, memory } = tracked;
    const now = this.#deps.clock.monotonic();
    if (offSince === undefined) tracked.nudges = 0;
    if (offSince === undefined || memory.running !== undefined) return;
    const pause = Math.min(LONGEST_PAUSE_MS, tracked.patience * 2 ** tracked.nudges);
    if (now - Math.max(offSince, tracked.nudgedAt) < pause) return;
    tracked.nudgedAt = now;
    tracked.nudges += 1;
    void this.#deps.refresh(zone).catch(() => undefined);
  }
}

/** It answers, but does not have the zone, or not as new as it was agreed on. */
const lacks = ({ probe }: ObservedPrimary, wanted: Serial | undefined): boolean =>
  probe?.soa.kind === 'rcode' ||
  (probe?.soa.kind === 'soa' && wanted !== undefined && isNewer(wanted, probe.soa.serial));

function copyOf(plan: PrimaryPlan | SecondaryPlan, state: ZoneTransferState): ZoneCopy {
  const { lastTransferTime, expiresAt, behindSince, ...rest } = state;
  return {
    zone: displayName(plan.zone),
    object: plan.object.key,
    role: plan.kind,
    ...rest,
    ...(lastTransferTime === undefined ? {} : { lastTransferTime: timestamp(lastTransferTime) }),
    ...(expiresAt === undefined ? {} : { expiresAt: timestamp(expiresAt) }),
    ...(behindSince === undefined ? {} : { behindSince: timestamp(behindSince) }),
  };
}
