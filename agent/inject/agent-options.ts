import { noSuch } from '../options/closest.ts';
import { declarations } from '../options/declarations.ts';
import { type Parsed, type Problem, parsed } from '../problem.ts';
import { settledOptions } from './settings.ts';

/**
 * Settings as agents get them: as text, and none that follows from the pod.
 *
 * @param given path of an option → what was given for it
 * @param nameOf what a path is called in a problem
 */
export function agentOptions(
  given: Iterable<readonly [path: string, raw: unknown]>,
  nameOf: (path: string) => string,
): Parsed<ReadonlyMap<string, string>> {
  const problems: Problem[] = [];
  const options = new Map<string, string>();
  const paths = declarations.map(({ path }) => path);
  for (const [path, raw] of given) {
    const note = (problem: string): void => {
      problems.push({ path: nameOf(path), problem });
    };
    const value = declarations.find((each) => each.path === path)?.kind.read(raw);
    if (value === undefined) note(noSuch('setting', path, paths));
    else if (/^(?:webhook|inject)\./.test(path)) note('want nothing: it is no setting of an agent');
    else if (settledOptions.includes(path)) note('want nothing, since it follows from the pod');
    else if (!value.ok) for (const { problem } of value.problems) note(problem);
    else options.set(path, String(raw));
  }
  return problems.length > 0 ? { ok: false, problems } : parsed(options);
}
