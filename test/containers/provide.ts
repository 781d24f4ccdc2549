import { run } from '../../agent/process.ts';
import { provideBaseImages } from './base-images.ts';
import { startDocker } from './docker.ts';
import { prepareMachine, type Verdict } from './machine.ts';

/** Makes ready what every test with containers needs: programs, and base images in our daemon's folder. */
export async function provideContainers(say: (line: string) => void): Promise<Verdict> {
  const machine = await prepareMachine(say);
  if (!machine.ok) return machine;
  try {
    const docker = await startDocker();
    try {
      await provideBaseImages(docker, say);
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
  const mounts = await run('unshare', ['--mount', 'true'], { timeoutMs: 10_000 });
  if (!mounts.ok) return `this machine does not let containers be started: ${mounts.message}`;
  return error instanceof Error ? error.message : String(error);
}
