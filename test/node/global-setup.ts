import type { TestProject } from 'vitest/node';
import { allBinaries, provideBinaries } from '../control-plane/binaries.ts';
import { provideImages } from './images.ts';
import { provideMachine } from './machine.ts';
import type { NodeOptions } from './node.ts';
import { providePauseImage } from './pause-image.ts';

/** What a node is started from, or why there is none. */
export type Provided =
  | ({ readonly ok: true } & NodeOptions)
  | { readonly ok: false; readonly why: string };

declare module 'vitest' {
  export interface ProvidedContext {
    node: Provided;
  }
}

export async function setup(project: TestProject): Promise<void> {
  const provided = await provide().catch((error: unknown) => ({
    ok: false as const,
    why: `a node could not be prepared: ${error instanceof Error ? error.message : String(error)}`,
  }));
  project.provide('node', provided);
}

/** Installs, builds and makes what is missing, before the first test, which has no time for it. */
async function provide(): Promise<Provided> {
  const machine = await provideMachine();
  if (!machine.ok) return machine;
  const binaries = await provideBinaries(allBinaries);
  if (!binaries.ok) return binaries;
  const images = await provideImages();
  if (!images.ok) return images;
  return {
    ok: true,
    binaries: binaries.folder,
    images: [await providePauseImage(), ...images.archives],
  };
}
