import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { systemClock } from '../../agent/clock.ts';
import type { Cluster } from '../../agent/observe/cluster.ts';
import {
  DirectoryCluster,
  type DirectoryClusterOptions,
} from '../../agent/observe/directory-cluster.ts';
import type { ClusterHarness } from './contract.ts';
import { manifestText, type TestObject } from './manifest-texts.ts';

export interface DirectoryHarness extends ClusterHarness {
  readonly manifests: string;
  readonly peers: string;
  readonly status: string;
  open(pod: string, options?: Partial<DirectoryClusterOptions>): Cluster;
  /** Starts a `counting-writer.ts` and leaves it to the test. */
  writer(...args: string[]): Writer;
}

export interface Writer {
  readonly pid: number;
  /** What it printed: a line for each write, `written 3` or `conflict 3`. */
  readonly output: Promise<string>;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sent to this process only. */
  kill(signal: NodeJS.Signals): void;
}

const program = join(import.meta.dirname, 'counting-writer.ts');

/** A cluster in a temporary folder. */
export async function directoryHarness(): Promise<DirectoryHarness> {
  const folder = await mkdtemp(join(tmpdir(), 'directory-cluster-'));
  const [manifests, peers, status] = ['manifests', 'peers', 'status'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await mkdir(manifests);
  const open: Cluster[] = [];
  const writers: Writer[] = [];
  const lease = { renewSeconds: 0.15, durationSeconds: 0.8, graceSeconds: 0.4 };
  const pathOf = ({ kind, name }: TestObject): string =>
    join(manifests, `${kind}-${name}.yaml`.toLowerCase());
  const writer = (...args: string[]): Writer => {
    const child = spawn(process.execPath, [program, status, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // Once one has ended well, the others start in a third of the time.
      env: { ...process.env, NODE_COMPILE_CACHE: join(folder, 'compile-cache') },
    });
    if (child.pid === undefined) throw new Error(`cannot start ${program}`);
    const started: Writer = {
      pid: child.pid,
      output: text(child.stdout),
      exited: new Promise((resolve) => {
        child.once('exit', (code, signal) => resolve({ code, signal }));
      }),
      kill: (signal) => void child.kill(signal),
    };
    writers.push(started);
    return started;
  };
  return {
    manifests,
    peers,
    status,
    lease,
    writer,
    open(pod, options = {}) {
      const cluster = new DirectoryCluster({
        manifests: [manifests],
        peers,
        status,
        pod,
        namespace: 'default',
        lease,
        clock: systemClock,
        newId: randomUUID,
        settleMs: 100,
        statusGraceMs: 300,
        ...options,
      });
      open.push(cluster);
      return cluster;
    },
    put: (object) => writeFile(pathOf(object), manifestText(object)),
    remove: (object) => rm(pathOf(object)),
    async breakSource() {
      const aside = `${manifests}-aside`;
      await rename(manifests, aside);
      return () => rename(aside, manifests);
    },
    crash: (cluster) => cluster.stop(),
    async countUp(pod, zone, updates) {
      const { output, exited } = writer(pod, zone, String(updates));
      const { code, signal } = await exited;
      if (code !== 0) throw new Error(`the writer ended with ${code ?? signal}`);
      return [...(await output).matchAll(/^written (\d+)$/gm)].map(([, serial]) => Number(serial));
    },
    async close() {
      await Promise.all(open.map((cluster) => cluster.stop()));
      for (const { kill, exited } of writers) {
        kill('SIGKILL');
        await exited;
      }
      await chmod(manifests, 0o750).catch(() => undefined);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
