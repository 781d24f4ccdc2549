import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';
import { openPod } from '../pod/pod.ts';
import { alone } from './alone.ts';

/**
 * Keeps this pod registered, its zones served and its transfers told, until it is stopped. New options (SIGHUP) end one
 * life and begin another; named serves on meanwhile. Returns the exit code.
 */
export const run = (options: Options, context: Context): Promise<number> =>
  alone(options, context, async () => {
    let next: Options | undefined = options;
    while (next !== undefined && !context.signal.aborted) next = await live(next, context);
    return 0;
  });

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
