import { join } from 'node:path';
import { run } from '../../agent/process.ts';
import { provideBaseImages } from './base-images.ts';
import { type Docker, dockerHome, startDocker } from './docker.ts';
import { buildImages, productImages } from './images.ts';
import { prepareMachine, type Verdict } from './machine.ts';

type Say = (line: string) => void;
const sayOnStderr: Say = (line) => process.stderr.write(`${line}\n`);

/** Makes ready what every test with containers needs: programs, and base images in our daemon's folder. */
export async function provideContainers(say: Say = sayOnStderr): Promise<Verdict> {
  const machine = await prepareMachine(say);
  if (!machine.ok) return machine;
  return withDocker((docker) => provideBaseImages(docker, say));
}

/** Archives of the product's images, as `ctr images import` takes them, or why there are none. */
export type Archives =
  | { readonly ok: true; readonly archives: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** Builds the product's images as they are now, for who runs them without Docker. */
export async function provideArchives(say: Say = sayOnStderr): Promise<Archives> {
  const ready = await provideContainers(say);
  if (!ready.ok) return ready;
  const file = join(dockerHome(), 'images.tar');
  const saved = await withDocker(async (docker) => {
    await buildImages(docker);
    await docker.docker(['save', '--output', file, ...Object.values(productImages)]);
  });
  return saved.ok ? { ok: true, archives: [file] } : saved;
}

async function withDocker(work: (docker: Docker) => Promise<void>): Promise<Verdict> {
  try {
    const docker = await startDocker();
    try {
      await work(docker);
    } finally {
      await docker.stop();
    }
    return { ok: true };
  } catch (error) {
    return { ok: false, why: await explain(error) };
  }
}

/** A machine that lets nobody mount, as most containers do, has no containers of its own. */
async function explain(error: unknown): Promise<string> {
  const text = error instanceof Error ? error.message : String(error);
  const mounts = await run('unshare', ['--mount', 'true'], { timeoutMs: 10_000 });
  return mounts.ok ? text : `this machine does not let containers be started: ${mounts.message}`;
}
