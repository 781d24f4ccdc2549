import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { run } from '../../agent/process.ts';

/** Whether this machine can be a node, or why not, in a sentence that says what to do. */
export type Suited = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** Where the network's programs are expected, and looked for. */
export const pluginFolder = '/usr/lib/cni';

const packages = ['containerd', 'runc', 'containernetworking-plugins', 'iproute2', 'util-linux'];
const programs = ['containerd', 'ctr', 'runc', 'ip', 'nsenter', 'unshare'];
const plugins = ['bridge', 'host-local', 'loopback'];

/** Debian's package manager, used by others at the same time. */
const apt = ['-o', 'DPkg::Lock::Timeout=300', '-q'];
const MINUTE_MS = 60_000;

/** Installs what is missing where it may: as root, with Debian's package manager. */
export async function provideMachine(): Promise<Suited> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { ok: false, why: 'a node takes root on Linux: run the tests so' };
  if (missing().length > 0 && isProgram('apt-get')) await install();
  const still = missing();
  if (still.length === 0) return { ok: true };
  const why = `a node takes ${still.join(', ')}: apt-get install ${packages.join(' ')}`;
  return { ok: false, why };
}

const missing = (): string[] => [
  ...programs.filter((name) => !isProgram(name)),
  ...plugins.filter((name) => !existsSync(join(pluginFolder, name))),
];

async function install(): Promise<void> {
  process.stderr.write(`installing ${packages.join(' ')}\n`);
  const env = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...apt];
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', ...packages]])
    await run('nice', ['-n', '10', ...env, ...args], { timeoutMs: 10 * MINUTE_MS });
}

function isProgram(name: string): boolean {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
