import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import type { Place } from '../rig/addresses.ts';

/** Changes a zone as external-dns would. Returns undefined when it was done, else what nsupdate said. */
export async function nsupdate(
  { address, dnsPort }: Place,
  zone: string,
  changes: readonly string[],
  keyFile: string,
): Promise<string | undefined> {
  const child = spawn('nsupdate', ['-t', '5', '-k', keyFile]);
  child.stdin.end(
    [`server ${address} ${dnsPort}`, `zone ${zone}`, ...changes, 'send', ''].join('\n'),
  );
  const said = Promise.all([text(child.stdout), text(child.stderr)]);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return code === 0 ? undefined : (await said).join('').trim();
}
