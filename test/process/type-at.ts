import type { Role } from '../../agent/plan/registration.ts';
import type { Pod } from '../rig/pod.ts';

interface Statistics {
  readonly views: {
    readonly _default: {
      readonly zones: readonly { readonly name: string; readonly type: Role }[];
    };
  };
}

/** What a pod's named itself takes a zone for, by its statistics; undefined: it does not have it. */
export async function typeAt(pod: Pod, zone: string): Promise<Role | undefined> {
  const response = await fetch(`${pod.statisticsUrl}/json/v1/zones`);
  const told = (await response.json()) as Statistics;
  return told.views._default.zones.find(({ name }) => name === zone)?.type;
}
