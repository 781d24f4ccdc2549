import type { SoaAnswer } from '../observe/dns-client.ts';
import type { ZonePlan } from '../plan/plan-zone.ts';
import type { Role } from '../plan/registration.ts';
import { endpointOf, isLive, type Pod } from '../plan/topology.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';
import type { CopyState } from '../report/zone-copy.ts';
import type { Transfer } from '../report/zone-report.ts';
import type { SeenCopy } from '../report/zone-status.ts';
import { ShortMemory } from '../short-memory.ts';
import type { AgentParts } from './parts.ts';

export interface SeenCopiesDeps {
  readonly parts: Pick<AgentParts, 'options' | 'given' | 'wire' | 'clock'>;
  readonly ownCopy: (plan: ZonePlan) => CopyState | undefined;
  /** What a peer has told of its copy. */
  readonly told: (pod: string, plan: ZonePlan) => CopyState | undefined;
  /** Whether a peer tells of its copies as they change. */
  readonly tells: (pod: string) => boolean;
}

/** A pod that did not answer is not asked about the next zones: each silence costs more than a second. */
const SILENCE_MS = 3000;
/** What a pod says of its copies goes for so long after it has answered over DNS. */
const HEARD_MS = 5000;

/** Every pod's copy of a zone: what the pod answers over DNS, and what it says of it. */
export class SeenCopies {
  readonly #deps: SeenCopiesDeps;
  readonly #silent: ShortMemory<string, SoaAnswer>;
  /** Pods that have answered, by uid. */
  readonly #heard: ShortMemory<string, true>;

  constructor(deps: SeenCopiesDeps) {
    this.#deps = deps;
    this.#silent = new ShortMemory(SILENCE_MS, deps.parts.clock);
    this.#heard = new ShortMemory(HEARD_MS, deps.parts.clock);
  }

  /** @param told copies that are not asked about again where their pods still say so of them */
  async of(plan: ZonePlan, told: readonly Transfer[] = []): Promise<SeenCopy[]> {
    const { primaries, secondaries } = plan.placement;
    const former = new Map(told.map((each) => [each.pod, each]));
    const seen = (pod: Pod, role: Role) => this.#seen(plan, pod, role, former.get(pod.pod));
    const copies = await Promise.all([
      ...primaries.map((pod) => seen(pod, 'primary')),
      ...secondaries.map((pod) => seen(pod, 'secondary')),
    ]);
    // Where another object has the name, what a pod answers for it says nothing of this object.
    return plan.kind === 'conflict' ? copies.filter(({ copy }) => copy !== undefined) : copies;
  }

  /** Whether one of these pods has the zone, whether it is to have it or not. */
  async served(plan: ZonePlan, pods: readonly Pod[]): Promise<boolean> {
    const answers = await Promise.all(pods.map((pod) => this.#ask(plan, pod)));
    return answers.some((answer) => answer.kind === 'soa' && answer.authoritative);
  }

  async #seen(plan: ZonePlan, pod: Pod, role: Role, former?: Transfer): Promise<SeenCopy> {
    const { parts, ownCopy, told } = this.#deps;
    const self = pod.pod === parts.options.pod.name;
    const copy = self ? ownCopy(plan) : told(pod.pod, plan);
    const isKnown = former?.role === role && !self && this.#isHeard(pod);
    const known = isKnown ? stillTold(former, pod, copy) : undefined;
    const answer = known ?? (isLive(pod) ? await this.#ask(plan, pod) : undefined);
    // One that is about to go may have gone: no failure of its.
    const live = answer !== undefined && (!pod.draining || answer.kind === 'soa');
    return { pod, role, live, copy, wire: answer };
  }

  /** It tells of its copies as they change, and has answered just now. */
  #isHeard({ pod, uid }: Pod): boolean {
    return this.#deps.tells(pod) && this.#heard.get(uid) === true;
  }

  async #ask({ zone }: ZonePlan, pod: Pod): Promise<SoaAnswer> {
    const { given, wire, options } = this.#deps.parts;
    if (pod.pod === options.pod.name) return wire.soaHere(zone);
    const silence = this.#silent.get(pod.uid);
    if (silence !== undefined) return silence;
    const answer = await wire.soa(endpointOf(pod, given.cluster?.name), zone);
    if (answer.kind === 'timeout') this.#silent.put(pod.uid, answer);
    if (answer.kind === 'soa') this.#heard.put(pod.uid, true);
    return answer;
  }
}

/** What the pod would answer: it is where it was, and tells of its copy what was told of it. Undefined: it may be otherwise. */
function stillTold(
  { state, serial, role, ip }: Transfer,
  pod: Pod,
  copy: CopyState | undefined,
): SoaProbe | undefined {
  const isSame =
    state === 'Current' &&
    copy?.state === 'Current' &&
    serial === copy.serial &&
    role === copy.role &&
    ip === pod.ips[0] &&
    isLive(pod) &&
    !pod.draining;
  return isSame && serial !== undefined ? { kind: 'soa', serial, authoritative: true } : undefined;
}
