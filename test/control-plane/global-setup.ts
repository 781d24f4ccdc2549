import type { TestProject } from 'vitest/node';
import { type Provided, provideBinaries, servers, withControllers } from './binaries.ts';

/** What a test file finds ready, without and with a controller manager. */
export interface Provisions {
  readonly servers: Provided;
  readonly withControllerManager: Provided;
}

declare module 'vitest' {
  export interface ProvidedContext {
    controlPlane: Provisions;
  }
}

/** Builds what is missing before the first test file, which has no time for it. */
export async function setup(project: TestProject): Promise<void> {
  const withControllerManager = await provideBinaries(withControllers);
  const plain = process.env['KUBEBUILDER_ASSETS'] ? await provideBinaries(servers) : undefined;
  project.provide('controlPlane', {
    withControllerManager,
    servers: plain ?? withControllerManager,
  });
}
