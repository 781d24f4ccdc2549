import { setTimeout as sleep } from 'node:timers/promises';
import { isNewer } from '../../agent/dns/serial.ts';
import { DnsEye } from '../rig/dns.ts';
import { rrTypes } from '../rig/dns-wire.ts';
import type { Pod } from '../rig/pod.ts';

const servfail = 2;
/** A named that starts answers before it has loaded its zones. */
const startMs = 1500;

/** What a pod last answered for a zone. */
interface Known {
  readonly serial: number;
  /** Since when it answers SERVFAIL instead, ms since some start. */
  readonly failsSince?: number;
}

/**
 * Asks pods for the SOA of zones, again and again, until `stop()`, which tells what must never be seen: a serial that went
 * backwards, and SERVFAIL that stays for a zone that was served (a new secondary has nothing yet).
 */
export function watchSerials(
  pods: Iterable<Pod>,
  zones: () => Iterable<string>,
): { stop(): Promise<readonly string[]> } {
  const stopped = new AbortController();
  const seen = new Set<string>();
  const watching = [...pods].map(async (pod) => {
    const known = new Map<string, Known>();
    const eye = new DnsEye(pod.place);
    while (!stopped.signal.aborted) {
      for (const zone of zones()) {
        const wrong = await look(eye, zone, known);
        if (wrong !== undefined) seen.add(`${pod.name}: ${wrong}`);
      }
      await sleep(5);
    }
    eye.close();
  });
  return {
    async stop() {
      stopped.abort();
      await Promise.all(watching);
      return [...seen];
    },
  };
}

async function look(
  eye: DnsEye,
  zone: string,
  known: Map<string, Known>,
): Promise<string | undefined> {
  const answer = await eye.ask(zone, 'SOA', 200);
  if (answer === undefined) return undefined;
  const before = known.get(zone);
  if (answer.rcode === servfail) {
    if (before === undefined) return undefined;
    const failsSince = before.failsSince ?? performance.now();
    known.set(zone, { ...before, failsSince });
    return performance.now() - failsSince > startMs ? `SERVFAIL for ${zone}` : undefined;
  }
  const soa = answer.records.find(({ type }) => type === rrTypes.SOA);
  if (soa === undefined) {
    known.delete(zone);
    return undefined;
  }
  const serial = Number(soa.data.split(' ')[2]);
  known.set(zone, { serial });
  return before !== undefined && isNewer(before.serial, serial)
    ? `${zone} went from ${before.serial} back to ${serial}`
    : undefined;
}
