import { lockFolder } from '../apply/lock.ts';
import type { Context } from '../context.ts';
import { makeFolder } from '../files.ts';
import type { Options } from '../options/options.ts';
import { openPod } from '../pod/pod.ts';
import { run as runProgram } from '../process.ts';

/**
 * Keeps this pod registered, its zones served and its transfers told, until it is stopped. New options (SIGHUP) end one
 * life and begin another; named serves on meanwhile. Returns the exit code.
 */
export async function run(options: Options, context: Context): Promise<number> {
  const { state } = options.paths;
  await makeFolder(state);
  const lock = await lockFolder(state, {
    run: runProgram,
    pid: process.pid,
    host: context.host.name,
    now: () => context.clock.now(),
  });
  if (!lock.ok) {
    context.complain(`bind9-agent: ${lock.why}\n`);
    return 1;
  }
  try {
    let next: Options | undefined = options;
    while (next !== undefined && !context.signal.aborted) next = await live(next, context);
    return 0;
  } finally {
    await lock.release();
  }
}

/** One life of the agent; the options of the next one, or undefined when it was stopped. */
async function live(options: Options, context: Context): Promise<Options | undefined> {
  const reload = new AbortController();
  let next: Options | undefined;
  const stopListening = context.onReload((reloaded) => {
    next = reloaded;
    reload.abort();
  });
  try {
    const pod = await openPod(options, context);
    const signal = AbortSignal.any([context.signal, reload.signal]);
    await pod.run(signal, () => context.signal.aborted);
    return next;
  } finally {
    stopListening();
  }
}
