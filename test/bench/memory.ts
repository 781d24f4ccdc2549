import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from '../rig/child.ts';
import { openLedger } from '../rig/ledger.ts';
import type { Pod } from '../rig/pod.ts';
import { until } from '../rig/until.ts';
import type { AgentCluster } from './agent-cluster.ts';
import { type Measured, median, rounded } from './figures.ts';
import { untilTold } from './told.ts';

/** Long enough for the passes after the start to end and for what they left behind to be collected or not. */
const idleMs = 15_000;

/**
 * RSS of each pod's agent in MB (of 1,000,000 bytes), idle, once every zone is served and, on an API server, every status told;
 * the baseline is Node alone. Then the same of agents that were started when all of that was there already, and the seconds
 * until they had read it, and until they had looked at each of their copies and were ready.
 */
export async function memory(cluster: AgentCluster): Promise<Measured> {
  const { rig, plane } = cluster;
  if (plane !== undefined) await untilTold({ ...cluster, plane }, 'before it is idle');
  await sleep(idleMs);
  const pods = [...rig.pods.values()];
  const { values, peaks } = memoryOf(pods);
  const named = pods.map((pod) => megabytes(pod.named, 'VmRSS'));
  const baselines = [await bareNode()];
  const starts: Start[] = [];
  for (const pod of pods) {
    starts.push(await restart(pod));
    await sleep(idleMs);
  }
  const restarted = memoryOf(pods);
  const extras = {
    primary: rounded(values[0] ?? null),
    secondaries: all(values.slice(1)),
    peak: rounded(median(peaks)),
    peaks: all(peaks),
    named: rounded(median(named)),
    restarted: all(restarted.values),
    restartedPeaks: all(restarted.peaks),
    syncSeconds: all(starts.map(({ synced }) => synced)),
    readySeconds: all(starts.map(({ ready }) => ready)),
  };
  return { unit: 'MB', values, baselines, extras };
}

const memoryOf = (pods: readonly Pod[]) => ({
  values: pods.map(({ agent }) => megabytes(agent, 'VmRSS')),
  peaks: pods.map(({ agent }) => megabytes(agent, 'VmHWM')),
});

const all = (values: readonly number[]): number[] => values.map((value) => rounded(value) ?? 0);

/** Seconds since the agent was started. */
interface Start {
  /** It has read all resources, registrations and statuses. */
  readonly synced: number;
  readonly ready: number;
}

/** The agent alone; named serves all the while. */
async function restart(pod: Pod): Promise<Start> {
  await pod.killAgent();
  const startedAt = performance.now();
  const seconds = (): number => (performance.now() - startedAt) / 1000;
  pod.startAgent();
  const isSynced = async (): Promise<boolean> => {
    const { body } = (await pod.get('/readyz')) ?? {};
    return body !== undefined && !body.includes('read yet');
  };
  await until(isSynced, { what: `${pod.name} to read everything`, withinMs: 120_000, everyMs: 50 });
  const synced = seconds();
  await pod.ready(120_000);
  return { synced, ready: seconds() };
}

async function bareNode(): Promise<number> {
  const ledger = openLedger();
  const args = ['-i', process.execPath, '-e', 'setInterval(() => {}, 1e6)'];
  const program = { file: '/usr/bin/env', args };
  const node = startChild(program, { log: join(ledger.folder, 'log'), ledger });
  try {
    await sleep(2000);
    return megabytes(node, 'VmRSS');
  } finally {
    await node.stop('SIGKILL');
    ledger.sweep();
  }
}

function megabytes(child: Child | undefined, field: 'VmRSS' | 'VmHWM'): number {
  if (child?.running() !== true) throw new Error('a process that is to be measured has ended');
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return (Number(kibibytes) * 1024) / 1e6;
}
