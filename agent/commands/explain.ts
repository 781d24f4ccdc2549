import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';

/** Tells why one zone is, or is not, served the way it is. `zone` is text as typed. Returns the exit code. */
export async function explain(zone: string, _options: Options, context: Context): Promise<number> {
  context.complain(`bind9-agent: explain ${zone} is not there yet\n`);
  return 1;
}
