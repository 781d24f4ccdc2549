import type { Placement } from './placement.ts';
import type { PrimaryPlan, SecondaryPlan, ZonePlan } from './plan-zone.ts';
import type { Candidate } from './primaries.ts';
import { type Endpoint, endpointId } from './topology.ts';

/** So many are kept at most: what each zone has for itself would otherwise stay for ever. */
const MOST = 4096;
const NONE: readonly never[] = [];

/**
 * Gives equal parts of plans as one and the same, so that they are in memory once: most of thousands of zones have the same
 * pods. Good for as long as the topology is the same. What is served is written out field by field: V8 keeps
 * fields that were spread in a second object beside the first.
 */
export class Alike {
  readonly #known = new Map<string, unknown>();

  planOf(plan: ZonePlan): ZonePlan {
    switch (plan.kind) {
      case 'primary':
        return this.#primary(plan);
      case 'secondary':
        return this.#secondary(plan);
      default:
        return { ...plan, placement: this.#placement(plan.placement) };
    }
  }

  #primary(plan: PrimaryPlan): PrimaryPlan {
    const { kind, zone, object, content, floor, dynamic, claim } = plan;
    return {
      kind,
      zone,
      object,
      content,
      floor,
      dynamic,
      claim,
      placement: this.#placement(plan.placement),
      stanza: this.#share(`stanza ${plan.stanza}`, plan.stanza),
      ranked: this.#share(`ranked ${plan.ranked.join(' ')}`, plan.ranked),
      notify: this.#endpoints(plan.notify),
      problems: orNone(plan.problems),
    };
  }

  #secondary(plan: SecondaryPlan): SecondaryPlan {
    const { kind, zone, object } = plan;
    return {
      kind,
      zone,
      object,
      placement: this.#placement(plan.placement),
      stanza: this.#share(`stanza ${plan.stanza}`, plan.stanza),
      primaries: this.#endpoints(plan.primaries),
      candidates: this.#candidates(plan.candidates),
      problems: orNone(plan.problems),
    };
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

/** One list for all of the thousands that have nothing in it. */
export const orNone = <T>(list: readonly T[]): readonly T[] => (list.length === 0 ? NONE : list);

const textOf = (endpoint: Endpoint): string => `${endpointId(endpoint)}/${endpoint.key}`;
