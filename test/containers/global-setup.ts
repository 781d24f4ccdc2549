import type { TestProject } from 'vitest/node';
import type { Built } from './built.ts';
import { type ProvidedCompose, provideCompose } from './compose.ts';
import type { Verdict } from './machine.ts';
import { providePrometheus } from './prometheus.ts';
import { provideContainers } from './provide.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    containers: Verdict;
    compose: ProvidedCompose;
    prometheus: Built;
  }
}

/** Installs, makes and builds what is missing before the first test file, which has no time for it. */
export async function setup(project: TestProject): Promise<void> {
  const say = (line: string) => process.stderr.write(`${line}\n`);
  const containers = await provideContainers(say);
  project.provide('containers', containers);
  const compose = containers.ok ? await provideCompose(say) : containers;
  project.provide('compose', compose);
  project.provide('prometheus', compose.ok ? await providePrometheus(say) : compose);
}
