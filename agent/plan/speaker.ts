import { hash } from 'node:crypto';
import type { Role } from './registration.ts';

/** A pod that could speak for a zone. */
export interface Candidate {
  readonly pod: string;
  /** The role that the pod has for this zone. */
  readonly role: Role;
  /** Registered, its lease renewed, and not about to stop. */
  readonly live: boolean;
}

/**
 * Pods by their rendezvous score for a zone, highest first: every pod computes the same order from the same names
 * without asking anyone, and a pod that comes or goes moves only the zones that it wins or held.
 */
export function rank(zone: string, pods: readonly string[]): string[] {
  return [...new Set(pods)]
    .map((pod) => ({ pod, score: score(zone, pod) }))
    .sort((a, b) => (a.score === b.score ? (a.pod < b.pod ? -1 : 1) : a.score > b.score ? -1 : 1))
    .map(({ pod }) => pod);
}

/**
 * The pod that writes a zone's status: the first in rank among its live primaries; among its live secondaries where
 * its primaries are outside the cluster or none is alive. `zone` is the object's uid, or its key where it has none.
 */
export function speakerOf(zone: string, candidates: readonly Candidate[]): string | undefined {
  const live = candidates.filter((candidate) => candidate.live);
  const primaries = live.filter(({ role }) => role === 'primary');
  const speakers = primaries.length > 0 ? primaries : live;
  if (speakers.length <= 1) return speakers[0]?.pod;
  return rank(
    zone,
    speakers.map(({ pod }) => pod),
  )[0];
}

/** Hexadecimal, so that strings compare as numbers do. The separator keeps ("a", "bc") and ("ab", "c") apart. */
function score(zone: string, pod: string): string {
  return hash('sha256', `${zone}\0${pod}`);
}
