import { join } from 'node:path';
import { provideBuilt, type Source } from './built.ts';

/** The program, or why there is none, in a sentence that says what to do. */
export type ProvidedCompose =
  | { readonly ok: true; readonly program: string }
  | { readonly ok: false; readonly why: string };

const MODULE = 'github.com/docker/compose/v2';
const PROGRAM = 'docker-compose';

const source: Source = {
  name: 'Compose',
  tools: join(import.meta.dirname, 'tools'),
  module: MODULE,
  build: (version, folder) => [
    ...['-trimpath', '-ldflags', `-s -w -X ${MODULE}/internal.Version=v${version}`],
    ...['-o', join(folder, PROGRAM), `${MODULE}/cmd`],
  ],
  programs: [PROGRAM],
};

/** Compose, built from the module in `tools/` where the user's cache folder does not have it yet (4 minutes on two cores). */
export async function provideCompose(say: (line: string) => void): Promise<ProvidedCompose> {
  const built = await provideBuilt(source, say);
  return built.ok ? { ok: true, program: join(built.folder, PROGRAM) } : built;
}
