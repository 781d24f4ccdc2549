import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';

export type Listed = 'zones' | 'peers';
export type OutputFormat = 'table' | 'json' | 'yaml';

/** Lists what the running agent knows of its zones or peers. Returns the exit code. */
export async function get(
  what: Listed,
  _output: OutputFormat,
  _options: Options,
  context: Context,
): Promise<number> {
  context.complain(`bind9-agent: get ${what} is not there yet\n`);
  return 1;
}
