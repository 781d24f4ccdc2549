import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ChangingMap, differing, LayeredMap } from '../../agent/layered-map.ts';

type Value = { readonly of: number };

const key = fc.nat(400);
/** What changes from one map to the next: some keys get another value, or lose theirs. */
const steps = fc.array(
  fc.uniqueArray(fc.tuple(key, fc.option(fc.nat(3), { nil: undefined })), {
    selector: ([each]) => each,
    maxLength: 200,
    size: 'max',
  }),
  { maxLength: 6 },
);

const value = (of: number | undefined): Value | undefined =>
  of === undefined ? undefined : { of };

/** The same for a map that is copied whole. */
function changed(
  map: ReadonlyMap<number, Value>,
  changes: ReadonlyMap<number, Value | undefined>,
): ReadonlyMap<number, Value> {
  const gone = [...changes].filter(([, now]) => now === undefined).map(([each]) => each);
  const left = [...map].filter(([each]) => !changes.has(each));
  const come = [...changes].filter(([each]) => !gone.includes(each));
  return new Map([...left, ...come] as [number, Value][]);
}

test('holds what a map of its own would, and so does each one it was made from', () => {
  fc.assert(
    fc.property(fc.array(key), steps, (first, changes) => {
      let map = LayeredMap.of(first.map((each) => [each, { of: each }] as const));
      let model: ReadonlyMap<number, Value> = new Map(map);
      const made = [{ map, model }];
      for (const change of changes) {
        const now = new Map(change.map(([each, of]) => [each, value(of)]));
        map = map.with(now);
        model = changed(model, now);
        made.push({ map, model });
      }
      for (const each of made) {
        expect(each.map.size).toBe(each.model.size);
        expect(new Map(each.map.entries())).toEqual(each.model);
        expect(new Set(each.map.keys())).toEqual(new Set(each.model.keys()));
        expect([...each.map.keys()]).toHaveLength(each.model.size);
        const values = [...each.map.values()];
        expect(values).toHaveLength(each.model.size);
        const known = new Set(each.model.values());
        expect(values.filter((its) => !known.has(its))).toEqual([]);
        for (const [one, its] of each.model) expect(each.map.get(one)).toBe(its);
        expect(each.map.has(401)).toBe(false);
      }
      for (const a of made)
        for (const b of made)
          expect(new Set(differing(a.map, b.map))).toEqual(new Set(differing(a.model, b.model)));
    }),
    { numRuns: 50 },
  );
});

test('a map that changes gives itself as it is, and what it has given stays so', () => {
  const map = new ChangingMap<string, Value>([['a', { of: 1 }]]);
  const before = map.now;
  expect(map.now).toBe(before);
  map.set('b', { of: 2 });
  map.set('a', undefined);
  expect([map.get('a'), map.get('b')]).toEqual([undefined, { of: 2 }]);
  expect(new Map(map.now)).toEqual(new Map([['b', { of: 2 }]]));
  expect(new Map(before)).toEqual(new Map([['a', { of: 1 }]]));
  map.set('b', undefined);
  expect(map.now.size).toBe(0);
});

test('plain maps differ in the keys that only one has, and in those with another value', () => {
  const [same, before, now] = [{ of: 1 }, { of: 2 }, { of: 2 }];
  const a = new Map([
    ['same', same],
    ['changed', before],
    ['gone', before],
  ]);
  const b = new Map([
    ['same', same],
    ['changed', now],
    ['come', now],
  ]);
  expect(new Set(differing(a, b))).toEqual(new Set(['changed', 'come', 'gone']));
  expect(differing(a, a)).toEqual([]);
});

test('of thousands of entries, a change copies few', () => {
  const many = Array.from({ length: 50_000 }, (_, at) => [at, { of: at }] as const);
  let map = LayeredMap.of(many);
  const plain = timed(() => new Map(many));
  const layered = timed(() => {
    for (let at = 0; at < 100; at += 1) map = map.with(new Map([[at, { of: -1 }]]));
  });
  expect(map.get(99)).toEqual({ of: -1 });
  // A hundred changes take less than a hundred copies would by far.
  expect(layered).toBeLessThan(plain * 20);
});

function timed(work: () => unknown): number {
  const runs = [1, 2, 3].map(() => {
    const start = performance.now();
    work();
    return performance.now() - start;
  });
  return Math.min(...runs);
}
