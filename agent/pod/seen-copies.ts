import type { DomainName } from '../dns/name.ts';
import type { ZonePlan } from '../plan/plan-zone.ts';
import type { Role } from '../plan/registration.ts';
import { endpointOf, isLive, type Pod } from '../plan/topology.ts';
import type { ZoneCopy } from '../report/zone-copy.ts';
import type { SeenCopy } from '../report/zone-status.ts';
import type { AgentParts } from './parts.ts';

export interface SeenCopiesDeps {
  readonly parts: Pick<AgentParts, 'options' | 'given' | 'wire'>;
  readonly ownCopy: (zone: DomainName) => ZoneCopy | undefined;
  /** What a peer has told of its copy. */
  readonly told: (pod: string, plan: ZonePlan) => ZoneCopy | undefined;
}

/** Every pod's copy of a zone: what the pod answers over DNS, and what it says of it. */
export async function seenCopies(plan: ZonePlan, deps: SeenCopiesDeps): Promise<SeenCopy[]> {
  const { primaries, secondaries } = plan.placement;
  const copies = await Promise.all([
    ...primaries.map((pod) => seen(plan, pod, 'primary', deps)),
    ...secondaries.map((pod) => seen(plan, pod, 'secondary', deps)),
  ]);
  // Where another object has the name, what a pod answers for it says nothing of this object.
  return plan.kind === 'conflict' ? copies.filter(({ copy }) => copy !== undefined) : copies;
}

async function seen(
  plan: ZonePlan,
  pod: Pod,
  role: Role,
  { parts, ownCopy, told }: SeenCopiesDeps,
): Promise<SeenCopy> {
  const { options, given, wire } = parts;
  const self = pod.pod === options.pod.name;
  const ask = (): ReturnType<typeof wire.soa> =>
    self ? wire.soaHere(plan.zone) : wire.soa(endpointOf(pod, given.cluster?.name), plan.zone);
  const copy = self ? ownCopy(plan.zone) : told(pod.pod, plan);
  const answer = isLive(pod) ? await ask() : undefined;
  // One that is about to go may have gone: no failure of its.
  const live = answer !== undefined && (!pod.draining || answer.kind === 'soa');
  return { pod, role, live, copy, wire: answer };
}
