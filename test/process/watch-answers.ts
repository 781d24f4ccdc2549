import { setTimeout as sleep } from 'node:timers/promises';
import { DnsEye } from '../rig/dns.ts';
import { rrTypes } from '../rig/dns-wire.ts';
import type { Pod } from '../rig/pod.ts';

/** What was not the wanted answer. */
export interface Wrong {
  /** What was answered instead, each with its pod; SERVFAIL left out. */
  readonly answers: readonly string[];
  readonly servfails: number;
}

/**
 * Asks pods for a name's address every 5 ms, until `wrong()` is called: that tells each answer which was not the
 * wanted one. (A question that nobody answered is none: on a busy machine one may be lost.)
 */
export function watchAnswers(
  pods: Iterable<Pod>,
  name: string,
  wanted: readonly string[],
): { wrong(): Promise<Wrong> } {
  const stop = new AbortController();
  const answers: string[] = [];
  let servfails = 0;
  const watching = [...pods].map(async (pod) => {
    const eye = new DnsEye(pod.place);
    while (!stop.signal.aborted) {
      const answer = await eye.ask(name, 'A');
      const data = answer?.records.filter(({ type }) => type === rrTypes.A).map(({ data }) => data);
      if (answer?.rcode === 2) servfails += 1;
      else if (answer !== undefined && String(data) !== String(wanted))
        answers.push(
          `${pod.name}: ${answer.rcode === 5 ? 'REFUSED' : `rcode ${answer.rcode}`}, ${data}`,
        );
      await sleep(5);
    }
    eye.close();
  });
  return {
    async wrong() {
      stop.abort();
      await Promise.all(watching);
      return { answers, servfails };
    },
  };
}
