import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';

/** Shows what would change and why, and touches nothing. Returns the exit code. */
export async function plan(_options: Options, context: Context): Promise<number> {
  context.complain('bind9-agent: plan is not there yet\n');
  return 1;
}
