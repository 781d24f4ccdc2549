import { stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { SoaAnswer } from '../observe/dns-client.ts';
import type { NamedZone } from '../observe/named-statistics.ts';
import { isServed, type PrimaryPlan, type SecondaryPlan } from '../plan/plan-zone.ts';
import type { Plan } from '../plan/planner.ts';
import type { Role } from '../plan/registration.ts';
import type { TransferEvent } from '../plan/transfer-event.ts';
import { parseLogLine } from '../plan/transfer-log.ts';
import {
  type Arrival,
  type Attempt,
  afterRestart,
  attemptCounted,
  noMemory,
  remember,
  type TransferMemory,
} from '../plan/transfer-memory.ts';
import { judge, observe, type ZoneTransferState } from '../plan/transfer-state.ts';
import type { Feed, FeedZone } from '../report/feed.ts';
import type { ObjectKey } from '../resources/types.ts';
import { Texts } from '../texts.ts';
import { LoadProblems } from './load-problems.ts';
import { isOlder, OffCopies, type OffCopiesDeps } from './off-copies.ts';
import { copyOf, seenState, type TrackedCopy, trackedCopy } from './tracked-copy.ts';

export interface LocalCopiesDeps extends OffCopiesDeps {
  readonly feed: Feed;
  readonly journalOf: (zone: DomainName) => string;
  readonly onAttempt: (zone: DomainName, attempt: Attempt) => void;
  /** A copy is another than before. */
  readonly onChange: (object: ObjectKey) => void;
}

/** Looks at once; each is a question to named over loopback. */
const AT_ONCE = 100;
/** How often what is not as it should be is looked at again. */
const LOOK_AGAIN_MS = 1000;
/** Where that is true of many, each waits so long for each of them: looks are not to cost more than what is looked at. */
const LOOK_AGAIN_EACH_MS = 5;
/** named is given so long to start, at first and again: until then it is not asked, and nothing fails. */
const START_MS = 15_000;
/** Well past the time between two readings of named's statistics. */
const JUST_COME_MS = 90_000;
/** Said of a transfer that mostly ends in a moment: until then, the zone is one of those that are not as they should be. */
const passing: ReadonlySet<TransferEvent['kind']> = new Set([
  'notified',
  'transfer-started',
  'transfer-connected',
  'transferred',
]);
/** named logs to the ms and its clock is read before ours. */
const CLOCK_GRAIN_MS = 50;

/** What this pod has of each zone: follows named's log, asks named itself, and asks the primaries where something is off. */
export class LocalCopies {
  readonly #deps: LocalCopiesDeps;
  readonly #zones = new Map<DomainName, TrackedCopy>();
  /** What the log says of zones that are only about to be tracked: named is quicker than the pass that adds them. */
  readonly #early = new Map<DomainName, { memory: TransferMemory }>();
  /** Read when no zone was tracked yet: an agent looks at its named before it has read what its zones are. */
  #earlyStatistics: ReadonlyMap<DomainName, NamedZone> | undefined;
  readonly #problems: LoadProblems;
  readonly #dirty = new Set<DomainName>();
  /** Those that were not as they should be when they were looked at last. */
  readonly #notCurrent = new Set<DomainName>();
  readonly #off: OffCopies;
  readonly #underWay = new Set<DomainName>();
  readonly #startedAt: number;
  #met = false;
  /** Since when named does not answer commands, by the monotonic clock, until its copies are looked at for that. */
  #awaySince: number | undefined;
  readonly #texts = new Texts();

  constructor(deps: LocalCopiesDeps) {
    this.#deps = deps;
    this.#startedAt = deps.clock.monotonic();
    this.#problems = new LoadProblems(deps.clock);
    this.#off = new OffCopies(deps);
  }

  /** As it is told to peers; undefined until it was looked at. */
  copyOf(zone: DomainName): FeedZone | undefined {
    return this.#zones.get(zone)?.copy;
  }

  /** Every copy as it was last seen, times in ms since 1970. */
  *samples(): Generator<{ zone: DomainName; role: Role } & ZoneTransferState> {
    for (const [zone, { plan, copy }] of this.#zones)
      if (copy !== undefined) yield { zone, role: plan.kind, ...seenState(copy) };
  }

  /** Primaries (`endpointId`) that answered without having what was agreed on, by the zones that wait for it. */
  get outdated(): ReadonlyMap<DomainName, ReadonlySet<string>> {
    return this.#off.outdated;
  }

  /** Nothing newer is known than what is served; also of a zone that was not looked at yet. */
  isCurrent(zone: DomainName): boolean {
    const { copy, memory = noMemory } = this.#zones.get(zone) ?? {};
    return (copy?.state ?? 'Current') === 'Current' && memory.unserved.length === 0;
  }

  /** The last transfer that brought its data, as named has logged it. */
  arrivalOf(zone: DomainName): Arrival | undefined {
    return this.#zones.get(zone)?.memory.arrival;
  }

  /** The zones to know of, after a plan. */
  track(plan: Plan, view: ClusterView): void {
    let gone = false;
    for (const key of plan.touched) {
      const each = plan.zones.get(key);
      if (each === undefined || !isServed(each)) {
        gone = true;
        continue;
      }
      // It may be one that had another name.
      if (!this.#zones.has(each.zone)) gone = true;
      this.#trackOne(each, view.statuses.get(key)?.allocated?.serial);
    }
    if (gone) this.#forgetGone(plan);
    this.#early.clear();
    this.#earlyStatistics = undefined;
    this.#look();
  }

  /** A name that another object has taken over is tracked under that one by now. */
  #forgetGone(plan: Plan): void {
    for (const [zone, tracked] of this.#zones) {
      const { key } = tracked.plan.object;
      const now = plan.zones.get(key);
      if (now !== undefined && isServed(now) && now.zone === zone) continue;
      this.#zones.delete(zone);
      this.#notCurrent.delete(zone);
      this.#off.forget(zone);
      this.#deps.feed.drop(key);
    }
  }

  #trackOne(plan: PrimaryPlan | SecondaryPlan, wanted: Serial | undefined): void {
    const known = this.#zones.get(plan.zone);
    if (known === undefined) {
      const { memory } = this.#early.get(plan.zone) ?? { memory: noMemory };
      if (memory.attempt !== undefined) this.#deps.onAttempt(plan.zone, memory.attempt);
      const statistics = this.#earlyStatistics?.get(plan.zone);
      const tracked = trackedCopy({ plan, wanted, memory: attemptCounted(memory), statistics });
      this.#zones.set(plan.zone, tracked);
      this.#dirty.add(plan.zone);
      return;
    }
    if (known.wanted !== wanted || isAnother(known.plan, plan)) this.#dirty.add(plan.zone);
    if (known.plan.object.key !== plan.object.key) this.#deps.feed.drop(known.plan.object.key);
    known.plan = plan;
    known.wanted = wanted;
  }

  onLine(line: string): void {
    const event = parseLogLine(line);
    if (event === undefined || event.kind === 'bad-signature') return;
    // They are cut out of what was read at a time.
    this.#texts.shareIn(event);
    this.#problems.note(event);
    if (event.kind === 'transfer-completed') void this.#completed(event);
    else this.#remember(event);
  }

  async #completed(event: Extract<TransferEvent, { kind: 'transfer-completed' }>): Promise<void> {
    const journal = await stat(this.#deps.journalOf(event.zone)).catch(() => undefined);
    const since = this.#holderOf(event.zone).memory.running?.since ?? event.at;
    const grown = journal !== undefined && journal.mtimeMs >= since - CLOCK_GRAIN_MS;
    this.#remember(event, grown);
    const known = this.#zones.get(event.zone);
    if (known?.memory.attempt === undefined) return;
    this.#deps.onAttempt(event.zone, known.memory.attempt);
    known.memory = attemptCounted(known.memory);
  }

  #remember(event: Exclude<TransferEvent, { kind: 'bad-signature' }>, journal?: boolean): void {
    const holder = this.#holderOf(event.zone);
    const memory = remember(holder.memory, event, journal);
    if (memory === holder.memory) return;
    holder.memory = memory;
    if (passing.has(event.kind) && this.#zones.has(event.zone)) {
      this.#notCurrent.add(event.zone);
      return;
    }
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

  /** Why named did not load a zone, if its log has said so since `since` (ms since 1970), and that is not long ago. */
  loadProblem(zone: DomainName, since: number): string | undefined {
    return this.#problems.since(zone, since);
  }

  /** Looks again and again at what is not as it should be. */
  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { clock } = this.#deps;
      await clock.sleep(LOOK_AGAIN_MS, signal);
      const since = clock.monotonic() - this.#notCurrent.size * LOOK_AGAIN_EACH_MS;
      for (const zone of this.#notCurrent)
        if ((this.#zones.get(zone)?.lookedAt ?? 0) <= since) this.#dirty.add(zone);
      if (clock.monotonic() - (this.#awaySince ?? Number.POSITIVE_INFINITY) > START_MS) {
        this.#awaySince = undefined;
        for (const zone of this.#zones.keys()) this.#dirty.add(zone);
      }
      this.#look();
    }
  }

  /** named answers commands, and so it does questions. */
  onNamedMet(): void {
    this.#met = true;
    this.#awaySince = undefined;
  }

  /** named does not answer commands any more. */
  onNamedAway(): void {
    if (this.#met) this.#awaySince ??= this.#deps.clock.monotonic();
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
    if (this.#zones.size === 0) this.#earlyStatistics = zones;
    for (const [zone, tracked] of this.#zones) {
      const now = zones.get(zone);
      const before = tracked.statistics;
      const moved = before?.serial !== now?.serial || before?.expires !== now?.expires;
      if (moved) this.#dirty.add(zone);
      // What says the same is not taken, so that nothing of what was read stays.
      if (moved || before?.loaded !== now?.loaded) tracked.statistics = now;
    }
    this.#look();
  }

  /** One that waits for an answer holds up no other. */
  #look(): void {
    for (const zone of this.#dirty) {
      if (this.#underWay.size >= AT_ONCE) return;
      if (this.#underWay.has(zone)) continue;
      this.#dirty.delete(zone);
      this.#underWay.add(zone);
      void this.#lookAt(zone).finally(() => {
        this.#underWay.delete(zone);
        this.#look();
      });
    }
  }

  async #lookAt(zone: DomainName): Promise<void> {
    const tracked = this.#zones.get(zone);
    if (tracked === undefined) return;
    const { clock, wire } = this.#deps;
    tracked.lookedAt = Math.floor(clock.monotonic());
    const isAsked = this.#met || tracked.lookedAt - this.#startedAt > START_MS;
    const served = isAsked ? await wire.soaHere(zone) : undefined;
    const primaries = served === undefined ? [] : await this.#off.probe(tracked, served);
    if (this.#zones.get(zone) !== tracked) return;
    const { plan, wanted, statistics } = tracked;
    const expiresAt = expiryOf(tracked, served, clock.now());
    const look = {
      now: clock.now(),
      role: plan.kind,
      ...(served === undefined ? {} : { served }),
      primaries,
      ...(wanted === undefined || plan.placement.outside.length > 0 ? {} : { wanted }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(statistics?.loaded === undefined ? {} : { loadedAt: statistics.loaded }),
    };
    tracked.memory = observe(tracked.memory, look);
    const state = judge(tracked.memory, look);
    const { failures } = tracked.memory;
    if (state.state === 'Current' && failures.size === 0 && !missesChange(tracked, served))
      this.#notCurrent.delete(zone);
    else this.#notCurrent.add(zone);
    this.#tell(tracked, state);
    this.#off.noteOutdated(tracked);
    this.#off.nudge(tracked);
  }

  #tell(tracked: TrackedCopy, state: ZoneTransferState): void {
    const copy = this.#deps.feed.put(copyOf(tracked.plan, state, this.#texts));
    const isNew = copy !== tracked.copy;
    tracked.copy = copy;
    if (isNew) this.#deps.onChange(tracked.plan.object.key);
  }
}

/** Whether this pod's copy is to be another one, or to come from elsewhere. Who else has the zone does not matter to it. */
function isAnother(before: PrimaryPlan | SecondaryPlan, now: PrimaryPlan | SecondaryPlan): boolean {
  if (before.object.key !== now.object.key) return true;
  if (before.kind === 'primary' && now.kind === 'primary')
    return before.content.hash !== now.content.hash;
  return (
    before.kind === 'primary' ||
    now.kind === 'primary' ||
    !isDeepStrictEqual(before.primaries, now.primaries)
  );
}

/** A secondary that missed a NOTIFY takes itself for current. Primaries outside agree on nothing with those here. */
const missesChange = ({ plan, wanted }: TrackedCopy, served: SoaAnswer | undefined): boolean =>
  plan.kind === 'secondary' &&
  plan.placement.outside.length === 0 &&
  served?.kind === 'soa' &&
  isOlder(served.serial, wanted);

/** What named's statistics said of an expired copy is older than the copy that came after it. */
function expiryOf(
  { statistics, memory }: TrackedCopy,
  served: SoaAnswer | undefined,
  now: number,
): number | undefined {
  const told = statistics?.expires;
  return told !== undefined && told > now ? told : (firstExpiry(memory, served, now) ?? told);
}

/**
 * Until when a copy that has just come is good, in ms since 1970. named's statistics tell it some seconds later, and after each
 * refresh.
 */
const firstExpiry = (
  { arrival }: TransferMemory,
  served: SoaAnswer | undefined,
  now: number,
): number | undefined =>
  arrival === undefined || served?.kind !== 'soa' || now - arrival.at > JUST_COME_MS
    ? undefined
    : arrival.at + served.soa.expire * 1000;
