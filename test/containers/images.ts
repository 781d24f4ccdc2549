import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Docker } from './docker.ts';

const root = resolve(import.meta.dirname, '..', '..');

const { version }: { version: string } = JSON.parse(
  readFileSync(resolve(root, 'package.json'), 'utf8'),
);

/** The product's images, by the names that docker-compose.yml has for them. */
export const productImages = { agent: `bind9-agent:${version}`, bind9: 'bind9:9.18' } as const;

/**
 * Builds the product's images from their Dockerfiles. A second time it takes a second or two, where nothing has changed. The
 * base images must be there.
 */
export async function buildImages(docker: Docker): Promise<void> {
  const inspect = ['image', 'inspect', '--format', '{{.Id}}', ...Object.values(productImages)];
  const before = await docker.ask(inspect);
  const agent = ['--file', 'images/agent/Dockerfile', '.'];
  await build(docker, productImages.bind9, ['images/bind9']);
  await build(docker, productImages.agent, agent);
  const after = await docker.ask(inspect);
  if (before.ok && after.stdout === before.stdout) return;
  // Named, so that they are not taken for leftovers: what they are made of need not be made again.
  for (const stage of ['build', 'system', 'contents'])
    await build(docker, `bind9-agent:${stage}`, ['--target', stage, ...agent]);
  await docker.docker(['image', 'prune', '--force']);
}

async function build(docker: Docker, image: string, args: readonly string[]): Promise<void> {
  const network = ['--network', 'host'];
  const asked = { timeoutMs: 20 * 60_000, cwd: root };
  await docker.docker(['build', ...network, '--tag', image, ...args], asked);
}
