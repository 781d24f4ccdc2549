import { atOnce } from '../at-once.ts';
import type { DomainName } from '../dns/name.ts';
import { Mailbox } from '../mailbox.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { PassOutcome } from '../pass/pass.ts';
import type { ZonePlan } from '../plan/plan-zone.ts';
import type { Registration } from '../plan/registration.ts';
import { type Candidate, speakerOf } from '../plan/speaker.ts';
import { endpointOf, isLive, type Pod } from '../plan/topology.ts';
import { showProblem } from '../problem.ts';
import type { FeedPage } from '../report/feed.ts';
import type { ZoneCopy } from '../report/zone-copy.ts';
import type { ZoneReport } from '../report/zone-report.ts';
import { reportOf, type SeenCopy, sameReport } from '../report/zone-status.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { AgentParts } from './parts.ts';

export interface SpeakerDeps {
  readonly parts: AgentParts;
  readonly ownCopy: (zone: DomainName) => ZoneCopy | undefined;
}

/** Zones looked at together; with the pause a few hundred a second, so that telling does not slow down healing. */
const BATCH = 50;
const PAUSE_MS = 200;
/** What changes together is told together. */
const GATHER_MS = 200;
/** A zone whose copies are not all current is looked at again after so long, and every zone once in a while. */
const UNSETTLED_MS = 1000;
const EVERY_ZONE_MS = 300_000;
const RETRY_MS = 1000;

/**
 * Writes the status of the zones that this pod speaks for: one pod a zone, by rendezvous over the registrations, so that
 * there is one report per zone and change. It asks every pod of the zone over DNS, and reads why in their feeds.
 */
export class Speaker {
  readonly #deps: SpeakerDeps;
  readonly #bell = new Mailbox();
  readonly #feeds = new Map<string, Map<string, ZoneCopy>>();
  readonly #objects = new Map<DomainName, Set<ObjectKey>>();
  /** Zones to look at, and when, by the monotonic clock. */
  readonly #due = new Map<ObjectKey, number>();
  #outcome: PassOutcome | undefined;
  /** What is wrong with objects, as text. */
  #invalid: ReadonlyMap<ObjectKey, string> = new Map();

  constructor(deps: SpeakerDeps) {
    this.#deps = deps;
  }

  onPass(outcome: PassOutcome, view: ClusterView): void {
    this.#forgetGone(view);
    const failuresBefore = this.#outcome?.failures;
    this.#outcome = outcome;
    for (const key of outcome.plan.changed) {
      const plan = outcome.plan.zones.get(key);
      if (plan === undefined) this.#due.delete(key);
      else {
        const objects = this.#objects.get(plan.zone) ?? new Set();
        this.#objects.set(plan.zone, objects.add(key));
        this.#soon(key);
      }
    }
    const touched = new Set([...outcome.failures.keys(), ...(failuresBefore?.keys() ?? [])]);
    for (const zone of touched)
      if (outcome.failures.get(zone) !== failuresBefore?.get(zone)) this.onCopy(zone);
    const invalid = new Map<ObjectKey, string>();
    for (const { zone, problems } of view.invalid)
      if (zone !== undefined) invalid.set(zone, problems.map(showProblem).join('; '));
    for (const key of new Set([...invalid.keys(), ...this.#invalid.keys()]))
      if (invalid.get(key) !== this.#invalid.get(key)) this.#soon(key);
    this.#invalid = invalid;
  }

  /** Pods are replaced under new names all the time; each has told of every zone. */
  #forgetGone({ peers }: ClusterView): void {
    for (const pod of this.#feeds.keys()) if (!peers.has(pod)) this.#feeds.delete(pod);
  }

  /** This pod's copy of a zone is another than before. */
  onCopy(zone: DomainName): void {
    for (const key of this.#objects.get(zone) ?? []) this.#soon(key);
  }

  /** A peer has told of its copies. */
  onPeer(pod: string, { full, zones, gone }: Pick<FeedPage, 'full' | 'zones' | 'gone'>): void {
    const copies = full ? new Map<string, ZoneCopy>() : (this.#feeds.get(pod) ?? new Map());
    for (const zone of zones) copies.set(zone.object, zone);
    for (const object of gone) copies.delete(object);
    this.#feeds.set(pod, copies);
    for (const object of [...zones.map((zone) => zone.object), ...gone])
      this.#soon(object as ObjectKey);
  }

  /** The pod that writes the status of a zone, as far as this pod can tell. */
  speakerOf(plan: ZonePlan): string | undefined {
    const { primaries, secondaries } = plan.placement;
    const zone = plan.object.metadata.uid ?? plan.object.key;
    return speakerOf(zone, [
      ...primaries.map((pod) => candidate(pod, 'primary')),
      ...secondaries.map((pod) => candidate(pod, 'secondary')),
    ]);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (await this.#bell.next(signal)) {
      const now = this.#deps.parts.clock.monotonic();
      const due = [...this.#due].filter(([, at]) => at <= now).map(([key]) => key);
      const batch = this.#failuresFirst(due).slice(0, BATCH);
      for (const key of batch) this.#due.delete(key);
      await atOnce(BATCH, batch, (key) => this.#speak(key));
      if (due.length > BATCH) await this.#deps.parts.clock.sleep(PAUSE_MS, signal);
      let next = Number.POSITIVE_INFINITY;
      for (const at of this.#due.values()) next = Math.min(next, at);
      if (Number.isFinite(next)) this.#bell.ringIn(Math.max(0, next - now));
    }
    this.#bell.close();
  }

  #soon(key: ObjectKey, ms = GATHER_MS): void {
    const at = this.#deps.parts.clock.monotonic() + ms;
    this.#due.set(key, Math.min(at, this.#due.get(key) ?? Number.POSITIVE_INFINITY));
    this.#bell.ringIn(ms);
  }

  #failuresFirst(keys: readonly ObjectKey[]): ObjectKey[] {
    const failing = (key: ObjectKey): boolean =>
      [...this.#feeds.values()].some((copies) => copies.get(key)?.state === 'Failing');
    return [...keys.filter(failing), ...keys.filter((key) => !failing(key))];
  }

  async #speak(key: ObjectKey): Promise<void> {
    const { options } = this.#deps.parts;
    const plan = this.#outcome?.plan.zones.get(key);
    const speaker = plan === undefined ? this.#speakerOfInvalid(key) : this.speakerOf(plan);
    if (speaker !== options.pod.name) return;
    const copies = plan === undefined ? [] : await this.#copiesOf(plan);
    const report = this.#reportOf(key, plan, copies);
    const settled = report.transfers.every(({ state }) => state === 'Current');
    this.#soon(key, settled ? EVERY_ZONE_MS : UNSETTLED_MS);
    await this.#write(key, report);
  }

  /** An object that was never valid has no placement: any pod may tell. */
  #speakerOfInvalid(key: ObjectKey): string | undefined {
    const topology = this.#outcome?.plan.topology;
    if (topology === undefined || !this.#invalid.has(key)) return undefined;
    const pods: Pod[] = [topology.self, ...topology.peers.values()];
    return speakerOf(
      key,
      pods.map((pod) => candidate(pod, pod.role)),
    );
  }

  async #write(key: ObjectKey, report: ZoneReport): Promise<void> {
    const { cluster, log, metrics } = this.#deps.parts;
    const status = cluster.view().statuses.get(key);
    if (status?.report !== undefined && sameReport(status.report, report)) return;
    try {
      const written = await cluster.report(key, status?.version, report);
      metrics.countStatusWrite(written.kind);
      if (written.kind === 'conflict') this.#soon(key, 20);
    } catch (error) {
      log.warn({ zone: key, err: error }, 'the status could not be written');
      metrics.countStatusWrite('failed');
      this.#soon(key, RETRY_MS);
    }
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
      before: view.statuses.get(key)?.report,
      problems: [...ofObject, ...ofPlan],
      unusable: wrong.length > 0 || (plan?.kind === 'keep' && ofPlan.length > 0),
      conflict: plan?.kind === 'conflict' ? plan.why : undefined,
      diverged: this.#outcome?.diverged.get(key),
      failure: plan === undefined ? undefined : this.#outcome?.failures.get(plan.zone),
      signed: given.cluster !== undefined,
    });
  }

  async #copiesOf(plan: ZonePlan): Promise<SeenCopy[]> {
    const { primaries, secondaries } = plan.placement;
    const copies = await Promise.all([
      ...primaries.map((pod) => this.#seen(plan, pod, 'primary')),
      ...secondaries.map((pod) => this.#seen(plan, pod, 'secondary')),
    ]);
    // Where another object has the name, what a pod answers for it says nothing of this object.
    return plan.kind === 'conflict' ? copies.filter(({ copy }) => copy !== undefined) : copies;
  }

  async #seen(plan: ZonePlan, pod: Pod, role: Registration['role']): Promise<SeenCopy> {
    const { options, given, wire } = this.#deps.parts;
    const self = pod.pod === options.pod.name;
    const live = isLive(pod);
    const ask = (): ReturnType<typeof wire.soa> =>
      self ? wire.soaHere(plan.zone) : wire.soa(endpointOf(pod, given.cluster?.name), plan.zone);
    const copy = self
      ? this.#deps.ownCopy(plan.zone)
      : this.#feeds.get(pod.pod)?.get(plan.object.key);
    return { pod, role, live, copy, wire: live ? await ask() : undefined };
  }
}

const candidate = (pod: Pod, role: Registration['role']): Candidate => ({
  pod: pod.pod,
  role,
  live: isLive(pod) && !pod.draining,
});
