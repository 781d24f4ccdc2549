import { join } from 'node:path';
import type { Program } from '../rig/child.ts';

/** What the command lines of one control plane's servers are made from. */
export interface Layout {
  /** Where the binaries stand. */
  readonly binaries: string;
  /** The control plane's own folder. */
  readonly folder: string;
  readonly ports: {
    readonly etcd: number;
    readonly etcdPeer: number;
    readonly apiServer: number;
  };
}

export const etcdUrl = ({ ports }: Layout): string => `http://127.0.0.1:${ports.etcd}`;
export const apiServerUrl = ({ ports }: Layout): string => `https://127.0.0.1:${ports.apiServer}`;

export const files = ({ folder }: Pick<Layout, 'folder'>) => ({
  etcdData: join(folder, 'etcd'),
  certificates: join(folder, 'certificates'),
  /** Written by the API server at its first start: its own certificate, then that of the authority that signed it. */
  apiServerChain: join(folder, 'certificates', 'apiserver.crt'),
  authority: join(folder, 'ca.crt'),
  tokens: join(folder, 'tokens.csv'),
  accountKey: join(folder, 'service-accounts.key'),
  adminKubeconfig: join(folder, 'admin.kubeconfig'),
});

export function etcd(layout: Layout): Program {
  const peer = `http://127.0.0.1:${layout.ports.etcdPeer}`;
  const args = {
    name: 'only',
    'data-dir': files(layout).etcdData,
    'listen-client-urls': etcdUrl(layout),
    'advertise-client-urls': etcdUrl(layout),
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `only=${peer}`,
    'unsafe-no-fsync': 'true',
    'log-level': 'warn',
  };
  return { file: join(layout.binaries, 'etcd'), args: flags(args) };
}

/** With RBAC, and tokens of service accounts as in any cluster; the administrator's token is in a file. */
export function apiServer(
  layout: Layout,
  more: { readonly controllerManager: boolean; readonly args: readonly string[] },
): Program {
  const { certificates, tokens, accountKey } = files(layout);
  const args = {
    'etcd-servers': etcdUrl(layout),
    'bind-address': '127.0.0.1',
    'advertise-address': '127.0.0.1',
    'secure-port': String(layout.ports.apiServer),
    'cert-dir': certificates,
    'token-auth-file': tokens,
    'service-account-key-file': accountKey,
    'service-account-signing-key-file': accountKey,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'authorization-mode': 'RBAC',
    'service-cluster-ip-range': '198.51.100.0/24',
    // A Service's endpoint may not be on loopback.
    'endpoint-reconciler-type': 'none',
    // Without a controller manager nobody makes the accounts that this plugin asks for.
    ...(more.controllerManager ? {} : { 'disable-admission-plugins': 'ServiceAccount' }),
  };
  return { file: join(layout.binaries, 'kube-apiserver'), args: [...flags(args), ...more.args] };
}

export function controllerManager(layout: Layout): Program {
  const { adminKubeconfig, accountKey, authority } = files(layout);
  const withoutNodes = ['node-ipam', 'node-route', 'service-lb', 'cloud-node-lifecycle'];
  const args = {
    kubeconfig: adminKubeconfig,
    'service-account-private-key-file': accountKey,
    'root-ca-file': authority,
    'leader-elect': 'false',
    controllers: ['*', ...withoutNodes.map((name) => `-${name}-controller`)].join(','),
    // It serves nothing: two control planes may run side by side.
    'secure-port': '0',
    'kube-api-qps': '200',
    'kube-api-burst': '400',
  };
  return { file: join(layout.binaries, 'kube-controller-manager'), args: flags(args) };
}

const flags = (args: Readonly<Record<string, string>>): string[] =>
  Object.entries(args).map(([name, value]) => `--${name}=${value}`);
