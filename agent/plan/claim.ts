import type { ZoneStatus } from '../observe/cluster.ts';
import type { DNSZone, ObjectKey } from '../resources/types.ts';
import { place } from './placement.ts';
import { roleHere, type ZoneInputs } from './plan-zone.ts';
import type { ServedZone } from './served-zone.ts';

/** `ours`: this object has the zone's name on this pod. Else the sentence that says who has it. */
export type Claim = 'ours' | (string & {});

/**
 * Which of several objects of one name is served here: the oldest. What named has from the user's own configuration
 * comes before any object.
 *
 * @param foreign named has the zone from elsewhere, not from this agent
 */
export function claimantHere(
  { zone, name, siblings, topology }: Pick<ZoneInputs, 'zone' | 'name' | 'siblings' | 'topology'>,
  statuses: ReadonlyMap<ObjectKey, ZoneStatus>,
  served: ServedZone | undefined,
  foreign: boolean,
): Claim {
  if (!foreign && siblings.length === 0) return 'ours';
  const { pod, instance } = topology.self;
  const isHere = (each: DNSZone, others: readonly DNSZone[]): boolean =>
    roleHere(place(each, others, topology), pod) !== undefined;
  if (!isHere(zone, siblings)) return 'ours';
  if (foreign)
    return `instance ${instance} has zone ${name} from its own configuration, which this agent does not touch`;
  const group = [zone, ...siblings];
  const age = (each: DNSZone): string => ageOf(each, statuses.get(each.key), served);
  const oldest = group
    .filter((each) =>
      isHere(
        each,
        group.filter((other) => other !== each),
      ),
    )
    .sort((a, b) => compare(age(a), age(b)) || compare(a.key, b.key))[0];
  if (oldest === undefined || oldest === zone) return 'ours';
  return `DNSZone ${oldest.key} is older and has zone ${name} on instance ${instance}`;
}

/** Sorts by age: the object's creation, else when it was first seen, else what is served already, else new. */
function ageOf(
  zone: DNSZone,
  status: ZoneStatus | undefined,
  served: ServedZone | undefined,
): string {
  const known = zone.metadata.creationTimestamp ?? status?.firstSeen;
  if (known !== undefined) return known;
  return served?.key === zone.key ? '8' : '9';
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
