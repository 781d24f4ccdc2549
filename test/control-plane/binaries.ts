import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../agent/apply/lock.ts';
import { run } from '../../agent/process.ts';

export type Binary =
  | 'etcd'
  | 'kube-apiserver'
  | 'kubectl'
  | 'kube-controller-manager'
  | 'kube-scheduler'
  | 'kubelet';

/** A folder with the binaries, or why there is none, in a sentence that says what to do. */
export type Provided =
  | { readonly ok: true; readonly folder: string }
  | { readonly ok: false; readonly why: string };

/** Of the environment: only what is read here. */
export interface Surroundings {
  readonly KUBEBUILDER_ASSETS?: string | undefined;
  readonly XDG_CACHE_HOME?: string | undefined;
}

export const servers: readonly Binary[] = ['etcd', 'kube-apiserver', 'kubectl'];
export const withControllers: readonly Binary[] = [...servers, 'kube-controller-manager'];
/** All that are built: with those of a node. */
export const allBinaries: readonly Binary[] = [...withControllers, 'kube-scheduler', 'kubelet'];

const tools = join(import.meta.dirname, 'tools');
const MINUTE_MS = 60_000;

/**
 * The binaries of a control plane, and of a node: those of KUBEBUILDER_ASSETS where all that are needed stand in it, else our own,
 * built from the module in `tools/` when the user's cache folder does not have them yet (5 minutes on two cores).
 */
export async function provideBinaries(
  needed: readonly Binary[],
  surroundings: Surroundings = process.env,
  say: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
): Promise<Provided> {
  const assets = surroundings.KUBEBUILDER_ASSETS;
  if (assets !== undefined && assets !== '' && holds(assets, needed)) {
    return { ok: true, folder: assets };
  }
  const cache = join(surroundings.XDG_CACHE_HOME || join(homedir(), '.cache'), 'bind9-agent');
  const home = join(cache, 'control-plane', versionKey());
  if (holds(home, allBinaries)) return { ok: true, folder: home };
  const wrongGo = await whatIsWrongWithGo();
  if (wrongGo !== undefined) return { ok: false, why: `${needsGo}, and ${wrongGo}: ${remedy}` };
  await mkdir(join(cache, 'control-plane'), { recursive: true });
  return buildAlone(home, say);
}

const holds = (folder: string, binaries: readonly Binary[]): boolean =>
  binaries.every((name) => existsSync(join(folder, name)));

const buildFlags = (version: string): readonly string[] => [
  '-trimpath',
  '-ldflags',
  `-s -w -X k8s.io/component-base/version.gitVersion=v${version}`,
];

/** What the binaries depend on: `1.35.4-linux-x64-` and a hash of the module and the flags. */
function versionKey(): string {
  const module = readFileSync(join(tools, 'go.mod'), 'utf8');
  const version = kubernetesVersion(module);
  const hash = createHash('sha256')
    .update(module)
    .update(readFileSync(join(tools, 'go.sum')));
  const short = hash.update(buildFlags(version).join(' ')).digest('hex').slice(0, 12);
  return `${version}-${process.platform}-${process.arch}-${short}`;
}

function kubernetesVersion(module: string): string {
  const version = /^\s*(?:require )?k8s\.io\/kubernetes v(\S+)/m.exec(module)?.[1];
  if (version === undefined) throw new Error('tools/go.mod names no version of k8s.io/kubernetes');
  return version;
}

const oldestGo = [1, 25] as const;
const needsGo = `the test control plane is built with Go ${oldestGo.join('.')} or newer`;
const remedy =
  'install Go, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl';

async function whatIsWrongWithGo(): Promise<string | undefined> {
  const asked = await run('go', ['version'], { cwd: tools, timeoutMs: 5 * MINUTE_MS });
  if (!asked.ok) return asked.why === 'not-found' ? 'there is none here' : asked.message;
  const [, found, major, minor] = /(go(\d+)\.(\d+)\S*)/.exec(asked.stdout) ?? [];
  if (found === undefined) return `what "go version" said is not one: ${asked.stdout.trim()}`;
  const newer = Number(major) - oldestGo[0] || Number(minor) - oldestGo[1];
  return newer < 0 ? `this is ${found}` : undefined;
}

/** One builder at a time: who comes second waits and takes what the first has made. */
async function buildAlone(home: string, say: (line: string) => void): Promise<Provided> {
  const folder = join(home, '..');
  const deps = { run, pid: process.pid, host: hostname(), now: Date.now };
  for (;;) {
    const lock = await lockFolder(folder, deps);
    if (!lock.ok) {
      await sleep(500);
      continue;
    }
    try {
      return holds(home, allBinaries) ? { ok: true, folder: home } : await build(home, say);
    } finally {
      await lock.release();
    }
  }
}

async function build(home: string, say: (line: string) => void): Promise<Provided> {
  const folder = join(home, '..');
  for (const left of await readdir(folder)) {
    if (left.startsWith('half-')) await rm(join(folder, left), { recursive: true, force: true });
  }
  const version = kubernetesVersion(readFileSync(join(tools, 'go.mod'), 'utf8'));
  say(`building Kubernetes ${version} for the tests: once, some minutes`);
  const work = await mkdtemp(join(folder, 'half-'));
  try {
    const settings = ['CGO_ENABLED=0', 'GOWORK=off'];
    const go = ['go', 'build', ...buildFlags(version), '-o', `${work}/`, 'tool'];
    const options = { cwd: tools, timeoutMs: 60 * MINUTE_MS };
    // The machine has other things to do.
    const built = await run('nice', ['-n', '10', 'env', ...settings, ...go], options);
    if (!built.ok) {
      const said = built.stderr.trim().split('\n').slice(-3).join('; ') || built.message;
      return { ok: false, why: `the test control plane could not be built: ${said}` };
    }
    // Go calls a program by its folder, go.etcd.io/etcd/server/v3.
    await rename(join(work, 'server'), join(work, 'etcd'));
    await rm(home, { recursive: true, force: true });
    // Last and at once: a half-built one is never taken for whole.
    await rename(work, home);
    return { ok: true, folder: home };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
