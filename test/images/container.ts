import type { Docker } from '../containers/docker.ts';
import { productImages } from '../containers/images.ts';
import { until } from '../rig/until.ts';

/** A container that runs until it is removed. */
export interface Container {
  readonly id: string;
  /** Runs a program in it and returns what it printed. */
  exec(...command: readonly string[]): Promise<string>;
  /** Both its outputs. */
  logs(): Promise<string>;
  /** A field, by Docker's template: `{{.State.Status}}`. */
  inspect(template: string): Promise<string>;
  /** Resolves when its health check succeeds. */
  healthy(): Promise<void>;
  /** On this machine, of the process whose command line holds this. */
  pidOf(command: string): Promise<number>;
}

/** How a careful operator runs it: nothing to write but volumes, no rights, no network that is not asked for. */
export const careful = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges'];

/** Folders that agent and named share, as new volumes named after the container. */
export const volumesOf = (name: string): string[] =>
  [
    ['cluster', '/var/lib/bind9-agent'],
    ['config', '/etc/bind/agent'],
    ['data', '/var/lib/bind'],
  ].flatMap(([part, path]) => ['--volume', `${name}-${part}:${path}`]);

export const containerOf = (docker: Docker, id: string): Container => {
  const inspect: Container['inspect'] = (template) =>
    docker.docker(['inspect', '--format', template, id]);
  return {
    id,
    inspect,
    exec: (...command) => docker.docker(['exec', id, ...command]),
    logs: async () => {
      const ran = await docker.ask(['logs', id]);
      return ran.stdout + ran.stderr;
    },
    healthy: async () => {
      await until(async () => (await inspect('{{.State.Health.Status}}')) === 'healthy', {
        what: `${id} to be healthy`,
        withinMs: 90_000,
        everyMs: 250,
      });
    },
    pidOf: async (command) => {
      const listed = await docker.docker(['top', id, '-eo', 'pid,args']);
      const line = listed.split('\n').find((each) => each.includes(command));
      if (line === undefined) throw new Error(`no process of ${id} is ${command}`);
      return Number.parseInt(line, 10);
    },
  };
};

/** Starts the agent's image with a name, and arguments that stand before those of the agent. */
export async function startAgent(
  docker: Docker,
  name: string,
  options: readonly string[] = [],
  args: readonly string[] = [],
): Promise<Container> {
  const own = ['--detach', '--name', name, ...careful, ...options];
  await docker.docker(['run', ...own, productImages.agent, ...args]);
  return containerOf(docker, name);
}
