import { showProblem } from '../problem.ts';
import { readObject } from '../resources/read-object.ts';
import type { Review, Verdict } from './review.ts';

/** Warns of what the agents will not take as it stands. Nothing is denied: what is served goes on being served. */
export function validate({ object, namespace }: Review): Verdict {
  const read = readObject(object, { where: 'this object', defaultNamespace: namespace });
  switch (read.kind) {
    case 'object':
      return warned(read.warnings.map(showProblem));
    case 'invalid':
      return warned(
        read.invalid.problems.map((problem) => `not used by agents: ${showProblem(problem)}`),
      );
    case 'skipped':
      return { outcome: 'fine' };
  }
}

const warned = (warnings: readonly string[]): Verdict =>
  warnings.length === 0 ? { outcome: 'fine' } : { outcome: 'warned', warnings };
