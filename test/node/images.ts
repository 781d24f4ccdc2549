import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { provideBaseImages } from '../containers/base-images.ts';
import { startDocker } from '../containers/docker.ts';
import { buildImages, productImages } from '../containers/images.ts';
import { prepareMachine } from '../containers/machine.ts';

/** Archives of the images that pods run, or why there are none. */
export type Images =
  | { readonly ok: true; readonly archives: readonly string[] }
  | { readonly ok: false; readonly why: string };

/** The one that the examples name, which no registry is asked for: our own image of BIND has its place. */
export const namedImage = 'internetsystemsconsortium/bind9:9.20';

const folder = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  ...['bind9-agent', 'node'],
);

/** The product's images, built from their Dockerfiles; their archive is kept until they change. */
export async function provideImages(): Promise<Images> {
  const say = (line: string): void => void process.stderr.write(`${line}\n`);
  const machine = await prepareMachine(say);
  if (!machine.ok) return machine;
  const docker = await startDocker();
  try {
    await provideBaseImages(docker, say);
    await buildImages(docker);
    await docker.docker(['tag', productImages.bind9, namedImage]);
    const images = [productImages.agent, namedImage];
    const ids = await docker.docker(['image', 'inspect', '--format', '{{.Id}}', ...images]);
    const hash = createHash('sha256').update(ids).digest('hex').slice(0, 12);
    const archive = join(folder, `images-${hash}.tar`);
    if (existsSync(archive)) return { ok: true, archives: [archive] };
    mkdirSync(folder, { recursive: true });
    for (const old of readdirSync(folder).filter((name) => name.startsWith('images-')))
      rmSync(join(folder, old), { force: true });
    const half = join(folder, `images-half-${process.pid}.tar`);
    await docker.docker(['save', '--output', half, ...images]);
    renameSync(half, archive);
    return { ok: true, archives: [archive] };
  } finally {
    await docker.stop();
  }
}
