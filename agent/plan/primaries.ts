import { type Endpoint, endpointId, isLive, type Pod } from './topology.ts';

/** A primary that a secondary may transfer from, and what must be proven before it is used. */
export interface Candidate extends Endpoint {
  /** What the proof is about: a peer is proven as a whole, a server outside zone by zone. */
  readonly proof: string;
  readonly draining: boolean;
}

export function peerCandidate(pod: Pod, endpoint: Endpoint): Candidate {
  return { ...endpoint, proof: endpointId(endpoint), draining: pod.draining || !isLive(pod) };
}

export function outsideCandidate(zone: string, endpoint: Endpoint): Candidate {
  return { ...endpoint, proof: `${endpointId(endpoint)}/${zone}`, draining: false };
}

/**
 * The primary to transfer from: one that was just proven on the wire. A dead one in the list would freeze the zone
 * for 30 s and more, even when listed last. The present one is kept while it is proven and keeps up; with none proven, the
 * last known stays.
 *
 * @param candidates in the order of preference
 * @param current what the zone's stanza lists now, if it has one
 * @param outdated ids (`endpointId`) of those that answer without having what was agreed on: their agent is dead or stuck
 */
export function choosePrimaries(
  candidates: readonly Candidate[],
  proven: ReadonlySet<string>,
  current: readonly Endpoint[],
  outdated: ReadonlySet<string> = new Set(),
): readonly Endpoint[] {
  const answering = candidates.filter((candidate) => proven.has(candidate.proof));
  const upToDate = answering.filter((candidate) => !outdated.has(endpointId(candidate)));
  const usable = upToDate.length > 0 ? upToDate : answering;
  const preferred = usable.some((each) => !each.draining)
    ? usable.filter((each) => !each.draining)
    : usable;
  const kept = preferred.find((each) =>
    current.some((now) => endpointId(now) === endpointId(each)),
  );
  const chosen = kept ?? preferred[0];
  if (chosen !== undefined) return [bare(chosen)];
  if (current.length > 0) return current.map(bare);
  return candidates.slice(0, 1).map(bare);
}

const bare = ({ address, port, key }: Endpoint): Endpoint => ({
  address,
  port,
  ...(key === undefined ? {} : { key }),
});
