import { displayName } from '../dns/name.ts';
import { isServed, type ZonePlan } from '../plan/plan-zone.ts';
import type { Verdict } from '../report/http-sources.ts';
import { isBad } from '../report/zone-report.ts';
import type { Whole } from './http-sources.ts';

/** Zones named in a reason. */
const NAMED = 5;

/**
 * Whether the pod may get queries: named answers, and every zone that can be served is. Once it was ready, only named's own
 * silence takes that back: not a late transfer, not the absence of whatever tells the resources.
 */
export class Readiness {
  readonly #whole: Whole;
  #wasReady = false;
  #waitsSince: number | undefined;

  constructor(whole: Whole) {
    this.#whole = whole;
  }

  verdict(): Verdict {
    const reasons = [...this.#named(), ...(this.#wasReady ? [] : this.#start())];
    if (reasons.length === 0) this.#wasReady = true;
    return { ok: reasons.length === 0, reasons, notes: this.#notes(reasons) };
  }

  /** Somebody who looks here first should not have to look at the metrics to find out. */
  #notes(reasons: readonly string[]): string[] {
    const { stale } = this.#whole.parts.cluster.view();
    if (stale === undefined || reasons.some((reason) => reason.includes(stale))) return [];
    return [`the resources may have changed: ${stale}`];
  }

  #named(): string[] {
    const { start, named } = this.#whole.agent;
    if (start.notYet !== undefined) return [start.notYet];
    const { state } = named.link;
    if (state.kind === 'down') return [`named does not answer: ${state.why}`];
    return [];
  }

  #start(): string[] {
    const { parts, agent } = this.#whole;
    const { state } = agent;
    const view = parts.cluster.view();
    if (!view.synced) return this.#unread(view.stale);
    if (state.self === undefined)
      return [
        `this pod (${parts.options.pod.name}) has no role: set pod.role, a label, or spec.role of its Bind9Instance`,
      ];
    if (!agent.named.reconciled || state.outcome === undefined)
      return [state.trouble ?? 'what named has was not compared with what it should have yet'];
    const { instance } = state.self;
    const holding = [...view.peers.values()].find(
      (peer) => peer.instance === instance && peer.held !== undefined,
    );
    if (holding !== undefined)
      return [`pod ${holding.pod} holds the plan ${holding.held} until it is approved`];
    return this.#missing();
  }

  /** Where nobody tells the resources, what this pod had is served all the same; a pod that had nothing waits for them. */
  #unread(stale: string | undefined): string[] {
    const { agent, parts } = this.#whole;
    if (stale === undefined) return ['the resources were not read yet'];
    if (agent.named.reconciled && parts.ledger.entries().size > 0) return [];
    return [`the resources could not be read yet: ${stale}`];
  }

  /**
   * Zones on their way. One that fails for a reason of its own does not hold up the others; for a while it does where it is
   * served elsewhere, since a primary that is being replaced is away for some seconds, and clients would be sent here.
   */
  #missing(): string[] {
    const { agent, copies, parts } = this.#whole;
    const { statuses } = parts.cluster.view();
    const patient = this.#isPatient();
    const isMissing = (plan: ZonePlan): boolean => {
      if (plan.kind === 'pending') return true;
      if (!isServed(plan)) return false;
      if (agent.state.outcome?.failures.has(plan.zone)) return false;
      const copy = copies.copyOf(plan.zone);
      if (copy === undefined) return true;
      const elsewhere = statuses.get(plan.object.key)?.allocated !== undefined;
      return copy.serial === undefined && (!isBad(copy) || (elsewhere && patient));
    };
    const missing: ZonePlan[] = [];
    for (const plan of agent.state.outcome?.plan.zones.values() ?? [])
      if (isMissing(plan)) missing.push(plan);
    if (missing.length === 0) return [];
    const names = missing.slice(0, NAMED).map(({ zone }) => displayName(zone));
    const more = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '';
    return [`not served yet: ${names.join(', ')}${more}`];
  }

  /** `start.deadlineSeconds` from the first time that zones alone were waited for. */
  #isPatient(): boolean {
    const { clock, options } = this.#whole.parts;
    this.#waitsSince ??= clock.monotonic();
    return clock.monotonic() - this.#waitsSince < options.start.deadlineSeconds * 1000;
  }
}
