import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from './addresses.ts';
import { type DnsEye, withEye } from './dns.ts';

/** What each zone's SOA serial must be; undefined: any will do. */
export type Wanted = ReadonlyMap<string, number | undefined>;

const largestBatch = 64;

/**
 * Waits until a server answers each zone's SOA with its wanted serial. Cheap enough to run beside what it measures: a
 * zone that was right is not asked again, and batches grow only while the answers are right.
 */
export async function untilServed(
  place: Place,
  wanted: Wanted,
  { withinMs = 120_000 }: { readonly withinMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  await withEye(place, async (eye) => {
    const open = new Map(wanted);
    for (let batch = 4; open.size > 0; ) {
      const right = await askBatch(eye, open, batch);
      batch = right === 0 ? 4 : Math.min(largestBatch, batch * 2);
      if (right === 0 && performance.now() > deadline) throw await late(eye, place, open, withinMs);
      if (right === 0) await sleep(10);
    }
  });
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

/** Asks the first so many zones, takes those that are right out, and returns their number. */
async function askBatch(
  eye: DnsEye,
  open: Map<string, number | undefined>,
  batch: number,
): Promise<number> {
  const asked = [...open].slice(0, batch);
  const right = await Promise.all(
    asked.map(async ([zone, serial]) => {
      const served = await eye.serial(zone, 250);
      if (served === undefined || (serial !== undefined && served !== serial)) {
        // To the end of the line, so that one late zone does not hide the others.
        open.delete(zone);
        open.set(zone, serial);
        return false;
      }
      return open.delete(zone);
    }),
  );
  return right.filter(Boolean).length;
}

async function late(
  eye: DnsEye,
  { address, dnsPort }: Place,
  open: Wanted,
  withinMs: number,
): Promise<Error> {
  const [zone, serial] = [...open][0] ?? ['', undefined];
  const seen = await eye.serial(zone);
  return new Error(
    `after ${withinMs / 1000} s ${address}:${dnsPort} does not serve ${open.size} zones as wanted, ` +
      `for one ${zone}: wanted serial ${serial ?? 'any'}, got ${seen ?? 'no authoritative answer'}`,
  );
}
