import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../agent/apply/lock.ts';
import { type Ran, run } from '../../agent/process.ts';
import { type Child, startChild, tail } from '../rig/child.ts';
import { openLedger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';

export interface Asked {
  readonly input?: string;
  readonly cwd?: string;
  /** Default five minutes. */
  readonly timeoutMs?: number;
}

/** A Docker daemon of our own, beside whatever the machine has. */
export interface Docker {
  /** What DOCKER_HOST is set to for programs that use it. */
  readonly host: string;
  /** Runs `docker ARGS` and returns what it printed, trimmed. Throws with what it complained of. */
  docker(args: readonly string[], asked?: Asked): Promise<string>;
  /** The same for who wants to know how it failed. */
  ask(args: readonly string[], asked?: Asked): Promise<Ran>;
  /** Removes all containers and networks, and ends the daemon. Images stay for the next time. */
  stop(): Promise<void>;
}

const MINUTE_MS = 60_000;
/** Addresses for documentation (RFC 5737): nobody's network is in the way. The daemon passes over what is taken here. */
const pools = ['198.51.100.0/24', '203.0.113.0/24', '192.0.2.0/24'];

/** Where images and layers are kept from run to run. */
export const dockerHome = (): string =>
  join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'bind9-agent', 'docker');

/**
 * Starts the daemon on its own folder; who comes while another run has it waits. The machine's network is left as it is:
 * no rules, no forwarding, no default bridge. Networks that are asked for reach their containers and this machine only.
 */
export async function startDocker(home = dockerHome()): Promise<Docker> {
  mkdirSync(home, { recursive: true });
  const release = await lockWaiting(home);
  const ledger = openLedger();
  const host = `unix://${join(home, 'run', 'docker.sock')}`;
  const ask: Docker['ask'] = (args, { timeoutMs = 5 * MINUTE_MS, ...asked } = {}) =>
    run('env', ['DOCKER_BUILDKIT=0', `DOCKER_HOST=${host}`, 'docker', ...args], {
      ...asked,
      timeoutMs,
    });
  // Of daemons that died with their run: nobody else's can be, since the lock is ours.
  for (const stale of [pidFile(home), join(home, 'run', 'containerd', 'containerd.pid')])
    rmSync(stale, { force: true });
  let child: Child | undefined;
  const stop = async (): Promise<void> => {
    if (child?.running() === true) {
      await removeAll(ask);
      await child.stop('SIGTERM', 30_000);
    }
    const mounted = [join(home, 'run', 'netns', 'default'), join(home, 'data')];
    await run('umount', ['--lazy', '--quiet', ...mounted], { timeoutMs: MINUTE_MS });
    ledger.sweep();
    await release();
  };
  try {
    child = startChild(
      { file: 'dockerd', args: daemonArguments(home, host) },
      { log: join(home, 'dockerd.log'), ledger },
    );
    await untilAnswering(child, ask);
    await removeAll(ask);
    return { host, ask, stop, docker: (args, asked) => demand(ask, args, asked) };
  } catch (error) {
    await stop();
    throw error;
  }
}

const pidFile = (home: string): string => join(home, 'docker.pid');

function daemonArguments(home: string, host: string): string[] {
  // Else it reads that of the machine, which may say something else.
  const settings = join(home, 'daemon.json');
  writeFileSync(settings, '{}\n');
  return [
    ['--config-file', settings],
    ['--data-root', join(home, 'data')],
    ['--exec-root', join(home, 'run')],
    ['--pidfile', pidFile(home)],
    ['--host', host],
    ['--storage-driver', 'overlay2'],
    ['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    pools.flatMap((base) => ['--default-address-pool', `base=${base},size=27`]),
    // To lower it takes a right that root in a container may not have.
    ['--oom-score-adjust', '0'],
    ['--bridge=none', '--iptables=false', '--ip-forward=false', '--ip-masq=false'],
    ['--log-level', 'warn'],
  ].flat();
}

/** One daemon at a time works on the folder: who comes second waits. */
async function lockWaiting(home: string): Promise<() => Promise<void>> {
  for (;;) {
    const lock = await lockFolder(home, { run, pid: process.pid, host: hostname(), now: Date.now });
    if (lock.ok) return lock.release;
    await sleep(500);
  }
}

async function untilAnswering(child: Child, ask: Docker['ask']): Promise<void> {
  const version = ['version', '--format', '{{.Server.Version}}'];
  await until(async () => !child.running() || (await ask(version)).ok, {
    what: 'the start of dockerd',
    withinMs: MINUTE_MS,
    everyMs: 200,
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${tail(child.log)}`);
  });
  if (!child.running()) throw new Error(`dockerd has ended:\n${tail(child.log)}`);
}

/** Also what a run has left that was killed. */
async function removeAll(ask: Docker['ask']): Promise<void> {
  const listed = async (...args: string[]): Promise<string[]> =>
    (await ask([...args, '--quiet'])).stdout.split('\n').filter((id) => id !== '');
  const containers = await listed('ps', '--all');
  if (containers.length > 0) await ask(['rm', '--force', '--volumes', ...containers]);
  await ask(['network', 'prune', '--force']);
  const volumes = await listed('volume', 'ls');
  if (volumes.length > 0) await ask(['volume', 'rm', '--force', ...volumes]);
}

async function demand(ask: Docker['ask'], args: readonly string[], asked?: Asked): Promise<string> {
  const ran = await ask(args, asked);
  if (ran.ok) return ran.stdout.trim();
  const said = `${ran.stdout}\n${ran.stderr}`.trim().split('\n').slice(-15).join('\n');
  throw new Error(`docker ${args.join(' ').slice(0, 200)}: ${ran.message}\n${said}`);
}
