import { join } from 'node:path';
import type { Program } from '../rig/child.ts';
import { pluginFolder } from './machine.ts';
import type { Network } from './network.ts';
import { pauseImage } from './pause-image.ts';

/** Where a node's files stand: all in its own folder. */
export const nodeFiles = (folder: string) => ({
  containerdConfig: join(folder, 'containerd.toml'),
  containerdSocket: join(folder, 'containerd.sock'),
  networks: join(folder, 'networks'),
  addresses: join(folder, 'addresses'),
  kubeletConfig: join(folder, 'kubelet.yaml'),
  resolver: join(folder, 'resolv.conf'),
  logs: join(folder, 'log'),
});

/**
 * A namespace of mounts for all of the node: what is mounted for pods is seen by nobody else and goes with the last process,
 * and files that the runtime keeps at fixed places are the node's own.
 */
export function mountNamespace(folder: string): Program {
  const script = `set -e
mkdir -p '${folder}/log' /var/lib/cni
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/lib/cni
mount --bind '${folder}/log' /var/log
touch '${folder}/mounted'
exec sleep infinity`;
  const args = ['--mount', '--propagation', 'private', 'sh', '-c', script];
  return { file: 'unshare', args };
}

/** The program within that namespace. */
export const within = (pid: number, { file, args }: Program): Program => ({
  file: 'nsenter',
  args: [`--mount=/proc/${pid}/ns/mnt`, '--', file, ...args],
});

export const containerd = (folder: string): Program => ({
  file: 'containerd',
  args: ['--config', nodeFiles(folder).containerdConfig],
});

export function containerdConfig(folder: string): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const { containerdSocket, networks } = nodeFiles(folder);
  return `version = 2
root = "${folder}/containerd"
state = "${folder}/containerd-state"
[grpc]
  address = "${containerdSocket}"
[${cri}]
  sandbox_image = "${pauseImage}"
  # A machine that may not lower the score of a process cannot give it that of its container.
  restrict_oom_score_adj = true
[${cri}.cni]
  bin_dir = "${pluginFolder}"
  conf_dir = "${networks}"
[${cri}.containerd]
  snapshotter = "overlayfs"
[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
`;
}

export interface KubeletPlace {
  readonly binaries: string;
  readonly folder: string;
  readonly nodeName: string;
  readonly kubeconfig: string;
}

export function kubelet(
  { binaries, folder, nodeName, kubeconfig }: KubeletPlace,
  { nodeIp }: Network,
): Program {
  const args = {
    config: nodeFiles(folder).kubeletConfig,
    kubeconfig,
    'root-dir': join(folder, 'kubelet'),
    'cert-dir': join(folder, 'kubelet-certificates'),
    'hostname-override': nodeName,
    'node-ip': nodeIp,
    'node-labels': 'topology.kubernetes.io/zone=only',
  };
  return { file: join(binaries, 'kubelet'), args: flags(args) };
}

/** @param cgroup of the node, in which those of pods are made */
export const kubeletConfig = (
  folder: string,
  { nodeIp }: Network,
  port: number,
  cgroup: string,
) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: nodeIp,
  port,
  healthzPort: 0,
  // Who gets at the address is on this machine already.
  authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
  authorization: { mode: 'AlwaysAllow' },
  containerRuntimeEndpoint: `unix://${nodeFiles(folder).containerdSocket}`,
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${cgroup}`,
  failCgroupV1: false,
  failSwapOn: false,
  // Its rules would stay on the machine, and keep what does not come from 127/8 from going there.
  makeIPTablesUtilChains: false,
  oomScoreAdj: 0,
  enforceNodeAllocatable: [],
  localStorageCapacityIsolation: false,
  volumePluginDir: join(folder, 'volume-plugins'),
  resolvConf: nodeFiles(folder).resolver,
  // Nobody answers there; without one, every pod has an Event that says so.
  clusterDNS: [nodeIp],
  evictionHard: { 'memory.available': '50Mi', 'nodefs.available': '1%', 'imagefs.available': '1%' },
  imageGCHighThresholdPercent: 100,
  // A container that ended is restarted at once the first time, then later and later; not as late as by default.
  registryPullQPS: 0,
  kubeAPIQPS: 100,
  kubeAPIBurst: 200,
  // How soon a changed ConfigMap or Secret is in a pod.
  syncFrequency: '10s',
});

export function scheduler(binaries: string, kubeconfig: string): Program {
  const args = { kubeconfig, 'leader-elect': 'false', 'secure-port': '0' };
  return { file: join(binaries, 'kube-scheduler'), args: flags(args) };
}

const flags = (args: Readonly<Record<string, string>>): string[] =>
  Object.entries(args).map(([name, value]) => `--${name}=${value}`);
