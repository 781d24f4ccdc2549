import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

type Call = 'writeFile' | 'link' | 'unlink' | 'rename' | 'readdir';

/**
 * `<signal> before|after <call> <n>`, several of them with commas: the process gets the signal at its n-th call from now
 * on. So a test kills or stops it between two steps, each time at the same one.
 */
export function injectFault(faults: string): void {
  for (const fault of faults.split(',')) inject(fault);
  syncBuiltinESMExports();
}

function inject(fault: string): void {
  const [signal = '', moment = '', name = '', count = '1'] = fault.split(' ');
  const call = name as Call;
  const original = fs[call] as (...args: unknown[]) => Promise<unknown>;
  let left = Number(count);
  const faulty = async (...args: unknown[]): Promise<unknown> => {
    const now = --left === 0;
    if (now && moment === 'before') process.kill(process.pid, signal);
    try {
      return await original(...args);
    } finally {
      if (now && moment === 'after') process.kill(process.pid, signal);
    }
  };
  Object.assign(fs, { [call]: faulty });
}
