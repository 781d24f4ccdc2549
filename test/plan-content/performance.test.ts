import { describe, expect, test } from 'vitest';
import { recordsOf, renderZone, zoneContentOf } from '../../agent/dns/zone-text.ts';
import { zoneContent } from '../../agent/plan/content.ts';
import { indexRecords, type RecordIndex } from '../../agent/plan/record-index.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { limits, plainZone, record, zoneObject } from './objects.ts';

/** Milliseconds of processor time, the best of several: other work on the machine is not counted. */
function best(times: number, work: (i: number) => void): number {
  const took = Array.from({ length: times }, (_, i) => {
    const start = process.threadCpuUsage();
    work(i);
    const { user, system } = process.threadCpuUsage(start);
    return (user + system) / 1000;
  });
  return Math.min(...took);
}

describe('10,000 zones and 20,000 records', () => {
  const zones = new Map(
    Array.from({ length: 10_000 }, (_, i) => {
      const recordsFrom = [{ selector: { matchLabels: { zone: `z${i}` } } }];
      const zone = zoneObject(
        { zoneName: `z${i}.example.com`, ...(i % 3 === 2 && { recordsFrom }) },
        `z${i}`,
      );
      return [zone.key, zone] as const;
    }),
  );
  const address = (name: string, place: { zone?: string; zoneRef?: string }, labels = {}) =>
    record('ARecord', name, { name: 'www', addresses: ['192.0.2.1'], ...place }, { labels });
  const records = new Map(
    Array.from({ length: 20_000 }, (_, i) => {
      const zone = `z${i % 10_000}`;
      const made = [
        address(`r${i}`, { zoneRef: zone }),
        address(`r${i}`, { zone: `${zone}.example.com` }),
        address(`r${i}`, {}, { zone, app: 'web' }),
      ][(i % 10_000) % 3];
      if (made === undefined) throw new Error('unreachable');
      return [made.key, made] as const;
    }),
  );

  test('are indexed again within 30 ms after a change of a record, or of a zone', () => {
    let index: RecordIndex = indexRecords(zones, records);
    const kept = index.get(objectKey('dns', 'z5'));
    expect(kept).toHaveLength(2);
    const worlds = Array.from({ length: 8 }, (_, i) => {
      const added = address(`added${i}`, { zoneRef: 'z0' });
      const zone = zoneObject({ zoneName: `added${i}.example.com` }, `added${i}`);
      return {
        records: new Map(records).set(added.key, added),
        zones: new Map(zones).set(zone.key, zone),
      };
    });
    const byRecord = best(8, (i) => {
      index = indexRecords(zones, worlds[i]?.records ?? records, index);
    });
    expect(index.get(objectKey('dns', 'z0'))).toHaveLength(3);
    const byZone = best(8, (i) => {
      index = indexRecords(worlds[i]?.zones ?? zones, records, index);
    });
    expect(index.get(objectKey('dns', 'z5'))).toBe(kept);
    console.log(`re-index: record ${byRecord.toFixed(1)} ms, zone ${byZone.toFixed(1)} ms`);
    expect(byRecord).toBeLessThan(30);
    expect(byZone).toBeLessThan(30);
  });
});

describe('a zone of 100,000 records', () => {
  const many = Array.from({ length: 100_000 }, (_, i) =>
    record('ARecord', `h${i}`, {
      name: `host${i}.sub${i % 100}`,
      addresses: [`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`],
    }),
  );

  test('goes from resources to content within a second, to text and hash within half of one', () => {
    const zone = plainZone();
    const result = zoneContent(zone, many, { get: () => undefined }, limits);
    if (result.kind !== 'content') throw new Error(result.kind);
    const { content } = result;
    expect(content.records).toBe(100_001);
    const whole = best(3, () => zoneContent(zone, many, { get: () => undefined }, limits));
    const text = best(3, () => renderZone(content, 1));
    const read = best(3, () => recordsOf(content));
    const records = recordsOf(content);
    const hash = best(3, () => zoneContentOf(records));
    console.log(
      `100,000 records: content ${whole.toFixed(0)} ms, text ${text.toFixed(0)} ms, read ${read.toFixed(0)} ms, hash ${hash.toFixed(0)} ms`,
    );
    expect(whole).toBeLessThan(1000);
    expect(text + hash).toBeLessThan(500);
  });
});
