import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startChild } from '../rig/child.ts';
import { type Ledger, openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { ApiServer, untilUp } from './api-server.ts';
import { type Provided, provideBinaries, servers, withControllers } from './binaries.ts';
import { ControlPlane } from './control-plane.ts';
import { type Door, openDoor } from './door.ts';
import { kubeconfigText } from './kubeconfig.ts';
import {
  apiServer,
  apiServerUrl,
  controllerManager,
  etcd,
  etcdUrl,
  files,
  type Layout,
} from './servers.ts';

/** Who comes with this token. */
export interface User {
  readonly token: string;
  readonly name: string;
  readonly groups: readonly string[];
}

export interface ControlPlaneOptions {
  /** Default no. With it there are garbage collection, ends of namespaces and default service accounts. */
  readonly controllerManager?: boolean;
  /** More flags of the API server, `--watch-cache=false`. */
  readonly apiServerArgs?: readonly string[];
  /** Users beside the administrator. */
  readonly users?: readonly User[];
  /** By default looked for, and built where they are missing. */
  readonly binaries?: Provided;
}

/** Throws when there are no binaries, or when a server does not start; then nothing of it is left. */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  const collects = options.controllerManager ?? false;
  const binaries =
    options.binaries ?? (await provideBinaries(collects ? withControllers : servers));
  if (!binaries.ok) throw new Error(binaries.why);
  const ports = {
    etcd: await claimPort(),
    etcdPeer: await claimPort(),
    apiServer: await claimPort(),
  };
  const ledger = openLedger();
  try {
    const layout = { binaries: binaries.folder, folder: ledger.folder, ports };
    return await start(layout, ledger, options);
  } catch (error) {
    ledger.sweep();
    throw error;
  }
}

async function start(
  layout: Layout,
  ledger: Ledger,
  { controllerManager: collects = false, apiServerArgs = [], users = [] }: ControlPlaneOptions,
): Promise<ControlPlane> {
  const adminToken = randomBytes(16).toString('hex');
  const { accountKey, apiServerChain, authority, tokens, adminKubeconfig } = files(layout);
  const secret = { mode: 0o600 };
  const admin = { token: adminToken, name: 'admin', groups: ['system:masters'] };
  writeFileSync(tokens, [admin, ...users].map(tokenLine).join(''), secret);
  writeFileSync(accountKey, newAccountKey(), secret);
  writeFileSync(adminKubeconfig, kubeconfigText(layout, adminToken, 'default'), secret);
  const log = (name: string) => ({ log: join(layout.folder, `${name}.log`), ledger });

  const store = startChild(etcd(layout), log('etcd'));
  await untilUp(store, async () => (await fetch(`${etcdUrl(layout)}/health`)).ok);

  let door: Door | undefined;
  const program = apiServer(layout, { controllerManager: collects, args: apiServerArgs });
  const api = new ApiServer(
    () => startChild(program, log('kube-apiserver')),
    async () => (await door?.ask('GET', '/readyz'))?.code === 200,
  );
  await untilUp(api, () => existsSync(apiServerChain) && isWhole(readFileSync(apiServerChain)));
  const certificate = authorityIn(readFileSync(apiServerChain, 'utf8'));
  writeFileSync(authority, certificate);
  door = openDoor(apiServerUrl(layout), certificate, adminToken);
  await api.ready();

  const manager = collects
    ? startChild(controllerManager(layout), log('kube-controller-manager'))
    : undefined;
  const parts = { layout, ledger, door, adminToken, etcd: store, apiServer: api };
  return new ControlPlane({ ...parts, controllerManager: manager });
}

/** A line of the file of `--token-auth-file`. */
const tokenLine = ({ token, name, groups }: User): string =>
  `${token},${name},${name},"${groups.join(',')}"\n`;

const newAccountKey = (): string =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;

/** Its own certificate and that of the authority are written; the file is there before it is full. */
const isWhole = (chain: Buffer): boolean =>
  chain.toString().split('-----END CERTIFICATE-----').length > 2;

/** The last certificate of the chain that the API server has written. */
function authorityIn(chain: string): string {
  const last = chain.lastIndexOf('-----BEGIN CERTIFICATE-----');
  return chain.slice(Math.max(0, last));
}
