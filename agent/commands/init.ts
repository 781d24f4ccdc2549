import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';

/** Writes everything that named needs to start, once, and returns: for pods without a native sidecar. Returns the exit code. */
export async function init(_options: Options, context: Context): Promise<number> {
  context.complain('bind9-agent: init is not there yet\n');
  return 1;
}
