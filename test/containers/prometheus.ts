import { cp, mkdir, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { inFolder, unlessMade } from './base-images.ts';
import { type Built, provideBuilt, type Source, versionOf } from './built.ts';
import type { Docker } from './docker.ts';

const MODULE = 'github.com/prometheus/prometheus';
const programs = ['prometheus', 'promtool'];

const source: Source = {
  name: 'Prometheus',
  tools: join(import.meta.dirname, 'prometheus'),
  module: MODULE,
  // Without the pages for people, and without what finds targets in clouds, which is most of it.
  build: (version, folder) => [
    ...['-trimpath', '-tags', 'netgo,remove_all_sd', '-ldflags'],
    `-s -w -X github.com/prometheus/common/version.Version=${releaseOf(version)}`,
    ...['-o', `${folder}/`, ...programs.map((name) => `${MODULE}/cmd/${name}`)],
  ],
  programs,
};

/** As a Go module, release 3.13.5 has the version 0.313.5. */
function releaseOf(version: string): string {
  const [, minor, patch] = version.split('.').map(Number);
  if (minor === undefined || minor < 300) throw new Error(`no release of Prometheus: ${version}`);
  return `${Math.floor(minor / 100)}.${minor % 100}.${patch}`;
}

/** The image that ours takes the place of. */
export const prometheusImage = `prom/prometheus:v${releaseOf(versionOf(source))}`;

/** Prometheus and promtool, built where the user's cache folder does not have them yet (2.5 minutes on two cores). */
export const providePrometheus = (say: (line: string) => void): Promise<Built> =>
  provideBuilt(source, say);

/** Nothing but the two programs, where the published image has them, under its user and with its volume. */
const dockerfile = (label: string): string => `FROM scratch
COPY ${programs.join(' ')} /bin/
COPY --chown=65534:65534 data /prometheus
LABEL ${label}
WORKDIR /prometheus
USER 65534
EXPOSE 9090
VOLUME /prometheus
ENTRYPOINT ["/bin/prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
`;

/** Makes a local image under the published one's name. It stays. */
export async function makePrometheusImage(docker: Docker, folder: string): Promise<void> {
  await unlessMade(docker, prometheusImage, basename(folder), (label) =>
    inFolder(async (context) => {
      for (const name of programs) await cp(join(folder, name), join(context, name));
      await mkdir(join(context, 'data'));
      // Docker takes no empty folder.
      await writeFile(join(context, 'data', 'README'), 'What Prometheus has seen.\n');
      await writeFile(join(context, 'Dockerfile'), dockerfile(label));
      await docker.docker(['build', '--tag', prometheusImage, context]);
    }),
  );
}
