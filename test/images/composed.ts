import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { run } from '../../agent/process.ts';

const root = resolve(import.meta.dirname, '..', '..');

export interface Service {
  readonly image: string;
  readonly build?: string | { readonly context: string; readonly dockerfile: string };
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, Service>>;
}

export const composeFile = (): ComposeFile =>
  parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true });

/** docker-compose.yml, as it stands in the repository, in a folder of its own whose manifests may be changed. */
export interface Composed {
  readonly folder: string;
  /** Runs Compose and returns what it printed. Throws with what it complained of. */
  compose(...args: readonly string[]): Promise<string>;
  /** Runs a program in the container of a service. */
  exec(service: string, ...command: readonly string[]): Promise<string>;
  /** Runs a line of shell in which `docker compose` is this one. */
  shell(line: string): Promise<string>;
  /** The addresses that a name has at a pod. */
  answers(pod: string, name: string): Promise<string>;
}

/**
 * @param folder empty, and gone later
 * @param host where the daemon listens
 * @param images those that are there, besides what is built
 */
export function composed(
  program: string,
  host: string,
  folder: string,
  images: readonly string[],
): Composed {
  cpSync(join(root, 'docker-compose.yml'), join(folder, 'docker-compose.yml'));
  cpSync(join(root, 'config', 'compose'), join(folder, 'config', 'compose'), { recursive: true });
  const files = ['docker-compose.yml', 'here.yml'];
  writeFileSync(join(folder, 'here.yml'), here(images));
  const settings = [
    `DOCKER_HOST=${host}`,
    'DOCKER_BUILDKIT=0',
    'COMPOSE_ANSI=never',
    `COMPOSE_FILE=${files.join(':')}`,
  ];
  const start = async (what: string, ...command: readonly string[]): Promise<string> => {
    const ran = await run('env', [...settings, ...command], { cwd: folder, timeoutMs: 300_000 });
    if (ran.ok) return ran.stdout.trim();
    const said = ran.stderr.trim().split('\n').slice(-15).join('\n');
    throw new Error(`${what}: ${ran.message}\n${said}`);
  };
  const compose: Composed['compose'] = (...args) =>
    start(`docker compose ${args.join(' ')}`, program, ...args);
  const shell: Composed['shell'] = (line) =>
    start(line, 'sh', '-c', `docker() { shift; "$0" "$@"; }; ${line}`, program);
  const exec: Composed['exec'] = (service, ...command) =>
    compose('exec', '--no-TTY', service, ...command);
  return {
    folder,
    compose,
    shell,
    exec,
    answers: (pod, name) => exec(pod, 'dig', '+short', '+time=1', '+tries=1', '@127.0.0.1', name),
  };
}

/**
 * What is another here: ports of this machine may be taken, and there is no registry. What is built comes from the
 * repository, over this machine's network.
 */
function here(images: readonly string[]): string {
  const services = Object.entries(composeFile().services).map(([name, { image, build }]) => {
    if (build === undefined)
      return images.includes(image)
        ? `  ${name}: { ports: !override [], pull_policy: never }\n`
        : `  ${name}: { profiles: [elsewhere] }\n`;
    const parts = typeof build === 'string' ? { context: build } : build;
    const from = { ...parts, context: resolve(root, parts.context), network: 'host' };
    return `  ${name}: { ports: !override [], build: ${JSON.stringify(from)} }\n`;
  });
  return `services:\n${services.join('')}`;
}
