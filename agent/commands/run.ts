import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';

/** Keeps this pod registered, its zones served and its transfers told, until it is stopped. Returns the exit code. */
export async function run(_options: Options, context: Context): Promise<number> {
  context.complain('bind9-agent: run is not there yet\n');
  return 1;
}
