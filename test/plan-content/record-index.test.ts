import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { indexRecords, type RecordIndex } from '../../agent/plan/record-index.ts';
import { matches } from '../../agent/plan/selector.ts';
import {
  type DNSZone,
  type DNSZoneSpec,
  type DnsRecord,
  objectKey,
} from '../../agent/resources/types.ts';
import { record, zoneObject } from './objects.ts';

const zonesOf = (...zones: DNSZone[]) => new Map(zones.map((zone) => [zone.key, zone]));
const recordsOf = (...records: DnsRecord[]) => new Map(records.map((each) => [each.key, each]));
const key = (name: string) => objectKey('dns', name);

const at = (
  name: string,
  place: { zone?: string; zoneRef?: string },
  labels: Record<string, string> = {},
) => record('ARecord', name, { name, addresses: ['192.0.2.1'], ...place }, { labels });

const names = (index: RecordIndex, zone: string) =>
  index.get(key(zone))?.map(({ metadata }) => metadata.name);

describe('a record belongs to a zone', () => {
  const selecting = (recordsFrom: DNSZoneSpec['recordsFrom']) =>
    zoneObject({ zoneName: 's.example', ...(recordsFrom && { recordsFrom }) }, 's');

  test('by zoneRef, by zone in any spelling, and by labels, each once', () => {
    const zones = zonesOf(
      zoneObject({ zoneName: 'Example.com' }, 'x'),
      selecting([
        { selector: { matchLabels: { app: 'web' } } },
        { selector: { matchExpressions: [{ key: 'tier', operator: 'In', values: ['a', 'b'] }] } },
      ]),
    );
    const index = indexRecords(
      zones,
      recordsOf(
        at('a', { zoneRef: 'x' }),
        at('b', { zone: 'example.COM.' }),
        at('c', { zone: 'example.com', zoneRef: 'x' }),
        at('d', {}, { app: 'web', tier: 'a' }),
        at('e', { zoneRef: 'x' }, { tier: 'b' }),
        at('f', {}, { tier: 'c' }),
        at('g', { zone: 'example.org' }),
        at('h', { zoneRef: 'nowhere' }),
      ),
    );
    expect(names(index, 'x')).toEqual(['a', 'b', 'c', 'e']);
    expect(names(index, 's')).toEqual(['d', 'e']);
  });

  test('of its own namespace only', () => {
    const other = { ...zoneObject({}, 'x'), key: objectKey('other', 'x') };
    const zone = { ...other, metadata: { ...other.metadata, namespace: 'other' } };
    const index = indexRecords(
      zonesOf(zone),
      recordsOf(at('a', { zoneRef: 'x' }), at('b', { zone: 'example.com' })),
    );
    expect(index.get(zone.key)).toBeUndefined();
  });

  test('and to each of two zones of one name', () => {
    const zones = zonesOf(zoneObject({}, 'x'), zoneObject({}, 'y'));
    const index = indexRecords(zones, recordsOf(at('a', { zone: 'example.com' })));
    expect([names(index, 'x'), names(index, 'y')]).toEqual([['a'], ['a']]);
  });
});

describe('a selector', () => {
  test.each([
    [{}, true],
    [{ matchLabels: {} }, true],
    [{ matchLabels: { app: 'web' } }, true],
    [{ matchLabels: { app: 'db' } }, false],
    [{ matchLabels: { app: 'web', none: '' } }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'In', values: ['db', 'web'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'In' }] }, false],
    [{ matchExpressions: [{ key: 'app', operator: 'NotIn', values: ['web'] }] }, false],
    [{ matchExpressions: [{ key: 'none', operator: 'NotIn', values: ['web'] }] }, true],
    [{ matchExpressions: [{ key: 'app', operator: 'Exists' }] }, true],
    [{ matchExpressions: [{ key: 'constructor', operator: 'Exists' }] }, false],
    [{ matchExpressions: [{ key: 'none', operator: 'DoesNotExist' }] }, true],
    [
      { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] },
      false,
    ],
  ] as const)('%j matches {app: web}: %s', (selector, expected) => {
    expect(matches(selector, { app: 'web' })).toBe(expected);
  });
});

describe('an index made from a former one', () => {
  const zone = (i: number) =>
    fc.constantFrom(
      zoneObject({ zoneName: `z${i}.example` }, `z${i}`),
      zoneObject({ zoneName: `z${i + 1}.example` }, `z${i}`),
      zoneObject({ zoneName: `z${i}.example`, ttl: 5 }, `z${i}`),
      zoneObject(
        { zoneName: 'x.example', recordsFrom: [{ selector: { matchLabels: { z: `${i}` } } }] },
        `z${i}`,
      ),
      zoneObject({ zoneName: 'y.example', recordsFrom: [{ selector: {} }] }, `z${i}`),
    );
  // So many that a change of the others is a small one.
  const steady = Array.from({ length: 40 }, (_, i) =>
    zoneObject(
      i % 2 === 0
        ? { zoneName: 'z2.example' }
        : { zoneName: 'x.example', recordsFrom: [{ selector: { matchLabels: { z: '1' } } }] },
      `steady${i}`,
    ),
  );
  const keys = [...[0, 1, 2, 3].map((i) => key(`z${i}`)), ...steady.map((each) => each.key)];
  const one = (i: number) =>
    fc.constantFrom(
      at(`r${i}`, { zoneRef: 'z1' }),
      at(`r${i}`, { zone: 'z2.example', zoneRef: 'z1' }),
      at(`r${i}`, { zone: 'Z1.example.' }, { z: '2' }),
      at(`r${i}`, {}, { z: '1' }),
    );
  const world = fc.record({
    zones: fc
      .tuple(...[0, 1, 2, 3].map((i) => fc.option(zone(i))))
      .map((list) => zonesOf(...steady, ...list.filter((each) => each !== null))),
    records: fc
      .tuple(...[0, 1, 2, 3, 4, 5].map((i) => fc.option(one(i))))
      .map((list) => recordsOf(...list.filter((each) => each !== null))),
  });

  test('is the same as one made afresh, whatever changed in between', () => {
    fc.assert(
      fc.property(fc.array(world, { minLength: 2, maxLength: 5 }), (worlds) => {
        let former: RecordIndex | undefined;
        for (const { zones, records } of worlds) {
          const next = indexRecords(zones, records, former);
          const afresh = indexRecords(zones, records);
          for (const zoneKey of keys) {
            const list = next.get(zoneKey);
            expect(list).toEqual(afresh.get(zoneKey));
            const before = former?.get(zoneKey);
            const same =
              list?.length === before?.length && list?.every((each, at) => each === before?.[at]);
            if (same === true) expect(list).toBe(before);
          }
          former = next;
        }
      }),
      { numRuns: 400 },
    );
  });

  test('is the former one where nothing changed', () => {
    const zones = zonesOf(zoneObject({}, 'x'));
    const records = recordsOf(at('a', { zoneRef: 'x' }));
    const index = indexRecords(zones, records);
    expect(indexRecords(zones, records, index)).toBe(index);
    expect(indexRecords(new Map(zones), new Map(records), index).get(key('x'))).toBe(
      index.get(key('x')),
    );
  });
});
