import type { ContentLoader } from '../apply/content-loader.ts';
import { atOnce } from '../at-once.ts';
import type { DomainName } from '../dns/name.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { PrimaryPlan, ZonePlan } from '../plan/plan-zone.ts';
import type { Plan } from '../plan/planner.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { lossIn, whyWithheld, withheldPlan } from '../plan/withhold.ts';
import type { ObjectKey } from '../resources/types.ts';

export interface WithholdInputs {
  readonly self: string;
  readonly view: ClusterView;
  readonly served: ReadonlyMap<DomainName, ServedZone>;
  /** Knows what named serves; undefined where nobody can be asked. */
  readonly loader: Pick<ContentLoader, 'served'> | undefined;
  /** Zones whose content the guard holds back, and why. */
  readonly guarded: ReadonlyMap<ObjectKey, string>;
}

const READS_AT_ONCE = 8;
const NONE: ReadonlyMap<ObjectKey, PrimaryPlan> = new Map();

/**
 * Withholds the content of zones that would lose most of their records, or any because nobody has ever been able to read
 * where these may stand.
 */
export class Withholder {
  /** The zones of the last plan whose content was withheld. */
  #before = NONE;
  readonly #made = new WeakMap<PrimaryPlan, PrimaryPlan>();

  async withhold(plan: Plan, inputs: WithholdInputs): Promise<Plan> {
    const before = this.#before;
    const now = await this.#withheld(plan, inputs);
    this.#before = now;
    if (now.size === 0 && before.size === 0) return plan;
    const moved = [...before.keys(), ...now.keys()].filter(
      (key) => now.get(key) !== before.get(key),
    );
    return {
      ...plan,
      zones: new Map<ObjectKey, ZonePlan>([...plan.zones, ...now]),
      changed: [...new Set([...plan.changed, ...moved])],
      touched: [...new Set([...plan.touched, ...moved])],
    };
  }

  async #withheld(
    plan: Plan,
    inputs: WithholdInputs,
  ): Promise<ReadonlyMap<ObjectKey, PrimaryPlan>> {
    const { unremembered } = inputs.view;
    const withheld = new Map<ObjectKey, PrimaryPlan>();
    for (const [key, why] of inputs.guarded) {
      const each = plan.zones.get(key);
      if (each?.kind === 'primary') withheld.set(key, this.#make(each, why));
    }
    if (unremembered === undefined) return withheld;
    await atOnce(READS_AT_ONCE, [...plan.zones.values()], async (each) => {
      if (each.kind !== 'primary' || each.dynamic) return;
      const lost = await lossOf(each, inputs);
      if (lost !== undefined)
        withheld.set(each.object.key, this.#make(each, whyWithheld(lost, unremembered)));
    });
    return withheld;
  }

  /** The same one as long as nothing changes: that is what tells others that nothing has. */
  #make(plan: PrimaryPlan, why: string): PrimaryPlan {
    const known = this.#made.get(plan);
    if (known?.withheld === why) return known;
    const made = withheldPlan(plan, why);
    this.#made.set(plan, made);
    return made;
  }
}

async function lossOf(
  plan: PrimaryPlan,
  { self, view, served, loader }: WithholdInputs,
): Promise<string | undefined> {
  const now = served.get(plan.zone);
  const changed = now !== undefined && now.hash !== plan.content.hash;
  const content = changed ? await loader?.served(plan.zone) : undefined;
  const allocated = view.statuses.get(plan.object.key)?.allocated;
  return lossIn({ self, plan, served: now, content, allocated });
}
