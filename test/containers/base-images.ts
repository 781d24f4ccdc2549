import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../../agent/process.ts';
import { type Docker, dockerHome } from './docker.ts';

/** What the Dockerfiles start FROM. */
export const baseImages = {
  debian: 'debian:bookworm-slim',
  node: 'node:24-bookworm-slim',
} as const;

const MINUTE_MS = 60_000;
/** Says what a base image was made from; another text makes it anew. */
const LABEL = 'bind9-agent.made-from';

/**
 * Makes the base images under the names by which the Dockerfiles know them, since tests have no registry: Debian from its
 * packages, trimmed as its slim image is, and Node.js from the npm package that this repository runs on. Both stay.
 */
export async function provideBaseImages(
  docker: Docker,
  say: (line: string) => void = () => undefined,
): Promise<void> {
  await unlessMade(docker, baseImages.debian, 'bookworm 1', async (label) => {
    say('making a base image of Debian for the tests of the images: once, a minute');
    await makeDebian(docker, label);
  });
  const npm = await npmFolder();
  const { version } = JSON.parse(await readFile(join(npm, 'package.json'), 'utf8'));
  const from = `node ${process.version}, npm ${version}, Debian ${await idOf(docker, baseImages.debian)}`;
  await unlessMade(docker, baseImages.node, from, (label) => makeNode(docker, npm, label));
}

/** Makes an image where there is none that was made from this; `make` is given the label that tells so. */
export async function unlessMade(
  docker: Docker,
  image: string,
  from: string,
  make: (label: string) => Promise<void>,
): Promise<void> {
  const format = `{{index .Config.Labels "${LABEL}"}}`;
  const made = await docker.ask(['image', 'inspect', '--format', format, image]);
  if (made.ok && made.stdout.trim() === from) return;
  await make(`${LABEL}="${from}"`);
}

const idOf = (docker: Docker, image: string): Promise<string> =>
  docker.docker(['image', 'inspect', '--format', '{{.Id}}', image]);

/** A folder on the daemon's own disk, gone afterwards. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  await mkdir(dockerHome(), { recursive: true });
  // The daemon is ours alone, so nobody else is at work: these are of runs that were killed.
  for (const name of await readdir(dockerHome()))
    if (name.startsWith('half-')) await removeFolder(join(dockerHome(), name));
  const folder = await mkdtemp(join(dockerHome(), 'half-'));
  try {
    return await work(folder);
  } finally {
    await removeFolder(folder);
  }
}

/** debootstrap mounts what programs need in it, and may have come to no end. */
async function removeFolder(folder: string): Promise<void> {
  const mounted = ['proc', 'sys'].map((name) => join(folder, 'root', name));
  await run('umount', ['--lazy', '--quiet', ...mounted], { timeoutMs: MINUTE_MS });
  await rm(folder, { recursive: true, force: true });
}

/** What Debian's slim images leave out, now and whenever a package is installed. */
const unwanted = ['doc', 'info', 'lintian', 'linda', 'locale', 'man'];
const slimRules = [
  ...unwanted.map((name) => `path-exclude /usr/share/${name}/*`),
  'path-include /usr/share/doc/*/copyright',
  '',
].join('\n');
const trim = `
for each in ${unwanted.join(' ')}; do
  [ ! -d "$1/usr/share/$each" ] || find "$1/usr/share/$each" -mindepth 1 ! -type d ! -path '*/doc/*/copyright' -delete
done
rm -rf "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/* "$1"/var/log/* "$1"/var/cache/debconf/*-old
`;

async function makeDebian(docker: Docker, label: string): Promise<void> {
  await inFolder(async (folder) => {
    const root = join(folder, 'root');
    const [mirror, sources] = await debianSources();
    await shell(
      'exec nice -n 10 debootstrap --variant=minbase bookworm "$1" "$2" >&2',
      root,
      mirror,
    );
    await rm(join(root, 'etc/apt/sources.list'), { force: true });
    await writeFile(join(root, 'etc/apt/sources.list.d/debian.list'), sources);
    await writeFile(join(root, 'etc/apt/apt.conf.d/90machine'), await aptSettings());
    await writeFile(join(root, 'etc/dpkg/dpkg.cfg.d/slim'), slimRules);
    await shell(trim, root);
    await shell(
      'tar -C "$1" -c . | DOCKER_HOST=$2 docker import --change "LABEL $3" --change \'CMD ["bash"]\' - "$4"',
      root,
      docker.host,
      label,
      baseImages.debian,
    );
  });
}

/** The mirror of this machine, and a list of all that it takes from Debian. */
async function debianSources(): Promise<[mirror: string, list: string]> {
  const format = '$(ORIGIN) $(REPO_URI) $(CODENAME) $(COMPONENT)';
  const ran = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages'], {
    timeoutMs: MINUTE_MS,
  });
  const targets = ran.stdout
    .split('\n')
    .map((line) => line.split(' '))
    .filter(([origin, , suite]) => origin === 'Debian' && suite?.startsWith('bookworm'));
  const mirror = targets.find(([, , suite]) => suite === 'bookworm')?.[1];
  if (mirror === undefined) throw new Error("the machine's apt sources have no bookworm");
  const keys = '[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]';
  const lines = targets
    .filter(([, , suite]) => suite !== 'bookworm-backports')
    .map(([, uri, suite, component]) => `deb ${keys} ${uri} ${suite} ${component}\n`);
  return [mirror, [...new Set(lines)].join('')];
}

/** How this machine reaches its mirror. */
async function aptSettings(): Promise<string> {
  const ran = await run('apt-config', ['dump'], { timeoutMs: MINUTE_MS });
  const network = ran.stdout.split('\n').filter((line) => /^Acquire::https?::?/i.test(line));
  return [...network, 'APT::Install-Recommends "false";', ''].join('\n');
}

async function makeNode(docker: Docker, npm: string, label: string): Promise<void> {
  await inFolder(async (folder) => {
    const local = join(folder, 'local');
    const modules = join(local, 'lib/node_modules');
    await mkdir(modules, { recursive: true });
    await mkdir(join(local, 'bin'));
    await cp(await realpath(process.execPath), join(local, 'bin/node'));
    await cp(npm, join(modules, 'npm'), { recursive: true, verbatimSymlinks: true });
    for (const name of ['npm', 'npx'])
      await symlink(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name));
    await mkdir(join(local, 'etc'));
    await writeNpmSettings(join(local, 'etc'));
    await writeFile(
      join(folder, 'Dockerfile'),
      `FROM ${baseImages.debian}\nCOPY local /usr/local/\nLABEL ${label}\nCMD ["node"]\n`,
    );
    await docker.docker(['build', '--tag', baseImages.node, folder]);
  });
}

/** npm of this machine: the one that runs us, else the one in PATH. */
async function npmFolder(): Promise<string> {
  const told = process.env['npm_execpath'];
  const found = told?.endsWith('npm-cli.js') ? told : (await shell('command -v npm')).trim();
  return join(await realpath(found), '..', '..');
}

/** Which registry this machine has, and by which certificates it knows it. */
async function writeNpmSettings(folder: string): Promise<void> {
  const get = async (name: string): Promise<string> => {
    const value = (await shell('npm config get "$1" 2> /dev/null', name)).trim();
    return value === 'null' || value === 'undefined' ? '' : value;
  };
  const lines = [`registry=${await get('registry')}`];
  const certificates = await get('cafile');
  if (certificates !== '') {
    await cp(certificates, join(folder, 'certificates.pem'));
    lines.push('cafile=/usr/local/etc/certificates.pem');
  }
  await writeFile(join(folder, 'npmrc'), `${lines.join('\n')}\n`);
}

/** Runs a line of shell with positional arguments; throws with what it complained of. */
async function shell(line: string, ...args: readonly string[]): Promise<string> {
  const ran = await run('sh', ['-c', line, 'sh', ...args], { timeoutMs: 20 * MINUTE_MS });
  if (ran.ok) return ran.stdout;
  throw new Error(`${ran.message}\n${ran.stderr.trim().split('\n').slice(-5).join('\n')}`);
}
