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

/** Everything that is known to be wrong. */
export const wrongIn = (view: Pick<ClusterView, 'invalid'>, plan: Plan | undefined): Wrong[] => [
  ...wrongObjects(view.invalid),
  ...(plan === undefined ? [] : wrongZones(plan.zones)),
];

/** Objects that cannot be used as they stand. */
export const wrongObjects = (invalid: ClusterView['invalid']): readonly Wrong[] =>
  invalid.flatMap(({ object, problems }) =>
    problems.map((problem) => ({ object, problem: showProblem(problem) })),
  );

/** What of zones is not served as it stands. */
export function wrongZones(zones: Plan['zones']): readonly Wrong[] {
  const wrong: Wrong[] = [];
  for (const zone of zones.values())
    for (const problem of problemsOf(zone))
      wrong.push({ object: `DNSZone ${zone.object.key}`, problem });
  return wrong;
}

const NONE: readonly string[] = [];

export function problemsOf(plan: ZonePlan): readonly string[] {
  switch (plan.kind) {
    case 'primary':
    case 'secondary':
    case 'elsewhere':
    case 'keep':
      return plan.problems.length === 0 ? NONE : plan.problems.map(showProblem);
    case 'conflict':
      return [plan.why];
    case 'pending':
      return NONE;
  }
}
