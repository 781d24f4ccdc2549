import { expect, test } from 'vitest';
import { median, p95, resultLine } from './figures.ts';

test('the median of an even number of values is the mean of the middle two', () => {
  expect(median([9, 1, 4])).toBe(4);
  expect(median([9, 1, 4, 2])).toBe(3);
  expect(median([])).toBeNull();
});

test('the 95th percentile of few values is the largest', () => {
  expect(p95([3, 1, 2])).toBe(3);
  expect(p95(Array.from({ length: 100 }, (_, index) => index + 1))).toBe(95);
});

test('a line has over and ratio only where there is a baseline', () => {
  const head = { bench: 'create', cluster: 'directory', zones: 10 };
  expect(resultLine(head, { unit: 'ms', values: [10, 20, 30], extras: { records: 10 } })).toEqual({
    ...head,
    runs: 3,
    unit: 'ms',
    value: 20,
    p95: 30,
    baseline: null,
    over: null,
    ratio: null,
    records: 10,
  });
  const compared = resultLine(head, { unit: 'ms', values: [300], baselines: [200] });
  expect(compared).toMatchObject({ value: 300, baseline: 200, over: 100, ratio: 1.5 });
});
