import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { type Docker, startDocker } from './docker.ts';
import './global-setup.ts';
import { buildImages } from './images.ts';

/**
 * A Docker daemon with the product's images for all tests of the file that calls this. Where it cannot be had, they are left
 * out with the reason. `setUp` runs once when it is up.
 */
export function useDocker(setUp?: (docker: Docker) => Promise<void>): () => Docker {
  const containers = inject('containers');
  let docker: Docker | undefined;

  beforeAll(async () => {
    if (!containers.ok) return;
    docker = await startDocker();
    await buildImages(docker);
    await setUp?.(docker);
  }, 1_200_000);

  beforeEach(({ skip }) => {
    if (!containers.ok) skip(containers.why);
  });

  afterAll(async () => {
    await docker?.stop();
  }, 120_000);

  return () => {
    if (docker === undefined) throw new Error('the daemon is up within tests only');
    return docker;
  };
}
