import type { Placement } from './placement.ts';
import type { ZonePlan } from './plan-zone.ts';
import type { Candidate } from './primaries.ts';
import { type Endpoint, endpointId } from './topology.ts';

/** So many are kept at most: what each zone has for itself would otherwise stay for ever. */
const MOST = 4096;
const NONE: readonly never[] = [];

/**
 * Gives equal parts of plans as one and the same, so that they are in memory once: most of thousands of zones have the same
 * pods. Good for as long as the topology is the same.
 */
export class Alike {
  readonly #known = new Map<string, unknown>();

  planOf(plan: ZonePlan): ZonePlan {
    const placement = this.#placement(plan.placement);
    if (plan.kind !== 'primary' && plan.kind !== 'secondary') return { ...plan, placement };
    const shared = {
      placement,
      stanza: this.#share(`stanza ${plan.stanza}`, plan.stanza),
      problems: plan.problems.length === 0 ? NONE : plan.problems,
    };
    if (plan.kind === 'secondary')
      return {
        ...plan,
        ...shared,
        primaries: this.#endpoints(plan.primaries),
        candidates: this.#candidates(plan.candidates),
      };
    const ranked = this.#share(`ranked ${plan.ranked.join(' ')}`, plan.ranked);
    return { ...plan, ...shared, ranked, notify: this.#endpoints(plan.notify) };
  }

  #placement(placement: Placement): Placement {
    const { primaries, secondaries, outside } = placement;
    const pods = [primaries, secondaries].map((each) => each.map(({ pod }) => pod).join(' '));
    return this.#share(`placement ${[...pods, ...outside].join(', ')}`, placement);
  }

  #endpoints(endpoints: readonly Endpoint[]): readonly Endpoint[] {
    return this.#share(`endpoints ${endpoints.map(textOf).join(' ')}`, endpoints);
  }

  #candidates(candidates: readonly Candidate[]): readonly Candidate[] {
    const texts = candidates.map((each) => `${textOf(each)} ${each.proof} ${each.draining}`);
    return this.#share(`candidates ${texts.join(', ')}`, candidates);
  }

  #share<T>(signature: string, value: T): T {
    const known = this.#known.get(signature);
    // A signature tells the kind of its value too.
    if (known !== undefined) return known as T;
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(signature, value);
    return value;
  }
}

const textOf = (endpoint: Endpoint): string => `${endpointId(endpoint)}/${endpoint.key}`;
