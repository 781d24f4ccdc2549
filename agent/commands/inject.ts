import type { Context } from '../context.ts';
import { agentOptions } from '../inject/agent-options.ts';
import { injectStream } from '../inject/manifest-stream.ts';
import type { InjectSettings } from '../inject/settings.ts';
import { unifiedDiff } from '../inject/unified-diff.ts';
import type { Outcome } from '../inject/workload.ts';
import { flagName } from '../options/names.ts';
import { tellProblems } from '../options/tell-problems.ts';
import { showProblem } from '../problem.ts';

export interface InjectRequest {
  /** Files of manifests; `-`: standard input. */
  readonly files: readonly string[];
  /** Print what would change. */
  readonly diff: boolean;
  readonly settings: Omit<InjectSettings, 'image' | 'options'> & { readonly image?: string };
}

type InjectContext = Pick<Context, 'print' | 'complain' | 'version'> & {
  /** The text of a file, or of standard input (`-`). */
  readonly read: (file: string) => Promise<string>;
};

/**
 * Prints the manifests with the agent in each pod of named, or nothing at all where one cannot have it. Returns the exit
 * code: what stands behind it in a pipe must not apply half of what was meant.
 *
 * @param flags options of the agent that were given: every agent gets them
 */
export async function injectCommand(
  { files, diff, settings }: InjectRequest,
  flags: ReadonlyMap<string, unknown>,
  context: InjectContext,
): Promise<number> {
  const options = agentOptions(flags, flagName);
  if (!options.ok) {
    context.complain(tellProblems(options.problems));
    return 2;
  }
  const all = {
    ...settings,
    image: settings.image ?? `bind9-agent:${context.version}`,
    options: options.value,
  };
  const texts = await readAll(files, context);
  if (texts === undefined) return 1;
  const done = texts.map(({ name, text }) => ({ name, before: text, ...injectStream(text, all) }));
  const complaints = done.flatMap(({ name, outcomes, problems }) => [
    ...problems.map((problem) => `${name}: ${showProblem(problem)}`),
    ...outcomes.flatMap((outcome) => tell(outcome)),
  ]);
  for (const complaint of complaints) context.complain(`bind9-agent: ${complaint}\n`);
  const outcomes = done.flatMap((each) => each.outcomes);
  const failed =
    done.some(({ problems }) => problems.length > 0) ||
    outcomes.some((outcome) => outcome.kind === 'refused' && outcome.meant) ||
    // Somebody meant something, and nothing was recognised.
    (outcomes.length > 0 && outcomes.every(({ kind }) => kind === 'refused'));
  if (failed) return 1;
  await context.print(
    diff
      ? done.map(({ name, before, text }) => unifiedDiff(name, before, text)).join('')
      : joined(done.map(({ text }) => text)),
  );
  return 0;
}

async function readAll(
  files: readonly string[],
  context: InjectContext,
): Promise<{ readonly name: string; readonly text: string }[] | undefined> {
  const texts: { name: string; text: string }[] = [];
  for (const file of files.length === 0 ? ['-'] : files) {
    try {
      texts.push({ name: file === '-' ? 'stdin' : file, text: await context.read(file) });
    } catch (error) {
      context.complain(`bind9-agent: ${error instanceof Error ? error.message : String(error)}\n`);
      return undefined;
    }
  }
  return texts;
}

function tell(outcome: Outcome): string[] {
  const { object } = outcome;
  switch (outcome.kind) {
    case 'patch':
      return [];
    case 'unwanted':
      return [`${object}: left as it is: ${outcome.why}`];
    case 'refused': {
      const problems = outcome.problems.map((problem) => showProblem(problem));
      return outcome.meant
        ? problems.map((problem) => `${object}: ${problem}`)
        : [`${object}: left as it is: ${problems.join('; ')}`];
    }
  }
}

const joined = (texts: readonly string[]): string =>
  texts.reduce((before, text) => {
    const end = before === '' || before.endsWith('\n') ? '' : '\n';
    return before === '' ? text : `${before}${end}${text.startsWith('---') ? '' : '---\n'}${text}`;
  }, '');
