import type { Place } from '../rig/addresses.ts';
import { DnsEye } from '../rig/dns.ts';
import { p95, rounded } from './figures.ts';

export interface LoadReport {
  readonly queries: number;
  /** Without an answer within a second, or with another than the records asked for. */
  readonly failedQueries: number;
  readonly queryP95Ms: number | null;
  readonly queryMaxMs: number | null;
}

/**
 * Asks servers for `www` of zones that they serve, about 100 times a second in turn, until it is stopped (once
 * or more often). Each question is asked once: what a resolver would ask again counts as failed.
 */
export function startLoad(
  places: readonly Place[],
  zones: readonly string[],
): () => Promise<LoadReport> {
  const eyes = places.map((place) => new DnsEye(place));
  const times: number[] = [];
  const underWay = new Set<Promise<void>>();
  let asked = 0;
  let failed = 0;
  const askOne = async (): Promise<void> => {
    const eye = eyes[asked % eyes.length];
    const zone = zones[(asked * 7919) % zones.length];
    asked += 1;
    const start = performance.now();
    const answer = await eye?.data(`www.${zone}`, 'A', 1000);
    if (answer === undefined || answer.length === 0) failed += 1;
    times.push(performance.now() - start);
  };
  const timer = setInterval(() => {
    const one = askOne().finally(() => underWay.delete(one));
    underWay.add(one);
  }, 10);
  return async () => {
    clearInterval(timer);
    await Promise.all(underWay);
    for (const eye of eyes) eye.close();
    return {
      queries: times.length,
      failedQueries: failed,
      queryP95Ms: rounded(p95(times)),
      queryMaxMs: rounded(times.length === 0 ? null : Math.max(...times)),
    };
  };
}
