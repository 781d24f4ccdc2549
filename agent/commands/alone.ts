import { lockFolder } from '../apply/lock.ts';
import type { Context } from '../context.ts';
import { makeFolder } from '../files.ts';
import type { Options } from '../options/options.ts';
import { run } from '../process.ts';

/** Does work on the pod's state that no other agent may do at the same time; returns its exit code, or 1 where one does. */
export async function alone(
  { paths }: Options,
  context: Context,
  work: () => Promise<number>,
): Promise<number> {
  await makeFolder(paths.state);
  const lock = await lockFolder(paths.state, {
    run,
    pid: process.pid,
    host: context.host.name,
    now: () => context.clock.now(),
  });
  if (!lock.ok) {
    context.complain(`bind9-agent: ${lock.why}\n`);
    return 1;
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
