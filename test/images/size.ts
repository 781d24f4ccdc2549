import type { Docker } from '../containers/docker.ts';

/** Of all layers, unpacked, in units of a million bytes, as `docker images` tells it. */
export async function megabytes(docker: Docker, image: string): Promise<number> {
  return Number(await docker.docker(['image', 'inspect', '--format', '{{.Size}}', image])) / 1e6;
}

/** Layers of an image that its base image does not have. */
export async function layersAbove(docker: Docker, image: string, base: string): Promise<number> {
  const layers = async (name: string): Promise<number> =>
    Number(await docker.docker(['image', 'inspect', '--format', '{{len .RootFS.Layers}}', name]));
  return (await layers(image)) - (await layers(base));
}
