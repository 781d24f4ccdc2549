import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Schedule } from '../../agent/schedule.ts';

const name = fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
const steps = fc.array(
  fc.oneof(
    fc.record({ what: fc.constant('put' as const), key: name, at: fc.nat(20) }),
    fc.record({ what: fc.constant('delete' as const), key: name, at: fc.constant(0) }),
    fc.record({ what: fc.constant('take' as const), key: name, at: fc.nat(20) }),
  ),
  { maxLength: 60, size: 'max' },
);

/** Takes out what is due of a plain list. */
function takeFrom(times: Map<string, number>, now: number): Map<string, number> {
  const due = new Map([...times].filter(([, at]) => at <= now));
  for (const key of due.keys()) times.delete(key);
  return due;
}

test('gives out what is due, the earliest first, as a list that is sorted each time would', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const schedule = new Schedule<string>();
      const times = new Map<string, number>();
      for (const { what, key, at } of all) {
        if (what === 'put') {
          schedule.put(key, at);
          times.set(key, Math.min(at, times.get(key) ?? at));
        } else if (what === 'delete') {
          schedule.delete(key);
          times.delete(key);
        } else {
          const due = takeFrom(times, at);
          const taken = [...schedule.take(at)];
          expect(new Set(taken)).toEqual(new Set(due.keys()));
          const order = taken.map((each) => due.get(each) ?? Number.NaN);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
        expect(schedule.next).toBe(times.size === 0 ? undefined : Math.min(...times.values()));
      }
    }),
    { numRuns: 300 },
  );
});

test('keys that are put off again and again leave nothing behind', () => {
  const schedule = new Schedule<number>();
  for (let round = 0; round < 50; round += 1) {
    for (let key = 0; key < 100; key += 1) {
      schedule.put(key, 1000 + round);
      schedule.put(key, round);
    }
    expect([...schedule.take(round)]).toHaveLength(100);
  }
  expect(schedule.next).toBeUndefined();
});
