import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../rig/addresses.ts';
import { DnsEye } from '../rig/dns.ts';
import type { Answer } from '../rig/dns-wire.ts';
import type { Namespace } from './cluster.ts';

export interface LoadReport {
  readonly asked: number;
  /** Each with the second since the start, the address and what came of it. */
  readonly failed: readonly string[];
  /** Sets of ready addresses, one after the other. */
  readonly addresses: readonly string[];
}

export interface Question {
  readonly name: string;
  /** One of these is right. */
  readonly data: readonly string[];
  /** Of the pods, behind the Service's. Default 53. */
  readonly port?: number;
}

const PERIOD_MS = 5;
/** What a resolver takes for lost. */
const LOST_MS = 2_000;

/**
 * Asks 200 times a second, as clients of a Service do: one of the addresses that its EndpointSlices call ready, each in
 * turn, and each question once. The slices are read 20 times a second; who routes for a Service watches them.
 */
export function startServiceLoad(
  namespace: Namespace,
  service: string,
  { name, data: wanted, port }: Question,
): () => Promise<LoadReport> {
  const eyes = new Map<string, DnsEye>();
  const failed: string[] = [];
  const seen: string[] = [];
  const underWay = new Set<Promise<void>>();
  const began = performance.now();
  let ready: readonly string[] = [];
  let asked = 0;
  let ended = false;

  const eyeOf = (address: string): DnsEye => {
    const eye = eyes.get(address) ?? new DnsEye(placeOf(address, port));
    eyes.set(address, eye);
    return eye;
  };
  const askOne = async (): Promise<void> => {
    const address = ready[asked % ready.length];
    const at = ((performance.now() - began) / 1000).toFixed(2);
    asked += 1;
    if (address === undefined) {
      failed.push(`${at} s: no address is ready`);
      return;
    }
    const answer = await eyeOf(address).ask(name, 'A', LOST_MS);
    const got = answer === undefined ? 'no answer' : told(answer);
    if (!wanted.includes(got)) failed.push(`${at} s: ${address}: ${got}`);
  };
  const follow = async (): Promise<void> => {
    while (!ended) {
      ready = await namespace.readyAddresses(service).catch(() => ready);
      if (seen.at(-1) !== ready.join(' ')) seen.push(ready.join(' '));
      await sleep(50);
    }
  };
  const following = follow();
  let timer: NodeJS.Timeout | undefined;
  const start = setTimeout(() => {
    // Late timers are made up for: it is so many in a second.
    timer = setInterval(() => {
      const due = (performance.now() - began - 1000) / PERIOD_MS;
      for (; asked < due; ) {
        const one = askOne().finally(() => underWay.delete(one));
        underWay.add(one);
      }
    }, PERIOD_MS);
  }, 1000);

  return async () => {
    clearTimeout(start);
    clearInterval(timer);
    await Promise.all(underWay);
    ended = true;
    await following;
    for (const eye of eyes.values()) eye.close();
    return { asked, failed, addresses: seen };
  };
}

/** `192.0.2.1`, or why there is none. */
function told({ rcode, authoritative, truncated, records }: Answer): string {
  if (rcode !== 0 || !authoritative || truncated)
    return `rcode ${rcode}${authoritative ? '' : ', not authoritative'}${truncated ? ', cut short' : ''}`;
  return records.map(({ data }) => data).join(' ');
}

export const placeOf = (address: string, dnsPort = 53): Place => ({ address, dnsPort });
