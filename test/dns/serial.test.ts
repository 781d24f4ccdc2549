import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dateSerial, isNewer, newest, nextSerial } from '../../agent/dns/serial.ts';

const max = 4_294_967_295;
const serial = () => fc.integer({ min: 0, max });

describe('serials', () => {
  test('go on past their wrap', () => {
    expect(isNewer(0, max)).toBe(true);
    expect(isNewer(max, 0)).toBe(false);
    expect(isNewer(5, 4_294_967_290)).toBe(true);
  });

  test('are not newer at a distance of exactly 2^31, nor than themselves', () => {
    expect(isNewer(2_147_483_648, 0)).toBe(false);
    expect(isNewer(0, 2_147_483_648)).toBe(false);
    expect(isNewer(7, 7)).toBe(false);
    expect(isNewer(2_147_483_647, 0)).toBe(true);
  });

  test('are never both newer than the other', () => {
    fc.assert(fc.property(serial(), serial(), (a, b) => !(isNewer(a, b) && isNewer(b, a))));
  });

  test('skip 0 when they wrap', () => {
    expect(nextSerial({ prior: max })).toBe(1);
    expect(nextSerial({ prior: max - 1 })).toBe(max);
    expect(nextSerial({ prior: 0 })).toBe(1);
  });

  test('start at the floor, at the date, or at 1', () => {
    expect(nextSerial({})).toBe(1);
    expect(nextSerial({ floor: 0 })).toBe(1);
    expect(nextSerial({ floor: 77 })).toBe(77);
    expect(nextSerial({ date: 2_026_112_100 })).toBe(2_026_112_100);
    expect(nextSerial({ floor: 2_030_010_100, date: 2_026_112_100 })).toBe(2_030_010_100);
    expect(nextSerial({ floor: max })).toBe(max);
  });

  test('take the floor only where it is ahead', () => {
    expect(nextSerial({ prior: 10, floor: 5 })).toBe(11);
    expect(nextSerial({ prior: 10, floor: 50 })).toBe(50);
    // Ahead by more than 2^31 is behind.
    expect(nextSerial({ prior: 10, floor: max })).toBe(11);
    expect(nextSerial({ prior: 2_026_112_104, date: 2_026_112_100 })).toBe(2_026_112_105);
    expect(nextSerial({ prior: 2_026_112_104, date: 2_026_112_200 })).toBe(2_026_112_200);
  });

  test('always move forward and are never 0', () => {
    fc.assert(
      fc.property(serial(), fc.option(serial(), { nil: undefined }), (prior, floor) => {
        const next = nextSerial({ prior, floor });
        return next !== 0 && next <= max && isNewer(next, prior);
      }),
    );
  });

  test('have a newest one among those that are known', () => {
    expect(newest()).toBeUndefined();
    expect(newest(undefined, undefined)).toBeUndefined();
    expect(newest(3, undefined, 9, 4)).toBe(9);
    expect(newest(max, 2, max - 5)).toBe(2);
  });

  test('carry the day of UTC in the date style', () => {
    expect(dateSerial(Date.UTC(2026, 10, 21, 23, 59, 59))).toBe(2_026_112_100);
    expect(dateSerial(Date.UTC(2027, 0, 1))).toBe(2_027_010_100);
  });
});
