import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';
import { explainAction } from '../plan/action.ts';
import { type DryRun, dryRun } from '../pod/dry-run.ts';
import { lookOnce } from '../pod/look-once.ts';
import { problemLines } from './tell.ts';

/** Shows what would change and why, and touches nothing. Returns the exit code. */
export async function plan(options: Options, context: Context): Promise<number> {
  const seen = await lookOnce(options, context);
  const run = seen.ok ? await dryRun(options, seen.view, context) : seen;
  if (!seen.ok || !run.ok) {
    context.complain(`bind9-agent: ${run.ok ? '' : run.why}\n`);
    return 1;
  }
  const problems = problemLines(seen.view, run.plan);
  const lines = [
    ...changes(run),
    ...frozen(seen.view.removalsFrozen),
    ...titled('Problems:', problems),
  ];
  await context.print(`${lines.join('\n')}\n`);
  return 0;
}

const frozen = (why: string | undefined): string[] =>
  why === undefined ? [] : [`What is missing does not count as deleted: ${why}.`];

function changes({ actions, held }: Extract<DryRun, { ok: true }>): string[] {
  const lines = actions.map((action) => `- ${explainAction(action)}`);
  const nothing = lines.length === 0 && held === undefined;
  return [
    ...(nothing ? ['Nothing would change.'] : titled('Would be done:', lines)),
    ...(held === undefined
      ? []
      : titled(
          `Held until ${held.hash} is approved, because it ${held.why}:`,
          held.actions.map((action) => `- ${action}`),
        )),
  ];
}

const titled = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : [title, ...lines];
