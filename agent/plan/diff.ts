import { type DomainName, displayName } from '../dns/name.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { Action, Target, Wanted } from './action.ts';
import { isServed, type PrimaryPlan, type SecondaryPlan, type ZonePlan } from './plan-zone.ts';
import type { ServedZone } from './served-zone.ts';

export interface DiffInputs {
  readonly plans: ReadonlyMap<ObjectKey, ZonePlan>;
  readonly served: ReadonlyMap<string, ServedZone>;
  /**
   * Agreed content by zone; a primary zone without one waits for its serial. `on-disk`: the zone's file is there, and
   * others wrote what it holds.
   */
  readonly targets: ReadonlyMap<DomainName, Target | 'on-disk'>;
}

export interface DropInputs {
  readonly plans: ReadonlyMap<ObjectKey, ZonePlan>;
  /** See `unwantedIn`. */
  readonly unwanted: readonly ServedZone[];
  /** Zones whose object cannot be read as it stands: what is served of them stays. */
  readonly unreadable: ReadonlySet<ObjectKey>;
  /** Why nothing may be taken for deleted just now. */
  readonly removalsFrozen: string | undefined;
}

/** What must be added and changed to get from what named serves to what is planned. */
export const diff = ({ plans, targets, served }: DiffInputs): Action[] =>
  [...plans.values()].flatMap((plan) =>
    isServed(plan) ? diffZone(plan, served.get(plan.zone), targets.get(plan.zone)) : [],
  );

function diffZone(
  plan: PrimaryPlan | SecondaryPlan,
  now: ServedZone | undefined,
  target: Target | 'on-disk' | undefined,
): Action[] {
  const wanted = wantedOf(plan);
  if (now === undefined) {
    const waits = plan.kind === 'primary' && target === undefined;
    return waits ? [] : [{ kind: 'add', wanted, target: contentOf(target) }];
  }
  // What is wanted is another zone of that name: it comes when nothing of the former is left.
  if (now.dropping === true)
    return [{ kind: 'drop', zone: plan.zone, why: 'its removal was not finished' }];
  const actions: Action[] = [];
  if (now.stanza !== wanted.stanza || now.key !== wanted.key || now.pending === true)
    actions.push({ kind: 'modify', wanted, from: now.role });
  const next = contentOf(target);
  if (next !== undefined && (now.hash !== next.content.hash || now.serial !== next.serial))
    actions.push({ kind: 'load', zone: plan.zone, target: next });
  return actions;
}

const contentOf = (target: Target | 'on-disk' | undefined): Target | undefined =>
  target === 'on-disk' ? undefined : target;

export const wantedOf = (plan: PrimaryPlan | SecondaryPlan): Wanted => ({
  zone: plan.zone,
  key: plan.object.key,
  uid: plan.object.metadata.uid ?? plan.object.key,
  role: plan.kind,
  stanza: plan.stanza,
  primaries: plan.kind === 'secondary' ? plan.primaries : [],
});

/** What named serves and no plan wants here any more. */
export function unwantedIn(
  plans: ReadonlyMap<ObjectKey, ZonePlan>,
  served: ReadonlyMap<string, ServedZone>,
): readonly ServedZone[] {
  const doubtful = [...served.values()].filter(({ zone, key }) => !isWanted(plans.get(key), zone));
  if (doubtful.length === 0) return doubtful;
  // Another object may have the name now.
  const wanted = new Set(
    [...plans.values()].filter((plan) => isWanted(plan, plan.zone)).map(({ zone }) => zone),
  );
  return doubtful.filter(({ zone }) => !wanted.has(zone));
}

const isWanted = (plan: ZonePlan | undefined, zone: DomainName): boolean =>
  plan?.zone === zone && plan.kind !== 'elsewhere' && plan.kind !== 'conflict';

/** What is to be taken from named: what nobody wants, as far as that is known for sure. */
export function dropsIn(inputs: DropInputs): Extract<Action, { kind: 'drop' }>[] {
  if (inputs.removalsFrozen !== undefined) return [];
  return inputs.unwanted
    .filter(({ key }) => !inputs.unreadable.has(key))
    .map((now) => ({ kind: 'drop', zone: now.zone, why: whyDropped(now, inputs) }));
}

function whyDropped({ key, zone }: ServedZone, { plans }: DropInputs): string {
  const plan = plans.get(key);
  if (plan === undefined) return `DNSZone ${key} is gone`;
  if (plan.kind === 'conflict') return plan.why;
  return plan.zone === zone
    ? `DNSZone ${key} does not select this instance any more`
    : `DNSZone ${key} has another zoneName now: ${displayName(plan.zone)}`;
}
