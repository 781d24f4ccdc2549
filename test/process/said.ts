import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Pod } from '../rig/pod.ts';
import { until } from '../rig/until.ts';

/** What a pod's agent says in its log from this call on: waits for a line that has all these words. */
export function listen(pod: Pod): (...words: readonly string[]) => Promise<string> {
  const mark = logOf(pod).length;
  return (...words) =>
    until(
      () =>
        logOf(pod)
          .slice(mark)
          .split('\n')
          .find((line) => words.every((word) => line.includes(inJson(word)))),
      { what: `${pod.name} says ${words.join(' … ')}`, withinMs: 30_000 },
    ) as Promise<string>;
}

const inJson = (word: string): string => JSON.stringify(word).slice(1, -1);

export const logOf = (pod: Pod): string =>
  existsSync(pod.logs.agent) ? readFileSync(pod.logs.agent, 'utf8') : '';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command of the agent's program, such as `get zones`, as one would in the pod. */
export function command(pod: Pod, ...words: readonly string[]): Promise<Ran> {
  const { file, args } = pod.command(...words);
  const limits = { maxBuffer: 64 * 1024 * 1024, timeout: 30_000, killSignal: 'SIGKILL' } as const;
  return new Promise((resolve, reject) => {
    execFile(file, [...args], limits, (error, stdout, stderr) => {
      if (error?.killed === true)
        reject(new Error(`${words.join(' ')} hangs, after it wrote ${stdout}${stderr}`));
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}

/** What `bind9-agent plan` prints. Throws when it fails. */
export async function planOf(pod: Pod): Promise<string> {
  const ran = await command(pod, 'plan');
  if (ran.code !== 0) throw new Error(`plan: exit ${ran.code}\n${ran.stdout}${ran.stderr}`);
  return ran.stdout;
}
