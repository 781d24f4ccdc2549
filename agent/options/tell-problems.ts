import type { Problem } from '../problem.ts';

/** All that is wrong with the settings, one aligned line each, ready for standard error. */
export function tellProblems(problems: readonly Problem[]): string {
  const count =
    problems.length === 1 ? '1 setting is wrong' : `${problems.length} settings are wrong`;
  const width = Math.max(...problems.map(({ path }) => path.length));
  const lines = problems.map(({ path, problem }) => `  ${path.padEnd(width)}  ${problem}\n`);
  return `bind9-agent: ${count}\n${lines.join('')}`;
}
