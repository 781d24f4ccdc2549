import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Pod } from '../rig/pod.ts';

/** What a pod's named prints to a command that somebody gives by hand. Rejects when it refuses. */
export async function rndc(pod: Pod, ...command: readonly string[]): Promise<string> {
  const { 'named.controlAddress': server = '', 'named.controlPort': port = '' } = pod.options();
  const key = join(pod.path('state'), 'keys', 'bind9-agent-control.key');
  const args = ['-s', server, '-p', port, '-k', key, ...command];
  return (await promisify(execFile)('rndc', args)).stdout;
}

/** Gives named a zone that is none of its agent's, `other.test`. */
export async function addOthersZone(pod: Pod): Promise<void> {
  const file = join(pod.path('state'), 'other.zone');
  await writeFile(file, '$TTL 60\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns.example.net.\n');
  await rndc(pod, 'addzone', 'other.test', `{ type primary; file "${file}"; };`);
}
