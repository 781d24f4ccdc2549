import { readFile } from 'node:fs/promises';
import type { Rig } from './rig.ts';

/** How many zone transfers came through at all pods so far, by what each named logged itself (BIND 9.18, 9.20). */
export async function transfersOf(rig: Rig): Promise<number> {
  const logs = [...rig.pods.values()].map(async ({ logs: { named } }) => {
    const text = await readFile(named, 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line.includes('Transfer status: success')).length;
  });
  return (await Promise.all(logs)).reduce((sum, count) => sum + count, 0);
}
