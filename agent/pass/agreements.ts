import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { dateSerial, isNewer, newest, type Serial } from '../dns/serial.ts';
import type { ZoneContent } from '../dns/zone-text.ts';
import type { Logger } from '../log.ts';
import type { Cluster, ClusterView, ZoneStatus } from '../observe/cluster.ts';
import type { Target } from '../plan/action.ts';
import { type Agreement, agree, type Decision, isSettled, servingOf } from '../plan/agree.ts';
import { liveOthers } from '../plan/placement.ts';
import type { PrimaryPlan } from '../plan/plan-zone.ts';
import type { Allocation } from '../plan/registration.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import type { Progress } from '../plan/source-versions.ts';
import type { Pod } from '../plan/topology.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';
import type { ObjectKey } from '../resources/types.ts';
import { ShortMemory } from '../short-memory.ts';

export interface AgreementDeps {
  readonly cluster: Pick<Cluster, 'agree' | 'view'>;
  readonly self: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly styledByDate: boolean;
  /** The serial that our own named answers with. */
  readonly serialHere: (zone: DomainName) => Promise<Serial | undefined>;
  /** What a pod answers when asked for the zone. */
  readonly soaAt: (pod: Pod, zone: DomainName) => Promise<SoaProbe>;
  /** The zone as a pod serves it; undefined where it cannot be had. */
  readonly transferFrom: (pod: Pod, zone: DomainName) => Promise<Target | undefined>;
  /** Something was learnt: plan again, at once or after so many milliseconds. */
  readonly again: (ms: number) => void;
}

/** What is known of one zone's agreement between passes, until it is settled; times by the monotonic clock. */
interface Memory {
  /** Since when the allocation is not ours to serve. */
  unsettledSince: number | undefined;
  allocated: { readonly serial: Serial; readonly seenAt: number } | undefined;
  heard: Heard | undefined;
  taken: Target | undefined;
  diverged: string | undefined;
  /** When it was last its turn to be agreed on, since it was settled. */
  turnAt: number | undefined;
}

/** The newest serial that the peers served when this one was allocated. */
interface Heard {
  readonly allocated: Serial | undefined;
  readonly newest: Serial | undefined;
}

/** A decision that takes more than to look. */
interface Work {
  readonly about: About;
  readonly decision: Decision;
  readonly memory: Memory;
}

/** What a decision is about. */
interface About {
  readonly plan: PrimaryPlan;
  readonly served: ServedZone | undefined;
  /** Of the view that the plan was made from. */
  readonly progress: Progress;
  readonly status: ZoneStatus | undefined;
}

const RETRY_MS = 1000;
/** So much longer counts as waited what was never tried; and so much less for each primary that ranks before this one. */
const UNTRIED_MS = 10_000;
const RANK_MS = 5000;
/** How soon the allocator is asked again for what it has agreed on and does not serve yet. */
const NOT_YET_MS = 200;
/** Compare-and-swaps, questions and transfers under way at once. */
const AT_ONCE = 16;
/**
 * Of many zones that have to be agreed on so many at a time, or such a share of all, and the others in the next passes: what
 * others have agreed on, and what was just agreed, is not to wait for all of them to be loaded. (Not less: named takes many zones
 * at once sooner than one after the other.)
 */
const FEW = 64;
const SHARE = 1 / 8;
/** named takes changes of zones that it has one by one: they are agreed on for no longer than this at a time. */
const TURN_MS = 500;
/** A pod that did not answer is not asked about the next zones: each silence costs more than a second. */
const SILENCE_MS = 5000;
/** Longer than any decision asks back how long ago the last allocation was. */
const RECENT_MS = 2000;

/** Gives each zone that this pod is primary of the serial that all its primaries agree on. */
export class Agreements {
  readonly #deps: AgreementDeps;
  readonly #memory = new Map<ObjectKey, Memory>();
  /** What this pod has loaded as a sole primary, and is not published yet. */
  readonly #unpublished = new Map<
    ObjectKey,
    Pick<About, 'plan' | 'progress'> & {
      readonly serial: Serial;
      /** What was agreed on when that was loaded. */
      readonly allocated: Allocation | undefined;
    }
  >();
  #publishing: Promise<void> | undefined;
  /** Pods that did not answer just now. */
  readonly #silent: ShortMemory<string, true>;
  /** When the allocations were seen, at the latest, of zones of which nothing else is kept any more. */
  readonly #seenAt: ShortMemory<ObjectKey, number>;
  /** What is served from an earlier run may have been allocated just before this one. */
  readonly #startedAt: number;

  constructor(deps: AgreementDeps) {
    this.#deps = deps;
    this.#silent = new ShortMemory(SILENCE_MS, deps.clock);
    this.#seenAt = new ShortMemory(RECENT_MS, deps.clock);
    this.#startedAt = deps.clock.monotonic();
  }

  /**
   * The content and serial to serve, zone by zone. A zone that is missing waits for something, or its turn, or stays as it is.
   *
   * @param progress of the view that the plans were made from; by now there may be a newer one
   * @param inTurns not all of thousands at once
   */
  async targets(
    plans: Iterable<PrimaryPlan>,
    served: ReadonlyMap<string, ServedZone>,
    progress: Progress,
    inTurns: boolean,
  ): Promise<Map<DomainName, Target>> {
    const { statuses } = this.#deps.cluster.view();
    const targets = new Map<DomainName, Target>();
    const work: Work[] = [];
    for (const plan of plans) {
      const status = statuses.get(plan.object.key);
      const about = { plan, served: served.get(plan.zone), progress, status };
      const decision = this.#decide(about, this.#heardFor(about));
      const now = targetNow(plan.content, decision);
      const memory = this.#memory.get(plan.object.key);
      if (now !== undefined) targets.set(plan.zone, now);
      else if (decision.kind === 'wait') this.#deps.again(decision.ms);
      else if (decision.kind !== 'stay' && memory !== undefined)
        work.push({ about, decision, memory });
    }
    const carryOut = async ({ about, decision }: Work): Promise<void> => {
      const target = await this.#carryOut(about, decision);
      if (target !== undefined) targets.set(about.plan.zone, target);
    };
    // Alone, nobody else has agreed on anything that would wait.
    const waits = ({ about }: Work): boolean => inTurns && !this.#isAlone(about.plan);
    await atOnce(
      AT_ONCE,
      work.filter((each) => !waits(each)),
      carryOut,
    );
    await this.#inTurn(work.filter(waits), served.size, carryOut);
    return targets;
  }

  #isAlone({ ranked }: PrimaryPlan): boolean {
    return ranked.every((pod) => pod === this.#deps.self);
  }

  /** Carries out what has waited longest; the others come in the next passes. */
  async #inTurn(
    work: readonly Work[],
    zones: number,
    carryOut: (each: Work) => Promise<void>,
  ): Promise<void> {
    const { clock, again } = this.#deps;
    const most = Math.max(FEW, Math.ceil(Math.max(zones, work.length) * SHARE));
    const inOrder = work.toSorted((a, b) => this.#waitsSince(a) - this.#waitsSince(b));
    const until = clock.monotonic() + TURN_MS;
    const postpone = ({ memory: { turnAt } }: Work): void =>
      again(turnAt !== undefined && turnAt + RETRY_MS > clock.monotonic() ? RETRY_MS : 0);
    await atOnce(AT_ONCE, inOrder.slice(0, most), async (each) => {
      if (each.about.served !== undefined && clock.monotonic() > until) return postpone(each);
      each.memory.turnAt = clock.monotonic();
      await carryOut(each);
    });
    const next = inOrder[most];
    if (next !== undefined) postpone(next);
  }

  /**
   * What was never tried comes before what was, and what this pod ranks first for before what another primary is about to agree on;
   * but each for some seconds only, so that nothing waits for ever.
   */
  #waitsSince({ about, memory }: Work): number {
    const { turnAt, unsettledSince = 0 } = memory;
    const rank = about.plan.ranked.indexOf(this.#deps.self);
    return turnAt ?? unsettledSince - UNTRIED_MS + rank * RANK_MS;
  }

  /**
   * Publishes what a sole primary has loaded, so that those who come later agree. Resolves when nothing is left to publish;
   * of thousands of zones that takes a minute.
   *
   * @param view the one that the plans were made from: who is alone in it may not be alone any more, and what others have
   *   agreed on since then is not to be overwritten
   * @param signal stops between two zones
   */
  publish(
    plans: Iterable<PrimaryPlan>,
    served: ReadonlyMap<string, ServedZone>,
    { progress, statuses }: Pick<ClusterView, 'progress' | 'statuses'>,
    signal: AbortSignal,
  ): Promise<void> {
    for (const plan of plans) {
      const { key } = plan.object;
      const { allocated } = statuses.get(key) ?? {};
      const serial = this.#unpublishedSerial(plan, served.get(plan.zone), allocated);
      if (serial === undefined) this.#unpublished.delete(key);
      else this.#unpublished.set(key, { plan, serial, progress, allocated });
    }
    this.#publishing ??= this.#publishAll(signal).finally(() => {
      this.#publishing = undefined;
    });
    return this.#publishing;
  }

  /** What is loaded by this plan waits to be published. */
  isPublishing(plan: PrimaryPlan): boolean {
    return this.#unpublished.get(plan.object.key)?.plan === plan;
  }

  /** The serial under which a sole primary serves its content, where that is not what was agreed on. */
  #unpublishedSerial(
    plan: PrimaryPlan,
    served: ServedZone | undefined,
    allocated: Allocation | undefined,
  ): Serial | undefined {
    const { content } = plan;
    const { serial, hash, pending } = served ?? {};
    if (serial === undefined || hash !== content.hash || pending === true) return undefined;
    if (!this.#isAlone(plan)) return undefined;
    return isAllocated({ content, serial }, allocated) ? undefined : serial;
  }

  async #publishAll(signal: AbortSignal): Promise<void> {
    const { cluster, again } = this.#deps;
    while (this.#unpublished.size > 0 && !signal.aborted)
      await atOnce(AT_ONCE, [...this.#unpublished], async ([key, loaded]) => {
        if (signal.aborted || this.#unpublished.get(key) !== loaded) return;
        const { plan, serial } = loaded;
        const status = cluster.view().statuses.get(key);
        const allocated = status?.allocated;
        if (isSameAllocation(allocated, loaded.allocated))
          await this.#swap({ ...loaded, status }, serial);
        // Others may have come meanwhile, and agreed on something else.
        else if (!isAllocated({ content: plan.content, serial }, allocated)) again(0);
        // What did not get through is put again by the next pass.
        if (this.#unpublished.get(key) === loaded) this.#unpublished.delete(key);
      });
  }

  /** This pod has no part in agreeing on the zone any more. */
  forget(zone: ObjectKey): void {
    if (this.#memory.delete(zone)) this.#seenAt.put(zone, this.#deps.clock.monotonic());
    this.#unpublished.delete(zone);
  }

  /** Zones whose content differs from what was agreed, where neither agreeing nor taking it over helped, and why. */
  divergences(): Map<ObjectKey, string> {
    const divergences = new Map<ObjectKey, string>();
    for (const [zone, { diverged }] of this.#memory)
      if (diverged !== undefined) divergences.set(zone, diverged);
    return divergences;
  }

  #decide(about: About, elsewhere: Agreement['elsewhere']): Decision {
    const { self, clock, styledByDate } = this.#deps;
    const { plan, served, progress, status } = about;
    const allocated = status?.allocated;
    const memory = this.#remember(about);
    const others = liveOthers(plan.placement, self);
    const now = clock.monotonic();
    const input = {
      self,
      contentHash: plan.content.hash,
      withheld: plan.withheld !== undefined,
      view: progress,
      allocated,
      serving: servingOf(served),
      ranked: plan.ranked,
      others,
      elsewhere: others.length > 0 || isUnknownHere(about) ? elsewhere : undefined,
      floor: plan.floor,
      date: styledByDate ? dateSerial(clock.now()) : undefined,
      sinceAllocation: now - (memory.allocated?.seenAt ?? Number.NEGATIVE_INFINITY),
    };
    if (isSettled(input)) this.#settle(about, memory);
    else memory.unsettledSince ??= now;
    return agree({ ...input, unsettledFor: now - (memory.unsettledSince ?? now) });
  }

  #remember({ plan, served, status }: About): Memory {
    const memory = this.#memory.get(plan.object.key) ?? {
      unsettledSince: undefined,
      allocated: this.#allocatedBefore(plan, served),
      heard: undefined,
      taken: undefined,
      diverged: undefined,
      turnAt: undefined,
    };
    this.#memory.set(plan.object.key, memory);
    const { serial } = status?.allocated ?? {};
    if (serial !== undefined && serial !== memory.allocated?.serial)
      memory.allocated = { serial, seenAt: this.#deps.clock.monotonic() };
    return memory;
  }

  /** What a zone serves of which nothing is kept was allocated: before this run, unless it is known otherwise. */
  #allocatedBefore({ object }: PrimaryPlan, served: ServedZone | undefined): Memory['allocated'] {
    const serial = servingOf(served)?.serial;
    if (serial === undefined) return undefined;
    return { serial, seenAt: this.#seenAt.get(object.key) ?? this.#startedAt };
  }

  /** Where what is allocated is served, nothing more is kept of the zone. */
  #settle({ plan, served }: About, memory: Memory): void {
    const { key } = plan.object;
    memory.unsettledSince = undefined;
    memory.turnAt = undefined;
    memory.taken = undefined;
    memory.diverged = undefined;
    const { allocated } = memory;
    if (allocated === undefined || servingOf(served)?.serial !== allocated.serial) return;
    this.#memory.delete(key);
    if (this.#deps.clock.monotonic() - allocated.seenAt < RECENT_MS)
      this.#seenAt.put(key, allocated.seenAt);
  }

  async #carryOut(about: About, decision: Decision): Promise<Target | undefined> {
    const { plan } = about;
    switch (decision.kind) {
      case 'serve':
      case 'load':
      case 'publish':
        return targetNow(plan.content, decision);
      case 'allocate': {
        const { serial } = decision;
        return (await this.#swap(about, serial)) ? { content: plan.content, serial } : undefined;
      }
      case 'take':
        return this.#take(plan, decision.from, decision.serial);
      case 'ask-peers':
        return this.#carryOut(about, this.#decide(about, await this.#askPeers(about)));
      case 'stay':
        return undefined;
      case 'wait':
        this.#deps.again(decision.ms);
        return undefined;
    }
  }

  async #swap(
    { plan, progress, status }: Pick<About, 'plan' | 'progress' | 'status'>,
    serial: Serial,
  ): Promise<boolean> {
    const { cluster, self, log, again } = this.#deps;
    const zone = plan.object.key;
    // Made anew under the name since it was planned: the next pass has it.
    if (cluster.view().zones.get(zone)?.metadata.uid !== plan.object.metadata.uid) return false;
    const { hash: contentHash, records } = plan.content;
    const allocated = { serial, contentHash, records, by: self, view: progress.latest };
    try {
      const written = await cluster.agree(zone, status?.version, { allocated });
      if (written.kind === 'conflict') again(20);
      return written.kind === 'written';
    } catch (error) {
      log.warn({ zone, err: error }, 'the agreed serial could not be written');
      again(RETRY_MS);
      return false;
    }
  }

  /** What the peers have told is good for as long as nobody allocates anything else. */
  #heardFor(about: About): Agreement['elsewhere'] {
    const heard = this.#memory.get(about.plan.object.key)?.heard;
    const { serial } = about.status?.allocated ?? {};
    return heard !== undefined && heard.allocated === serial ? heard.newest : 'unasked';
  }

  async #askPeers(about: About): Promise<Serial | undefined> {
    const { plan, status } = about;
    const { self, serialHere } = this.#deps;
    const serials = await Promise.all([
      ...liveOthers(plan.placement, self).map((pod) => this.#serialAt(pod, plan.zone)),
      ...(isUnknownHere(about) ? [serialHere(plan.zone)] : []),
    ]);
    const heard = { allocated: status?.allocated?.serial, newest: newest(...serials) };
    const memory = this.#memory.get(plan.object.key);
    if (memory !== undefined && (heard.allocated !== undefined || this.#isAlone(plan)))
      memory.heard = heard;
    return heard.newest;
  }

  async #serialAt(pod: Pod, zone: DomainName): Promise<Serial | undefined> {
    if (this.#silent.get(pod.pod) === true) return undefined;
    const answer = await this.#deps.soaAt(pod, zone);
    if (answer.kind === 'timeout') this.#silent.put(pod.pod, true);
    return answer.kind === 'soa' ? answer.serial : undefined;
  }

  async #take(plan: PrimaryPlan, from: string, serial: Serial): Promise<Target | undefined> {
    const memory = this.#memory.get(plan.object.key);
    if (memory?.taken !== undefined && !isNewer(serial, memory.taken.serial)) return memory.taken;
    const { log, transferFrom, again } = this.#deps;
    const { primaries, secondaries } = plan.placement;
    const allocator = [...primaries, ...secondaries].find((pod) => pod.pod === from);
    const found = allocator === undefined ? undefined : await transferFrom(allocator, plan.zone);
    // The allocator agrees first and loads then.
    const taken = found === undefined || isNewer(serial, found.serial) ? undefined : found;
    const diverged =
      taken === undefined
        ? `${from} agreed on serial ${serial} for content that this pod does not have, and the zone cannot be transferred from it`
        : undefined;
    if (taken !== undefined || memory?.diverged !== diverged)
      log.warn(
        { zone: plan.zone, from, serial, taken: taken !== undefined },
        'content differs from what was agreed',
      );
    if (memory !== undefined) {
      if (taken !== undefined) memory.taken = taken;
      memory.diverged = diverged;
    }
    if (taken === undefined) again(found === undefined ? RETRY_MS : NOT_YET_MS);
    return taken;
  }
}

/** named has the zone, and others wrote what it has: those that it was a secondary of, or who may update it. */
const isUnknownHere = ({ served }: About): boolean =>
  served !== undefined && servingOf(served) === undefined;

/** It is what the primaries agreed on. */
export const isAllocated = (
  { serial, content }: Target,
  allocated: Allocation | undefined,
): boolean => isSameAllocation({ serial, contentHash: content.hash }, allocated);

type Allocated = Pick<Allocation, 'serial' | 'contentHash'> | undefined;

const isSameAllocation = (a: Allocated, b: Allocated): boolean =>
  a?.serial === b?.serial && a?.contentHash === b?.contentHash;

/** What can be served without asking anyone. */
function targetNow(content: ZoneContent, decision: Decision): Target | undefined {
  switch (decision.kind) {
    case 'serve':
    case 'load':
    case 'publish':
      return { content, serial: decision.serial };
    case 'allocate':
    case 'ask-peers':
    case 'stay':
    case 'wait':
    case 'take':
      return undefined;
  }
}
