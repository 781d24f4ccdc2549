import type { ClusterView } from '../observe/cluster.ts';
import { showProblem } from '../problem.ts';
import type { ZonePlan } from './plan-zone.ts';
import type { Plan } from './planner.ts';

/** One thing that is wrong with one object: where it stands, what was wanted and got. */
export interface Wrong {
  /** What the user would look for: `DNSZone default/example-com`, or a file. */
  readonly object: string;
  readonly problem: string;
}

/** Everything that is known to be wrong: objects that cannot be used as they stand, and what of a zone is not served. */
export const wrongIn = (view: Pick<ClusterView, 'invalid'>, plan: Plan | undefined): Wrong[] => [
  ...view.invalid.flatMap(({ object, problems }) =>
    problems.map((problem) => ({ object, problem: showProblem(problem) })),
  ),
  ...[...(plan?.zones.values() ?? [])].flatMap((zone) =>
    problemsOf(zone).map((problem) => ({ object: `DNSZone ${zone.object.key}`, problem })),
  ),
];

export function problemsOf(plan: ZonePlan): string[] {
  switch (plan.kind) {
    case 'primary':
    case 'secondary':
    case 'elsewhere':
    case 'keep':
      return plan.problems.map(showProblem);
    case 'conflict':
      return [plan.why];
    case 'pending':
      return [];
  }
}
