import { inject } from '../inject/inject.ts';
import type { InjectSettings } from '../inject/settings.ts';
import { showProblem } from '../problem.ts';
import type { Review, Verdict } from './review.ts';

/** Puts the agent into a pod that asks for it, or refuses the pod with every reason. */
export function mutate({ resource, object }: Review, settings: InjectSettings): Verdict {
  if (resource !== 'pods')
    return { outcome: 'unwanted', warnings: [`bind9-agent: want pods here, got ${resource}`] };
  const injection = inject(object, settings);
  switch (injection.kind) {
    case 'patch':
      return injection.patch.length === 0
        ? { outcome: 'unchanged' }
        : { outcome: 'patched', patch: injection.patch };
    case 'unwanted':
      return { outcome: 'unwanted' };
    case 'refused': {
      const reasons = injection.problems.map(showProblem).join('; ');
      return injection.meant
        ? { outcome: 'refused', refusal: `bind9-agent cannot be put beside named: ${reasons}` }
        : { outcome: 'unwanted', warnings: [`bind9-agent: left as it is: ${reasons}`] };
    }
  }
}
