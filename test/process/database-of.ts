import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Pod } from '../rig/pod.ts';

/** The database of zones that a pod's named was given while it ran, where its configuration has it now. */
export function databaseOf(pod: Pod): string {
  const conf = readFileSync(join(pod.path('config'), '..data', 'options.conf'), 'utf8');
  const folder = /new-zones-directory "([^"]*)";/.exec(conf)?.[1] ?? pod.path('nzd');
  return join(folder, '_default.nzd');
}
