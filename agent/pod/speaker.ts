import { atOnce } from '../at-once.ts';
import { Mailbox } from '../mailbox.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { PassOutcome } from '../pass/pass.ts';
import { isUnplaced } from '../plan/placement.ts';
import { isServed, type ZonePlan } from '../plan/plan-zone.ts';
import type { Registration } from '../plan/registration.ts';
import { type Candidate, speakerOf } from '../plan/speaker.ts';
import { isLive, type Pod } from '../plan/topology.ts';
import { showProblem } from '../problem.ts';
import { AwaitedZones, awaited, type SaidCopy } from '../report/awaited.ts';
import type { FeedPage } from '../report/feed.ts';
import type { StatusWrite } from '../report/metrics.ts';
import { ReportQueue } from '../report/report-queue.ts';
import { isSettled, isSilent, urgencyOf } from '../report/urgency.ts';
import { type CopyState, stateOf, type ZoneCopy } from '../report/zone-copy.ts';
import { eventsBetween } from '../report/zone-events.ts';
import type { Transfer, ZoneReport } from '../report/zone-report.ts';
import { reportOf, type SeenCopy, sameReport } from '../report/zone-status.ts';
import type { ObjectKey } from '../resources/types.ts';
import { Schedule } from '../schedule.ts';
import { ShortMemory } from '../short-memory.ts';
import { Texts } from '../texts.ts';
import type { AgentParts } from './parts.ts';
import { SeenCopies } from './seen-copies.ts';
import { SpokenZones } from './spoken-zones.ts';

export interface SpeakerDeps {
  readonly parts: AgentParts;
  /** What this pod has of the object's zone. */
  readonly ownCopy: (plan: ZonePlan) => ZoneCopy | undefined;
  /** Whether a peer tells of its copies as they change; and whether it does not even answer. */
  readonly tells: (pod: string) => boolean;
  readonly isSilent: (pod: string) => boolean;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** Zones looked at together; with the pause a few hundred a second, so that telling does not slow down healing. */
const BATCH = 50;
/** Of zones that other pods speak for, so many are passed over at most before the next pause. */
const MOST_PASSED_OVER = 500;
const PAUSE_MS = 200;
/** Where looks take long, mostly something else has need of the machine: the pause is then so many times as long as they took … */
const PAUSE_SHARE = 0.5;
/** … but well below the time for which a pod is known to be silent, or else each batch would wait for it anew. */
const LONGEST_PAUSE_MS = 1000;
/** Where many wait, their order is good for so long. */
const ORDER_MS = 1000;
/** What changes together is told together. */
const GATHER_MS = 200;
/** A zone whose copies are not all as they will stay is looked at again after so long, then after twice that, and so on. */
const UNSETTLED_MS = 1000;
const LONGEST_UNSETTLED_MS = 60_000;
/** A new zone that this pod, its primary, is about to load is looked at when it was due so often: after half a minute. */
const COMING_LOOKS = 5;
/** Every zone once in a while. */
const EVERY_ZONE_MS = 300_000;
/** Among many, one whose pods were all asked not longer ago is not asked in full. */
const ASKED_MS = 2 * EVERY_ZONE_MS;
/** After another pod wrote in between. */
const CONFLICT_MS = 20;
/** Who has left is known for so long. */
const FORMER_MS = 3_600_000;
/** How often it is looked for zones that another pod has told of, or that were not looked at for long. */
const SWEEP_MS = 5000;

/**
 * Writes the status of the zones that this pod speaks for: one pod a zone, by rendezvous over the registrations, so that
 * there is one report per zone and change. It asks every pod of the zone over DNS, and reads why in their feeds.
 */
export class Speaker {
  readonly #deps: SpeakerDeps;
  readonly #bell = new Mailbox();
  readonly #feeds = new Map<string, Map<ObjectKey, CopyState>>();
  readonly #texts = new Texts();
  /** Zones to look at, and when, by the monotonic clock. */
  readonly #schedule = new Schedule<ObjectKey>();
  /** Those that it is time for. */
  readonly #due = new Set<ObjectKey>();
  /** The same in their order, as it was at some time. */
  #ordered: { readonly at: number; readonly keys: Iterator<ObjectKey> } | undefined;
  /** Zones that are to be looked at when they have changed once more. */
  readonly #awaited = new AwaitedZones();
  /** How often a zone was looked at in a row and found unsettled. */
  readonly #unsettled = new Map<ObjectKey, number>();
  /** When all pods of a zone were asked last, by the monotonic clock in whole ms; in the order in which zones were looked at last. */
  readonly #askedAt = new Map<ObjectKey, number>();
  readonly #spoken = new SpokenZones();
  #sweepAt = 0;
  readonly #copies: SeenCopies;
  readonly #queue: ReportQueue;
  /** What was told of zones whose statuses cannot hold it. */
  readonly #untold = new Map<ObjectKey, ZoneReport>();
  /** Zones that this pod is a secondary of, without a primary that lives: their secondaries speak for them. */
  readonly #orphans = new Set<ObjectKey>();
  /** Pods as they were before, by name and address. */
  readonly #former: ShortMemory<string, Pod>;
  #outcome: PassOutcome | undefined;
  /** What is wrong with objects, as text. */
  #invalid: ReadonlyMap<ObjectKey, string> = new Map();

  constructor(deps: SpeakerDeps) {
    const { parts, ownCopy, tells } = deps;
    const { clock } = parts;
    this.#deps = deps;
    this.#former = new ShortMemory(FORMER_MS, clock);
    this.#copies = new SeenCopies({
      parts,
      ownCopy,
      tells,
      told: (pod, { object }) => this.#feeds.get(pod)?.get(object.key),
    });
    this.#queue = new ReportQueue({
      clock,
      random: deps.random,
      write: (key, report) => this.#write(key, report),
    });
  }

  /** Whether it may be for this pod to speak, so that it has to know what its peers have. */
  get listens(): boolean {
    return this.#outcome?.plan.topology.self.role === 'primary' || this.#orphans.size > 0;
  }

  onPass(outcome: PassOutcome, view: ClusterView): void {
    const before = this.#outcome;
    if (before?.plan.topology !== outcome.plan.topology) this.#rememberPods();
    this.#outcome = outcome;
    for (const key of outcome.plan.changed) {
      const plan = outcome.plan.zones.get(key);
      if (plan === undefined || isMadeAnew(before?.plan.zones.get(key), plan)) this.#forget(key);
      if (plan !== undefined) this.#onPlan(plan);
    }
    this.#forgetGone(view);
    const failed = new Set(changedKeys(before?.failures, outcome.failures));
    if (failed.size > 0)
      for (const [key, { zone }] of outcome.plan.zones) if (failed.has(zone)) this.#soon(key);
    const invalid = invalidZones(view);
    for (const key of changedKeys(this.#invalid, invalid)) this.#soon(key);
    this.#invalid = invalid;
  }

  /** As they are; some of them will not be any more. */
  #rememberPods(): void {
    for (const pod of this.#pods)
      for (const ip of pod.ips) this.#former.put(placeOf(pod.pod, ip), pod);
  }

  #onPlan(plan: ZonePlan): void {
    const { key } = plan.object;
    if (this.#isOrphan(plan)) this.#orphans.add(key);
    else this.#orphans.delete(key);
    this.#spoken.forget(key);
    this.#soon(key);
  }

  #isOrphan({ placement }: ZonePlan): boolean {
    const { name } = this.#deps.parts.options.pod;
    return (
      placement.secondaries.some(({ pod }) => pod === name) &&
      !placement.primaries.some((pod) => candidate(pod, 'primary').live)
    );
  }

  #forget(key: ObjectKey): void {
    this.#orphans.delete(key);
    this.#schedule.delete(key);
    this.#due.delete(key);
    this.#awaited.take(key);
    this.#unsettled.delete(key);
    this.#askedAt.delete(key);
    this.#untold.delete(key);
    this.#spoken.forget(key);
    this.#queue.drop(key);
  }

  /** Pods are replaced under new names all the time; each has told of every zone. */
  #forgetGone({ peers }: ClusterView): void {
    for (const pod of this.#feeds.keys())
      if (!peers.has(pod) || !this.listens) this.#feeds.delete(pod);
  }

  /** This pod's copy of a zone is another than before. */
  onCopy(object: ObjectKey): void {
    this.#soon(object);
  }

  /** A peer has told of its copies. */
  onPeer(pod: string, { full, zones, gone }: Pick<FeedPage, 'full' | 'zones' | 'gone'>): void {
    const copies = full ? new Map<ObjectKey, CopyState>() : (this.#feeds.get(pod) ?? new Map());
    this.#feeds.set(pod, copies);
    // In the text that is kept of a key already, if it is.
    const known = this.#deps.parts.cluster.view().zones;
    const keyOf = (object: string): ObjectKey =>
      known.get(object as ObjectKey)?.key ?? (object as ObjectKey);
    for (const copy of zones) {
      const key = keyOf(copy.object);
      copies.set(key, this.#texts.shareWhole(this.#texts.shareIn(stateOf(copy))));
      this.#soon(key);
    }
    for (const object of gone) {
      const key = keyOf(object);
      copies.delete(key);
      this.#soon(key);
    }
  }

  /** A peer has stopped telling: its named may be away as well. */
  onSilence(pod: string): void {
    for (const key of this.#feeds.get(pod)?.keys() ?? []) this.#soon(key);
  }

  /** The pod that writes the status of a zone, as far as this pod can tell. */
  speakerOf(plan: ZonePlan): string | undefined {
    const { primaries, secondaries } = plan.placement;
    if (isUnplaced(plan.placement)) return this.#speakerOfUnplaced(plan);
    const zone = plan.object.metadata.uid ?? plan.object.key;
    return speakerOf(zone, [
      ...primaries.map((pod) => candidate(pod, 'primary')),
      ...secondaries.map((pod) => candidate(pod, 'secondary')),
    ]);
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#queue.run(signal), this.#lookAgainAndAgain(signal)]);
  }

  async #lookAgainAndAgain(signal: AbortSignal): Promise<void> {
    while (await this.#bell.next(signal)) {
      const now = this.#deps.parts.clock.monotonic();
      if (now >= this.#sweepAt) this.#sweep(now);
      for (const key of this.#schedule.take(now)) this.#due.add(key);
      const batch = this.#nextBatch(now);
      await atOnce(BATCH, batch, (key) => this.#look(key));
      if (this.#due.size > 0) {
        const took = this.#deps.parts.clock.monotonic() - now;
        const pause = Math.min(LONGEST_PAUSE_MS, Math.max(PAUSE_MS, PAUSE_SHARE * took));
        await this.#deps.parts.clock.sleep(pause, signal);
        this.#bell.ring();
      }
      const next = Math.min(this.#sweepAt, this.#schedule.next ?? Number.POSITIVE_INFINITY);
      this.#bell.ringIn(Math.max(0, next - this.#deps.parts.clock.monotonic()));
    }
    this.#bell.close();
  }

  /** Nobody makes a pass because another pod has told of a zone, or because one was not looked at for long. */
  #sweep(now: number): void {
    this.#sweepAt = now + SWEEP_MS;
    for (const [key, at] of this.#askedAt) {
      if (at > now - EVERY_ZONE_MS) break;
      this.#soon(key);
    }
    const { statuses } = this.#deps.parts.cluster.view();
    const { name } = this.#deps.parts.options.pod;
    for (const [key, ms] of this.#spoken.overruled(name, (zone) => statuses.get(zone)?.report))
      this.#soon(key, ms);
  }

  #soon(key: ObjectKey, ms = GATHER_MS): void {
    if (this.#due.has(key)) return;
    this.#schedule.put(key, this.#deps.parts.clock.monotonic() + ms);
    this.#bell.ringIn(ms);
  }

  /** Takes out the next of those that it is time for. */
  #nextBatch(now: number): readonly ObjectKey[] {
    if (this.#due.size <= BATCH) this.#ordered = undefined;
    else if (this.#ordered === undefined || now - this.#ordered.at >= ORDER_MS)
      this.#ordered = { at: now, keys: this.#inOrder([...this.#due]).values() };
    const keys = this.#ordered?.keys ?? this.#due.values();
    const batch: ObjectKey[] = [];
    for (let left = MOST_PASSED_OVER; left > 0 && batch.length < BATCH; left -= 1) {
      const next = keys.next();
      if (next.done === true) break;
      if (this.#isTimeFor(next.value, now)) batch.push(next.value);
    }
    return batch;
  }

  #isTimeFor(key: ObjectKey, now: number): boolean {
    if (!this.#due.delete(key) || !this.#speaksFor(key)) return false;
    const wait = this.#waitOf(key, now);
    if (wait > 0) this.#schedule.put(key, now + wait);
    return wait <= 0;
  }

  /**
   * A zone that is about to change once more waits for that, for as long as its report would: to ask all pods for what is not
   * told yet holds up what is.
   */
  #waitOf(key: ObjectKey, now: number): number {
    const plan = this.#outcome?.plan.zones.get(key);
    if (plan === undefined) return 0;
    if (!isUnplaced(plan.placement) && this.#isWrong(key, plan)) return 0;
    // Few zones are looked at all the same where a pod does not say anything.
    const isOneOfFew = this.#many < BATCH;
    const said = Array.from(this.#said(plan), ([{ pod, ips }, copy]): SaidCopy => {
      const isUnheard = isOneOfFew && this.#deps.isSilent(pod);
      return { pod, ip: ips[0] ?? '', copy: isUnheard ? 'unheard' : copy };
    });
    // Its pods may be on their way.
    const urgency = isUnplaced(plan.placement) ? 'leaving' : awaited(said, this.#published(key));
    if (urgency === undefined) return 0;
    const waited = this.#awaited.wait(key, urgency, now);
    return this.#queue.waitsUntil(waited, this.#many) - now;
  }

  /** How many zones are to be looked at, or wait to be. */
  get #many(): number {
    return this.#due.size + this.#awaited.size;
  }

  /** Something is wrong with the zone besides what its pods say of their copies. */
  #isWrong(key: ObjectKey, plan: ZonePlan): boolean {
    return (
      !isServed(plan) ||
      this.#outcome?.failures.has(plan.zone) === true ||
      this.#outcome?.diverged.has(key) === true ||
      this.#invalid.has(key)
    );
  }

  /** What the zone's pods say of their copies, those that answer. */
  *#said(plan: ZonePlan): Generator<readonly [Pod, CopyState | undefined]> {
    const { name } = this.#deps.parts.options.pod;
    const { primaries, secondaries } = plan.placement;
    for (const pods of [primaries, secondaries])
      for (const pod of pods) {
        const ofPeer = () => this.#feeds.get(pod.pod)?.get(plan.object.key);
        if (isLive(pod)) yield [pod, pod.pod === name ? this.#deps.ownCopy(plan) : ofPeer()];
      }
  }

  #speaksFor(key: ObjectKey): boolean {
    const plan = this.#outcome?.plan.zones.get(key);
    const speaker = plan === undefined ? this.#speakerOfInvalid(key) : this.speakerOf(plan);
    if (speaker === this.#deps.parts.options.pod.name) return true;
    this.#spoken.forget(key);
    this.#awaited.take(key);
    this.#askedAt.delete(key);
    this.#unsettled.delete(key);
    this.#queue.drop(key);
    return false;
  }

  /** What fails first; what will be otherwise in a moment last: it costs a look for nothing. */
  #inOrder(keys: readonly ObjectKey[]): ObjectKey[] {
    const ranks = new Map(keys.map((key) => [key, this.#rankOf(key)]));
    return [...keys].sort((a, b) => (ranks.get(a) ?? 0) - (ranks.get(b) ?? 0));
  }

  #rankOf(key: ObjectKey): number {
    const plan = this.#outcome?.plan.zones.get(key);
    let rank = 1;
    for (const [, copy] of plan === undefined ? [] : this.#said(plan)) {
      if (copy?.state === 'Failing') return 0;
      if (copy?.state !== 'Current') rank = 2;
    }
    return rank;
  }

  async #look(key: ObjectKey): Promise<void> {
    const { cluster } = this.#deps.parts;
    const plan = this.#outcome?.plan.zones.get(key);
    if (plan !== undefined && (this.#isComing(key, plan) || (await this.#isServedYet(plan)))) {
      this.#lookAgain(key, false);
      return;
    }
    const isOneOfMany = this.#many >= BATCH;
    const waited = this.#awaited.take(key);
    const told = waited !== undefined && isOneOfMany ? this.#confirmed(key) : undefined;
    const copies = plan === undefined ? [] : await this.#copies.of(plan, told);
    // It may be gone by now.
    if (plan !== undefined && !this.#outcome?.plan.zones.has(key)) return;
    this.#noteAsked(key, told === undefined);
    const report = this.#reportOf(key, plan, copies);
    this.#lookAgain(
      key,
      report.transfers.every((each) => isSettled(each) && !isSilent(each)),
    );
    this.#spoken.judge(key, cluster.view().statuses.get(key)?.report);
    const before = this.#queue.writing(key) ?? this.#published(key);
    if (before !== undefined && sameReport(before, report)) this.#queue.drop(key);
    else this.#queue.put(key, report, urgencyOf(before, report), waited);
  }

  #noteAsked(key: ObjectKey, inFull: boolean): void {
    const now = Math.floor(this.#deps.parts.clock.monotonic());
    const at = inFull ? now : (this.#askedAt.get(key) ?? now);
    this.#askedAt.delete(key);
    this.#askedAt.set(key, at);
  }

  /** What is told of the zone, or about to be, where all of its pods were asked not long ago. */
  #confirmed(key: ObjectKey): readonly Transfer[] | undefined {
    const since = this.#deps.parts.clock.monotonic() - ASKED_MS;
    if ((this.#askedAt.get(key) ?? Number.NEGATIVE_INFINITY) < since) return undefined;
    return (this.#queue.latest(key) ?? this.#published(key))?.transfers;
  }

  /** Nobody was told of the zone yet, and all that its pods could say is that they wait for it. */
  #isComing(key: ObjectKey, plan: ZonePlan): boolean {
    return (
      plan.kind === 'primary' &&
      plan.withheld === undefined &&
      this.#published(key) === undefined &&
      this.#outcome?.diverged.has(key) !== true &&
      (this.#unsettled.get(key) ?? 0) < COMING_LOOKS &&
      (this.#deps.ownCopy(plan)?.state ?? 'Pending') === 'Pending' &&
      this.#outcome?.failures.has(plan.zone) !== true
    );
  }

  #published(key: ObjectKey): ZoneReport | undefined {
    return this.#deps.parts.cluster.view().statuses.get(key)?.report ?? this.#untold.get(key);
  }

  #lookAgain(key: ObjectKey, settled: boolean): void {
    const looks = this.#unsettled.get(key) ?? 0;
    if (settled) {
      this.#unsettled.delete(key);
      return;
    }
    this.#unsettled.set(key, looks + 1);
    this.#soon(key, Math.min(LONGEST_UNSETTLED_MS, UNSETTLED_MS * 2 ** looks));
  }

  /** An object that was never valid has no placement: any pod may tell. */
  #speakerOfInvalid(key: ObjectKey): string | undefined {
    return this.#invalid.has(key) ? this.#anyOf(key) : undefined;
  }

  /**
   * So may any where no pod is there for the zone any more, if what was told of it is about pods that are known here.
   * Otherwise others may serve it: pods of another namespace, which may have the same names, or pods that have no agent.
   */
  #speakerOfUnplaced({ object: { key } }: ZonePlan): string | undefined {
    return this.#hadBy(key).length > 0 ? this.#anyOf(key) : undefined;
  }

  /** The pods that were told of as having the zone, as far as they are known here, or were not long ago. */
  #hadBy(key: ObjectKey): Pod[] {
    const told = this.#published(key)?.transfers ?? [];
    return told.flatMap(({ pod, ip }) => {
      const known = this.#pods.find((each) => each.pod === pod && each.ips.includes(ip));
      return known ?? this.#former.get(placeOf(pod, ip)) ?? [];
    });
  }

  /** No pod is there for the zone any more, and it is served all the same: by one whose agent has left, or does not yet drop it. */
  async #isServedYet(plan: ZonePlan): Promise<boolean> {
    if (!isUnplaced(plan.placement)) return false;
    return this.#copies.served(plan, this.#hadBy(plan.object.key));
  }

  get #pods(): readonly Pod[] {
    const topology = this.#outcome?.plan.topology;
    return topology === undefined ? [] : [topology.self, ...topology.peers.values()];
  }

  #anyOf(key: ObjectKey): string | undefined {
    return speakerOf(
      key,
      this.#pods.map((pod) => candidate(pod, pod.role)),
    );
  }

  async #write(key: ObjectKey, report: ZoneReport): Promise<StatusWrite> {
    const { cluster, log, metrics } = this.#deps.parts;
    const { zones, statuses } = cluster.view();
    const at = statuses.get(key)?.version;
    const before = this.#published(key);
    const plan = this.#outcome?.plan.zones.get(key);
    // What was seen of the former is not so of the one that has its name now.
    if (plan !== undefined && zones.get(key)?.metadata.uid !== plan.object.metadata.uid)
      return 'conflict';
    try {
      const written = await cluster.report(key, at, report);
      metrics.countStatusWrite(written.kind);
      if (written.kind === 'conflict') this.#soon(key, CONFLICT_MS);
      else this.#told(key, before, report);
      return written.kind;
    } catch (error) {
      log.warn({ zone: key, err: error }, 'the status could not be written');
      metrics.countStatusWrite('failed');
      return 'failed';
    }
  }

  #told(key: ObjectKey, before: ZoneReport | undefined, report: ZoneReport): void {
    const { cluster } = this.#deps.parts;
    const isHeld = cluster.view().statuses.get(key)?.report !== undefined;
    if (isHeld) this.#untold.delete(key);
    else this.#untold.set(key, report);
    for (const event of eventsBetween(before, report))
      cluster.event({ about: { kind: 'DNSZone', key }, ...event });
  }

  #reportOf(key: ObjectKey, plan: ZonePlan | undefined, copies: readonly SeenCopy[]): ZoneReport {
    const { cluster, options, clock, given } = this.#deps.parts;
    const view = cluster.view();
    const wrong = view.invalid.filter(({ zone }) => zone === key);
    const ofObject = wrong.flatMap(({ problems }) => problems);
    const ofPlan = plan !== undefined && 'problems' in plan ? plan.problems : [];
    return reportOf({
      self: options.pod.name,
      now: clock.now(),
      observedGeneration: plan?.object.metadata.generation,
      copies,
      // What is about to be told, so that times in it do not move with each look.
      before: this.#queue.latest(key) ?? this.#published(key),
      problems: [...ofObject, ...ofPlan],
      unusable: wrong.length > 0 || (plan?.kind === 'keep' && ofPlan.length > 0),
      conflict: plan?.kind === 'conflict' ? plan.why : undefined,
      diverged: this.#outcome?.diverged.get(key),
      failure: plan === undefined ? undefined : this.#outcome?.failures.get(plan.zone),
      signed: given.cluster !== undefined,
    });
  }
}

const isMadeAnew = (former: ZonePlan | undefined, { object }: ZonePlan): boolean =>
  former !== undefined && former.object.metadata.uid !== object.metadata.uid;

/** What is wrong with objects of zones, as text. */
function invalidZones({ invalid }: ClusterView): Map<ObjectKey, string> {
  const wrong = new Map<ObjectKey, string>();
  for (const { zone, problems } of invalid)
    if (zone !== undefined) wrong.set(zone, problems.map(showProblem).join('; '));
  return wrong;
}

/** Of what came, went or is something else now. */
function changedKeys<K>(
  before: ReadonlyMap<K, string> = new Map(),
  now: ReadonlyMap<K, string>,
): K[] {
  const keys = new Set([...before.keys(), ...now.keys()]);
  return [...keys].filter((key) => before.get(key) !== now.get(key));
}

const placeOf = (pod: string, ip: string): string => `${pod} ${ip}`;

const candidate = (pod: Pod, role: Registration['role']): Candidate => ({
  pod: pod.pod,
  role,
  live: isLive(pod) && !pod.draining,
});
