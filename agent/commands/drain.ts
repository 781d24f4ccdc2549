import type { Context } from '../context.ts';
import { httpGet, httpOrigin } from '../observe/http-get.ts';
import type { Options } from '../options/options.ts';

/** As long as a pod that is about to go may wait for it. */
const PATIENCE_MS = 5000;
/** Where an agent answers that listens on every address. */
const hosts: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

/** Tells the agent that runs in this pod that the pod is about to go. Returns the exit code. */
export async function drain(options: Options, context: Context): Promise<number> {
  const { address, port } = options.http;
  const host = hosts[address] ?? address;
  const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
  try {
    const { status, text } = await httpGet(`${httpOrigin({ address: host, port })}/drain`, {
      method: 'POST',
      signal,
    });
    if (status === 200) return 0;
    context.complain(`bind9-agent: ${host} port ${port} answers HTTP ${status}: ${text}\n`);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.complain(`bind9-agent: no agent answers at ${host} port ${port}: ${why}\n`);
  }
  return 1;
}
