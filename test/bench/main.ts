import type { ControlPlane } from '../control-plane/control-plane.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { installCrds } from '../kubernetes/install.ts';
import { type Bind, bindOf, systemBind } from '../rig/bind-versions.ts';
import { type AgentCluster, agentCluster } from './agent-cluster.ts';
import { api, apiCluster } from './api.ts';
import { type Asked, readArguments, usage } from './arguments.ts';
import { compare } from './compare.ts';
import { change, create } from './create-change.ts';
import { type Measured, resultLine } from './figures.ts';
import { healPrimary, healSecondary, type Story } from './heal.ts';
import { memory } from './memory.ts';
import { plan } from './plan.ts';
import { staticCluster } from './static-cluster.ts';

interface Closable {
  close(): Promise<void>;
}

/** Sees to it that what was made is closed in the end, however that comes. */
type Open = <T extends Closable>(cluster: T) => T;

async function main(): Promise<number> {
  const asked = readArguments(process.argv.slice(2));
  if ('problems' in asked) {
    process.stderr.write(`${asked.problems.join('\n')}\n\n${usage}`);
    return 2;
  }
  const running = new Set<Closable>();
  const closeAll = async (): Promise<void> => {
    await Promise.all([...running].map((each) => each.close()));
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void closeAll().then(() => process.exit(130)));
  }
  try {
    const measured = await measure(asked, (cluster) => {
      running.add(cluster);
      return cluster;
    });
    const line = resultLine(
      { bench: asked.bench, cluster: asked.cluster, zones: asked.zones },
      measured,
    );
    process.stdout.write(asked.json ? `${JSON.stringify(line)}\n` : table(line));
    return 0;
  } catch (error) {
    progress(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    await closeAll();
  }
}

async function measure(asked: Asked, open: Open): Promise<Measured> {
  const { runs } = asked;
  switch (asked.bench) {
    case 'heal-secondary':
      return heal(healSecondary(false), asked, open);
    case 'fresh-secondary':
      return heal(healSecondary(true), asked, open);
    case 'heal-primary':
      return heal(healPrimary, asked, open);
    case 'create':
      return create(await servedCluster(asked, open), runs ?? 20);
    case 'change':
      return change(await servedCluster(asked, open), runs ?? 20, asked.records);
    case 'memory':
      return memory(await servedCluster(asked, open));
    case 'api': {
      const plane = await openPlane(open);
      return api(open(await apiCluster(asked.zones, await wantedBind(asked), plane)), progress);
    }
    default:
      return plan(asked.zones, runs ?? 5);
  }
}

async function heal(story: Story, asked: Asked, open: Open): Promise<Measured> {
  const bind = await wantedBind(asked);
  const agents = open(await agentCluster(asked.zones, bind, await wantedPlane(asked, open)));
  const baseline = open(await staticCluster(asked.zones, bind));
  return compare(story, [agents, baseline], asked.runs ?? 3, progress);
}

async function servedCluster(asked: Asked, open: Open): Promise<AgentCluster> {
  const bind = await wantedBind(asked);
  const cluster = open(await agentCluster(asked.zones, bind, await wantedPlane(asked, open)));
  await cluster.open();
  return cluster;
}

async function wantedBind({ branch }: Asked): Promise<Bind> {
  const provided = await (branch === undefined ? systemBind() : bindOf(branch));
  if (!provided.ok) throw new Error(provided.why);
  return provided.bind;
}

/** An API server of its own; with a controller manager, which takes away the registrations of pods that are gone. */
async function wantedPlane({ cluster }: Asked, open: Open): Promise<ControlPlane | undefined> {
  return cluster === 'directory' ? undefined : openPlane(open);
}

async function openPlane(open: Open): Promise<ControlPlane> {
  const plane = await startControlPlane({ controllerManager: true });
  open({ close: () => plane.stop() });
  await installCrds(plane);
  return plane;
}

const progress = (line: string): void => {
  process.stderr.write(`${line}\n`);
};

const table = (line: Readonly<Record<string, unknown>>): string =>
  Object.entries(line)
    .map(([name, value]) => {
      const shown = Array.isArray(value) ? value.join(' ') : (value ?? '-');
      return `${name.padEnd(24)}${shown}\n`;
    })
    .join('');

process.exit(await main());
