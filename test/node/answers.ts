import { setTimeout as sleep } from 'node:timers/promises';
import { DnsEye } from '../rig/dns.ts';
import { placeOf } from './service-load.ts';

/** What a server said from its first word on, each answer once, in order. */
export interface Answers {
  /** `192.0.2.1 serial 7`, or what an empty or an older zone would make of it: `NXDOMAIN serial 1`. */
  readonly said: readonly string[];
  /** Of the first, by performance.now(). */
  readonly firstAt: number | undefined;
  stop(): Promise<void>;
}

const NXDOMAIN = 3;

/** Asks the server for the name and the zone's serial some 40 times a second, until it is stopped. */
export function hear(ip: string, zone: string, name: string, port?: number): Answers {
  const eye = new DnsEye(placeOf(ip, port));
  const said: string[] = [];
  let firstAt: number | undefined;
  let ended = false;
  const ask = async (): Promise<void> => {
    const [answer, serial] = await Promise.all([eye.ask(name, 'A', 300), eye.serial(zone, 300)]);
    // Who says that he does not know (SERVFAIL, REFUSED) has not spoken of the zone.
    if (answer === undefined || serial === undefined) return;
    if (answer.rcode !== 0 && answer.rcode !== NXDOMAIN) return;
    const data = answer.records.map((record) => record.data).join(' ');
    const heard = `${answer.rcode === NXDOMAIN ? 'NXDOMAIN' : data} serial ${serial}`;
    firstAt ??= performance.now();
    if (said.at(-1) !== heard) said.push(heard);
  };
  const following = (async () => {
    while (!ended) {
      await ask();
      await sleep(20);
    }
  })();
  return {
    said,
    get firstAt() {
      return firstAt;
    },
    stop: async () => {
      ended = true;
      await following;
      eye.close();
    },
  };
}
