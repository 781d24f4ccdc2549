import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './addresses.ts';
import { type DnsEye, withEye } from './dns.ts';

/** What each zone's SOA serial must be; undefined: any will do. */
export type Wanted = ReadonlyMap<string, number | undefined>;

export interface SweepOptions {
  /** Default 120,000 ms. */
  readonly withinMs?: number;
  /** Pause after a batch in which nothing was right, default 10 ms: how exact a measured time is. */
  readonly everyMs?: number;
}

const largestBatch = 64;
// Milliseconds for one question.
const shortest = 20;
const longest = 320;

/**
 * Waits until a server has given the right answer about each item. Cheap enough to run beside what it measures: what
 * was right is not asked again, and batches grow only while the answers are right.
 */
export async function untilAll<T>(
  place: Place,
  items: Iterable<T>,
  isRight: (eye: DnsEye, item: T, timeoutMs: number) => Promise<boolean>,
  { withinMs = 120_000, everyMs = 10 }: SweepOptions = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  await withEye(place, async (eye) => {
    let open = [...items];
    // A question that a starting server lost must not cost more time than it has to; a busy one gets longer.
    let timeoutMs = shortest;
    for (let batch = 4; open.length > 0; ) {
      const asked = open.slice(0, batch);
      const start = performance.now();
      const right = await Promise.all(asked.map((item) => isRight(eye, item, timeoutMs)));
      const wrong = asked.filter((_, index) => right[index] !== true);
      // To the end of the line, so that one late item does not hide the others.
      open = [...open.slice(batch), ...wrong];
      const stuck = wrong.length === asked.length;
      batch = stuck ? 4 : Math.min(largestBatch, batch * 2);
      const ranOut = stuck && performance.now() - start >= timeoutMs;
      timeoutMs = ranOut ? Math.min(longest, timeoutMs * 2) : shortest;
      if (!stuck) continue;
      if (performance.now() > deadline) throw late(place, open, withinMs);
      await sleep(everyMs);
    }
  });
}

/** Waits until a server answers each zone's SOA with its wanted serial. */
export async function untilServed(
  place: Place,
  wanted: Wanted,
  options?: SweepOptions,
): Promise<void> {
  const isRight = async (
    eye: DnsEye,
    [zone, serial]: [string, number | undefined],
    timeoutMs: number,
  ): Promise<boolean> => {
    const served = await eye.serial(zone, timeoutMs);
    return served !== undefined && (serial === undefined || served === serial);
  };
  await untilAll(place, wanted, isRight, options);
}

/** Waits until a server answers each name's A record with the wanted address, and no other. */
export async function untilAnswered(
  place: Place,
  wanted: ReadonlyMap<string, string>,
  options?: SweepOptions,
): Promise<void> {
  const isRight = async (eye: DnsEye, [name, address]: [string, string], timeoutMs: number) =>
    (await eye.data(name, 'A', timeoutMs))?.join() === address;
  await untilAll(place, wanted, isRight, options);
}

/** One SOA of each zone; undefined where there is no authoritative answer. */
export async function serialsAt(
  place: Place,
  zones: readonly string[],
): Promise<Map<string, number | undefined>> {
  return withEye(place, async (eye) => {
    const serials = new Map<string, number | undefined>();
    for (let start = 0; start < zones.length; start += largestBatch) {
      await Promise.all(
        zones.slice(start, start + largestBatch).map(async (zone) => {
          serials.set(zone, (await eye.serial(zone)) ?? (await eye.serial(zone)));
        }),
      );
    }
    return serials;
  });
}

function late({ address, dnsPort }: Place, open: readonly unknown[], withinMs: number): Error {
  return new Error(
    `after ${withinMs / 1000} s ${address}:${dnsPort} does not answer as wanted for ${open.length} ` +
      `items, for one ${JSON.stringify(open[0])}`,
  );
}
