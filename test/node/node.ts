import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../agent/process.ts';
import { untilUp } from '../control-plane/api-server.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { startControlPlane } from '../control-plane/start.ts';
import { joinCgroup, makeCgroup } from '../rig/cgroups.ts';
import { type Child, startChild, tail } from '../rig/child.ts';
import { type Ledger, openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { forward } from './forward.ts';
import { type Network, networkList, openNetwork } from './network.ts';
import {
  containerd,
  containerdConfig,
  kubelet,
  kubeletConfig,
  mountNamespace,
  nodeFiles,
  scheduler,
  within,
} from './servers.ts';

export interface NodeOptions {
  /** Where kubelet, kube-scheduler and the servers of the control plane stand. */
  readonly binaries: string;
  /** Archives as of `docker save`. */
  readonly images: readonly string[];
}

const nodeName = 'node-1';

/**
 * A cluster of one real node: control plane with all controllers and the scheduler, containerd and kubelet. What pods have
 * of the machine (processes, mounts, networks, cgroups) is in places of their own and gone after `stop()`.
 */
export class OneNode {
  readonly plane: ControlPlane;
  readonly network: Network;
  /** Where kubectl stands. */
  readonly binaries: string;
  /** The one in which those of its pods are. */
  readonly cgroup: string;
  readonly #ledger: Ledger;
  readonly #servers: readonly Child[];
  readonly #door: { close(): void };

  constructor(parts: {
    readonly plane: ControlPlane;
    readonly network: Network;
    readonly binaries: string;
    readonly cgroup: string;
    readonly ledger: Ledger;
    readonly servers: readonly Child[];
    readonly door: { close(): void };
  }) {
    this.plane = parts.plane;
    this.network = parts.network;
    this.binaries = parts.binaries;
    this.cgroup = parts.cgroup;
    this.#ledger = parts.ledger;
    this.#servers = parts.servers;
    this.#door = parts.door;
  }

  get name(): string {
    return nodeName;
  }

  /** For files of a test. */
  get folder(): string {
    return this.#ledger.folder;
  }

  /** The same image under another name: `bind9-agent:1`, as pods name it. */
  async tagImage(image: string, other: string): Promise<void> {
    const names = [image, other].map((name) =>
      name.includes('/') ? `docker.io/${name}` : `docker.io/library/${name}`,
    );
    const ran = await ctr(this.#ledger.folder, ['images', 'tag', '--force', ...names]);
    if (!ran.ok) throw new Error(`${other}: ${ran.message}\n${ran.stderr}`);
  }

  /** What the servers complain of, and the ends of the logs of all pods, for the error of a test that failed. */
  async tails(lines = 40): Promise<string> {
    const kubectl = (...args: readonly string[]) =>
      this.plane.kubectl(args).catch((error: unknown) => String(error));
    const pods = await kubectl('get', 'pods', '-A', '-o', 'wide');
    const each = pods
      .split('\n')
      .slice(1)
      .map((line) => line.split(/\s+/))
      .flatMap(([namespace = '', name = '']) =>
        name === '' ? [] : [['-n', namespace, 'logs', name, '--all-containers', '--prefix']],
      );
    const logs = await Promise.all(each.map((args) => kubectl(...args, `--tail=${lines}`)));
    const servers = this.#servers.flatMap(({ log }) => [`--- ${log}`, tail(log, 5)]);
    return [...servers, pods, ...logs].join('\n');
  }

  async stop(): Promise<void> {
    this.#door.close();
    await Promise.all(this.#servers.map((server) => server.stop('SIGKILL')));
    this.#ledger.sweep();
    await this.plane.stop();
  }
}

/** Throws when a server does not start; then nothing of it is left. */
export async function startNode(options: NodeOptions): Promise<OneNode> {
  const ledger = openLedger();
  const token = randomBytes(16).toString('hex');
  let plane: ControlPlane | undefined;
  try {
    const id = randomBytes(3).toString('hex');
    const network = await openNetwork(`b9node${id}`, ledger);
    plane = await startControlPlane({
      controllerManager: true,
      binaries: { ok: true, folder: options.binaries },
      users: [{ token, name: `system:node:${nodeName}`, groups: ['system:nodes'] }],
      apiServerArgs: [
        '--authorization-mode=Node',
        '--enable-admission-plugins=NodeRestriction',
        `--service-cluster-ip-range=${network.services}`,
        '--kubelet-preferred-address-types=InternalIP',
        // Nobody here routes for Services: webhooks are asked at their pods.
        '--enable-aggregator-routing=true',
        // Nobody routes to Services here: a webhook's is reached at its pods.
        '--enable-aggregator-routing=true',
      ],
    });
    const cgroup = `bind9-agent-node-${id}`;
    ledger.hold({ kind: 'cgroup', path: cgroup });
    makeCgroup(`${cgroup}/runtime`);
    const servers = await startServers({ ...options, ledger, network, plane, token, cgroup });
    const door = await forward({ address: network.apiServer, port: 443 }, addressOf(plane.server));
    return new OneNode({
      binaries: options.binaries,
      plane,
      network,
      cgroup,
      ledger,
      servers,
      door,
    });
  } catch (error) {
    await plane?.stop();
    ledger.sweep();
    throw error;
  }
}

interface Parts extends NodeOptions {
  readonly ledger: Ledger;
  readonly network: Network;
  readonly plane: ControlPlane;
  readonly token: string;
  readonly cgroup: string;
}

async function startServers({
  binaries,
  images,
  ledger,
  network,
  plane,
  token,
  cgroup,
}: Parts): Promise<Child[]> {
  const { folder } = ledger;
  await writeConfigurations(folder, network, cgroup);
  const log = (name: string) => ({ log: join(folder, `${name}.log`), ledger });
  const mounts = startChild(mountNamespace(folder), log('mounts'));
  await untilUp(mounts, () => existsSync(join(folder, 'mounted')));
  const runtime = startChild(within(mounts.pid, containerd(folder)), log('containerd'));
  // What it starts is where it is itself.
  joinCgroup(`${cgroup}/runtime`, runtime.pid);
  await untilUp(runtime, async () => (await ctr(folder, ['version'])).ok);
  for (const archive of images) await importImage(folder, archive);
  const kubeconfig = plane.kubeconfig(token);
  const agent = kubelet({ binaries, folder, nodeName, kubeconfig }, network);
  const node = startChild(within(mounts.pid, agent), log('kubelet'));
  const placer = startChild(scheduler(binaries, plane.adminKubeconfig), log('kube-scheduler'));
  await untilUp(node, () => isReady(plane));
  return [node, placer, runtime, mounts];
}

async function writeConfigurations(
  folder: string,
  network: Network,
  cgroup: string,
): Promise<void> {
  const files = nodeFiles(folder);
  mkdirSync(files.networks);
  const list = JSON.stringify(networkList(network, files.addresses));
  writeFileSync(join(files.networks, '10-pods.conflist'), list);
  writeFileSync(files.containerdConfig, containerdConfig(folder));
  writeFileSync(files.resolver, `nameserver ${network.nodeIp}\n`);
  const config = kubeletConfig(folder, network, await claimPort(), cgroup);
  writeFileSync(files.kubeletConfig, JSON.stringify(config));
}

const ctr = (folder: string, args: readonly string[]) =>
  run('ctr', ['-a', nodeFiles(folder).containerdSocket, '-n', 'k8s.io', ...args], {
    timeoutMs: 300_000,
  });

async function importImage(folder: string, archive: string): Promise<void> {
  const ran = await ctr(folder, ['images', 'import', archive]);
  if (!ran.ok) throw new Error(`${archive}: ${ran.message}\n${ran.stderr}`);
}

async function isReady(plane: ControlPlane): Promise<boolean> {
  const { body } = await plane.request('GET', `/api/v1/nodes/${nodeName}`);
  const { status } = body as NodeObject;
  return status.conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True');
}

interface NodeObject {
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

function addressOf(url: string): { address: string; port: number } {
  const { hostname, port } = new URL(url);
  return { address: hostname, port: Number(port) };
}
