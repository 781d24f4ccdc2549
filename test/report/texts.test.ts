import { expect, test } from 'vitest';
import { Texts } from '../../agent/texts.ts';

test('equal values are one, and stay equal, also after more than are remembered', () => {
  const texts = new Texts();
  const make = (n: number) => ({ type: 'Ready', message: `zone ${n}`, tags: ['a', { n }] });
  const first = texts.shareWhole(make(1));
  expect(texts.shareWhole(make(1))).toBe(first);
  for (let n = 0; n < 10_000; n += 1) expect(texts.shareWhole(make(n))).toEqual(make(n));
  for (let n = 0; n < 10_000; n += 1) expect(texts.share(`text ${n}`)).toBe(`text ${n}`);
});

test('a text that was cut out of another does not keep that one', () => {
  const texts = new Texts();
  const line = 'transfer of a zone from 192.0.2.1, port 53, and 漢字';
  expect(texts.share(line.slice(24, 40))).toBe(line.slice(24, 40));
  expect(texts.share(line.slice(24))).toBe(line.slice(24));
});

test('texts of a value are shared in place, times among themselves', () => {
  const texts = new Texts();
  const value = { at: '2026-11-21T12:00:00Z', list: ['Ready', { reason: 'Ready' }], count: 7 };
  const copy = structuredClone(value);
  expect(texts.shareIn(value)).toBe(value);
  expect(value).toEqual(copy);
});
