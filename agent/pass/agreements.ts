import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { dateSerial, newest, type Serial } from '../dns/serial.ts';
import type { ZoneContent } from '../dns/zone-text.ts';
import type { Logger } from '../log.ts';
import type { Cluster, ClusterView } from '../observe/cluster.ts';
import type { Target } from '../plan/action.ts';
import { agree, type Decision, servingOf } from '../plan/agree.ts';
import type { PrimaryPlan } from '../plan/plan-zone.ts';
import type { Allocation } from '../plan/registration.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { isLive, type Pod } from '../plan/topology.ts';
import type { ObjectKey } from '../resources/types.ts';

export interface AgreementDeps {
  readonly cluster: Pick<Cluster, 'agree' | 'view'>;
  readonly self: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly styledByDate: boolean;
  /** The serial that a pod serves a zone at; undefined where it does not (or does not answer). */
  readonly serialAt: (pod: Pod, zone: DomainName) => Promise<Serial | undefined>;
  /** The zone as a pod serves it; undefined where it cannot be had. */
  readonly transferFrom: (pod: Pod, zone: DomainName) => Promise<Target | undefined>;
  /** Something was learnt: plan again, at once or after so many milliseconds. */
  readonly again: (ms: number) => void;
}

/** What is known of one zone's agreement between passes. */
interface Memory {
  differsSince: number | undefined;
  allocated: { readonly serial: Serial; readonly seenAt: number } | undefined;
  atSecondaries: Serial | undefined | 'unasked';
  taken: Target | undefined;
  diverged: string | undefined;
}

const RETRY_MS = 1000;
/** Compare-and-swaps, questions and transfers under way at once. */
const AT_ONCE = 16;

/** Gives each zone that this pod is primary of the serial that all its primaries agree on. */
export class Agreements {
  readonly #deps: AgreementDeps;
  readonly #memory = new Map<ObjectKey, Memory>();

  constructor(deps: AgreementDeps) {
    this.#deps = deps;
  }

  /** The content and serial to serve, zone by zone. A zone that is missing waits for something, or stays as it is. */
  async targets(
    plans: Iterable<PrimaryPlan>,
    served: ReadonlyMap<string, ServedZone>,
  ): Promise<Map<DomainName, Target>> {
    const view = this.#deps.cluster.view();
    const targets = new Map<DomainName, Target>();
    const work: (() => Promise<void>)[] = [];
    const seen = new Set<ObjectKey>();
    for (const plan of plans) {
      seen.add(plan.object.key);
      const decision = this.#decide(plan, served.get(plan.zone), view);
      const now = targetNow(plan.content, decision);
      if (now !== undefined) targets.set(plan.zone, now);
      else if (decision.kind === 'wait') this.#deps.again(decision.ms);
      else
        work.push(async () => {
          const target = await this.#carryOut(plan, decision, view);
          if (target !== undefined) targets.set(plan.zone, target);
        });
    }
    for (const zone of this.#memory.keys()) if (!seen.has(zone)) this.#memory.delete(zone);
    await atOnce(AT_ONCE, work, (each) => each());
    return targets;
  }

  /** Publishes what a sole primary has loaded, so that those who come later agree. */
  async publish(
    plans: Iterable<PrimaryPlan>,
    served: ReadonlyMap<string, ServedZone>,
  ): Promise<void> {
    const view = this.#deps.cluster.view();
    const work: (() => Promise<void>)[] = [];
    for (const plan of plans) {
      const { serial, hash, pending } = served.get(plan.zone) ?? {};
      if (serial === undefined || hash !== plan.content.hash || pending === true) continue;
      if (plan.ranked.some((pod) => pod !== this.#deps.self)) continue;
      const status = view.statuses.get(plan.object.key);
      const same =
        status?.allocated?.serial === serial && status.allocated.contentHash === plan.content.hash;
      if (!same) work.push(() => this.#swap(plan, serial, view).then(() => undefined));
    }
    await atOnce(AT_ONCE, work, (each) => each());
  }

  /** Zones whose content differs from what was agreed, where neither agreeing nor taking it over helped, and why. */
  divergences(): Map<ObjectKey, string> {
    return new Map(
      [...this.#memory].flatMap(([zone, { diverged }]) =>
        diverged === undefined ? [] : [[zone, diverged] as const],
      ),
    );
  }

  #decide(plan: PrimaryPlan, served: ServedZone | undefined, view: ClusterView): Decision {
    const { self, clock, styledByDate } = this.#deps;
    const allocated = view.statuses.get(plan.object.key)?.allocated;
    const memory = this.#remember(plan, allocated);
    const now = clock.monotonic();
    return agree({
      self,
      contentHash: plan.content.hash,
      view: view.version,
      allocated,
      serving: servingOf(served),
      ranked: plan.ranked,
      atSecondaries: plan.placement.secondaries.some((pod) => isLive(pod) && pod.pod !== self)
        ? memory.atSecondaries
        : undefined,
      floor: plan.floor,
      date: styledByDate ? dateSerial(clock.now()) : undefined,
      differsFor: now - (memory.differsSince ?? now),
      sinceAllocation: now - (memory.allocated?.seenAt ?? Number.NEGATIVE_INFINITY),
    });
  }

  #remember(plan: PrimaryPlan, allocated: Allocation | undefined): Memory {
    const now = this.#deps.clock.monotonic();
    const memory = this.#memory.get(plan.object.key) ?? {
      differsSince: undefined,
      allocated: undefined,
      atSecondaries: 'unasked',
      taken: undefined,
      diverged: undefined,
    };
    this.#memory.set(plan.object.key, memory);
    if (allocated !== undefined && allocated.serial !== memory.allocated?.serial)
      memory.allocated = { serial: allocated.serial, seenAt: now };
    if (allocated?.contentHash === plan.content.hash) {
      memory.differsSince = undefined;
      memory.taken = undefined;
      memory.diverged = undefined;
    } else memory.differsSince ??= now;
    return memory;
  }

  async #carryOut(
    plan: PrimaryPlan,
    decision: Decision,
    view: ClusterView,
  ): Promise<Target | undefined> {
    if (decision.kind === 'allocate') return this.#allocate(plan, decision.serial, view);
    if (decision.kind === 'ask-secondaries') return this.#askSecondaries(plan);
    if (decision.kind === 'take') return this.#take(plan, decision.from, decision.serial);
    return undefined;
  }

  async #allocate(
    plan: PrimaryPlan,
    serial: Serial,
    view: ClusterView,
  ): Promise<Target | undefined> {
    const won = await this.#swap(plan, serial, view);
    return won ? { content: plan.content, serial } : undefined;
  }

  async #swap(plan: PrimaryPlan, serial: Serial, view: ClusterView): Promise<boolean> {
    const { cluster, self, log, again } = this.#deps;
    const zone = plan.object.key;
    const allocated = { serial, contentHash: plan.content.hash, by: self, view: view.version };
    try {
      const at = view.statuses.get(zone)?.version;
      const written = await cluster.agree(zone, at, { allocated });
      if (written.kind === 'conflict') again(20);
      return written.kind === 'written';
    } catch (error) {
      log.warn({ zone, err: error }, 'the agreed serial could not be written');
      again(RETRY_MS);
      return false;
    }
  }

  async #askSecondaries(plan: PrimaryPlan): Promise<undefined> {
    const { serialAt, again, self } = this.#deps;
    const asked = plan.placement.secondaries.filter((pod) => isLive(pod) && pod.pod !== self);
    const serials = await Promise.all(asked.map((pod) => serialAt(pod, plan.zone)));
    const memory = this.#memory.get(plan.object.key);
    if (memory !== undefined)
      memory.atSecondaries = newest(...serials.filter((serial) => serial !== undefined));
    again(0);
  }

  async #take(plan: PrimaryPlan, from: string, serial: Serial): Promise<Target | undefined> {
    const memory = this.#memory.get(plan.object.key);
    if (memory?.taken?.serial === serial) return memory.taken;
    const { log, transferFrom, again } = this.#deps;
    const allocator = plan.placement.primaries.find((pod) => pod.pod === from);
    const taken = allocator === undefined ? undefined : await transferFrom(allocator, plan.zone);
    if (memory !== undefined) {
      memory.taken = taken;
      memory.diverged =
        taken === undefined
          ? `${from} agreed on serial ${serial} for content that this pod does not have, and the zone cannot be transferred from it`
          : undefined;
    }
    log.warn(
      { zone: plan.zone, from, serial, taken: taken !== undefined },
      'content differs from what was agreed',
    );
    if (taken === undefined) again(RETRY_MS);
    return taken;
  }
}

/** What can be served without asking anyone. */
function targetNow(content: ZoneContent, decision: Decision): Target | undefined {
  switch (decision.kind) {
    case 'serve':
    case 'load':
    case 'publish':
      return { content, serial: decision.serial };
    case 'allocate':
    case 'ask-secondaries':
    case 'wait':
    case 'take':
      return undefined;
  }
}
