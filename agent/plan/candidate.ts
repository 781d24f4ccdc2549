import { displayName } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import type { Problem } from '../problem.ts';

/** What a user wrote a record in, as problems name it. */
export interface Origin {
  /** `ARecord www`, or a field of the zone itself: `spec.nameServers[0]`. */
  readonly path: string;
  /** The fields of the name and of the data in that object, where they are told apart. */
  readonly fields?: { readonly owner: string; readonly data: string };
  /** When the object was made, RFC 3339; empty where that is not known. Of two rivals the older one is served. */
  readonly since: string;
}

/** Records of one name and type from one origin, which the zone may serve, each valid by itself. */
export interface Candidate extends RRset {
  readonly origin: Origin;
}

/** Says which record set is not served, and why: because of its name (`owner`), or of its `data`. */
export function leftOut(
  { origin, owner, type }: Pick<Candidate, 'origin' | 'owner' | 'type'>,
  field: 'owner' | 'data',
  wantedAndGot: string,
): Problem {
  const { path, fields } = origin;
  return {
    path: fields === undefined ? path : `${path} ${fields[field]}`,
    problem: `${displayName(owner)} ${type} is left out: ${wantedAndGot}`,
  };
}

/** The same of a whole set: one problem, however many objects the set comes from. */
export function setLeftOut(
  members: readonly Candidate[],
  field: 'owner' | 'data',
  wantedAndGot: string,
): Problem[] {
  const [first, ...others] = members;
  if (first === undefined) return [];
  const objects = new Set(members.map(({ origin }) => origin.path));
  const more = others.length === 0 || objects.size === 1 ? '' : ` (in ${objects.size} objects)`;
  return [leftOut(first, field, `${wantedAndGot}${more}`)];
}

/** The same problem of several records of one object is told once. */
export function distinct(problems: readonly Problem[]): Problem[] {
  const seen = new Map<string, Problem>();
  for (const each of problems) seen.set(`${each.path}\n${each.problem}`, each);
  return [...seen.values()];
}
