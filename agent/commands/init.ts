import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';
import { openPod } from '../pod/pod.ts';
import { alone } from './alone.ts';

/** Writes everything that named needs to start, once, and returns: for pods without a native sidecar. Returns the exit code. */
export const init = (options: Options, context: Context): Promise<number> =>
  alone(options, context, async () => {
    const pod = await openPod(options, context);
    const why = await pod.prepare(context.signal);
    if (why === undefined) return 0;
    context.complain(`bind9-agent: named may not start: ${why}\n`);
    return 1;
  });
