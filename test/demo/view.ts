import { Listr } from 'listr2';

export interface Step {
  readonly title: string;
  /** Does it, says in between what it sees, and returns what came of it. */
  run(say: (line: string) => void): Promise<string>;
}

/** How steps are shown: redrawn in place in a terminal, line by line elsewhere, or not at all. */
export type View = 'live' | 'plain' | 'silent';

/** Does the steps one after the other; the first that fails ends it with its error. */
export async function show(steps: readonly Step[], view: View): Promise<void> {
  switch (view) {
    case 'live':
      return showLive(steps);
    case 'plain':
      return showPlain(steps, (line) => process.stdout.write(`${line}\n`));
    case 'silent':
      return showPlain(steps, () => undefined);
  }
}

async function showLive(steps: readonly Step[]): Promise<void> {
  const tasks = steps.map((step) => ({
    title: step.title,
    task: async (_: unknown, task: { title: string; output: string }) => {
      const result = await step.run((line) => {
        task.output = line;
      });
      task.title = `${step.title}: ${result}`;
    },
    rendererOptions: { persistentOutput: true },
  }));
  // Signals are the demo's own affair: everything it started must go first.
  await new Listr(tasks, { renderer: 'default', registerSignalListeners: false }).run();
}

async function showPlain(steps: readonly Step[], print: (line: string) => void): Promise<void> {
  for (const { title, run } of steps) {
    print(`- ${title}`);
    const result = await run((line) => print(`    ${line}`));
    print(`  ${result}`);
  }
}
