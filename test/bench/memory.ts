import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Child, startChild } from '../rig/child.ts';
import { openLedger } from '../rig/ledger.ts';
import type { AgentCluster } from './agent-cluster.ts';
import { type Measured, median, rounded } from './figures.ts';
import { untilTold } from './told.ts';

/** Long enough for the passes after the start to end and for what they left behind to be collected or not. */
const idleMs = 15_000;

/**
 * RSS of each pod's agent in MB (of 1,000,000 bytes), idle, once every zone is served and, on an API server, every status told;
 * the baseline is Node alone.
 */
export async function memory(cluster: AgentCluster): Promise<Measured> {
  const { rig, plane } = cluster;
  if (plane !== undefined) await untilTold({ ...cluster, plane }, 'before it is idle');
  await sleep(idleMs);
  const agents = [...rig.pods.values()].map(({ agent }) => agent);
  const values = agents.map((agent) => megabytes(agent, 'VmRSS'));
  const peaks = agents.map((agent) => megabytes(agent, 'VmHWM'));
  const named = [...rig.pods.values()].map((pod) => megabytes(pod.named, 'VmRSS'));
  const baselines = [await bareNode()];
  const extras = {
    primary: rounded(values[0] ?? null),
    secondaries: values.slice(1).map((value) => rounded(value) ?? 0),
    peak: rounded(median(peaks)),
    named: rounded(median(named)),
  };
  return { unit: 'MB', values, baselines, extras };
}

async function bareNode(): Promise<number> {
  const ledger = openLedger();
  const program = { file: process.execPath, args: ['-e', 'setInterval(() => {}, 1e6)'] };
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
