import { join } from 'node:path';
import type { Context } from '../context.ts';
import { run } from '../process.ts';

/** Prints the versions of the agent, of Node.js and of BIND. `tools` is the folder of BIND's programs, '' for PATH. */
export async function version(
  tools: string,
  nodeVersion: string,
  context: Context,
): Promise<number> {
  const bind = await bindVersion(tools, context.signal);
  await context.print(
    `bind9-agent  ${context.version}\nNode.js      ${nodeVersion}\nBIND         ${bind}\n`,
  );
  return 0;
}

/**
 * named is not on the PATH of ordinary users on Debian, so its usual folder is tried as well. Where it runs in a container of
 * its own, there are its tools alone.
 */
async function bindVersion(tools: string, signal: AbortSignal): Promise<string> {
  const names = ['named', 'named-checkconf'];
  const places =
    tools === ''
      ? ['named', '/usr/sbin/named', 'named-checkconf']
      : names.map((name) => join(tools, name));
  for (const program of places) {
    const ran = await run(program, ['-v'], { timeoutMs: 5_000, signal });
    if (ran.ok) return ran.stdout.trim().replace(/^BIND\s+/, '');
  }
  return 'not found';
}
