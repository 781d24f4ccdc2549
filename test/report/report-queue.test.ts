import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Clock } from '../../agent/clock.ts';
import { ReportQueue } from '../../agent/report/report-queue.ts';
import type { Urgency } from '../../agent/report/urgency.ts';
import { type ObjectKey, objectKey } from '../../agent/resources/types.ts';
import { report, transfer } from './reports.ts';

/** By the timers of the test. */
const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => resolve());
    }),
};

let written: { readonly zone: ObjectKey; readonly at: number; readonly serial: unknown }[];
let outcome: 'written' | 'conflict' | 'failed';
let latency: number;
let atOnce: number;
let most: number;
let end: AbortController;
let queue: ReportQueue;

beforeEach(() => {
  vi.useFakeTimers();
  written = [];
  outcome = 'written';
  latency = 10;
  atOnce = 0;
  most = 0;
  end = new AbortController();
  const startedAt = performance.now();
  queue = new ReportQueue({
    clock,
    random: () => 0.5,
    write: async (zone, { serial }) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      await clock.sleep(latency);
      atOnce -= 1;
      written.push({ zone, at: performance.now() - startedAt, serial });
      return outcome;
    },
  });
  void queue.run(end.signal);
});
afterEach(async () => {
  end.abort();
  await vi.runAllTimersAsync();
  vi.useRealTimers();
});

const zone = (n: number): ObjectKey => objectKey('default', `zone-${n}`);
const put = (n: number, urgency: Urgency, serial = 1): void =>
  queue.put(zone(n), report([transfer('primary-0')], { serial }), urgency);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const zones = (): string[] => written.map((each) => each.zone);

test('what is settled is written at once, what is about to change after a while', async () => {
  put(1, 'passing');
  put(2, 'settled');
  await pass(100);
  expect(zones()).toEqual([zone(2)]);
  await pass(5000);
  expect(zones()).toEqual([zone(2), zone(1)]);
});

test('what has settled in the meantime is written once, as it is then', async () => {
  put(1, 'passing', 1);
  await pass(1000);
  put(1, 'settled', 2);
  await pass(10_000);
  expect(written.map(({ serial }) => serial)).toEqual([2]);
});

test('what never settles is written all the same', async () => {
  for (let n = 0; n < 100; n++) {
    put(1, 'passing', n);
    await pass(100);
  }
  expect(written.length).toBeGreaterThan(0);
});

test('what is put back as it was is not written', async () => {
  put(1, 'passing');
  await pass(1000);
  queue.drop(zone(1));
  await pass(30_000);
  expect(written).toEqual([]);
});

test('what is about to be written is known until it is, and what waits besides', async () => {
  expect(queue.latest(zone(1))).toBeUndefined();
  put(1, 'settled', 1);
  await pass(5);
  expect(queue.writing(zone(1))?.serial).toBe(1);
  put(1, 'settled', 2);
  expect(queue.latest(zone(1))?.serial).toBe(2);
  await pass(20);
  expect(queue.writing(zone(1))).toBeUndefined();
  await pass(2000);
  expect(queue.latest(zone(1))).toBeUndefined();
});

test('a pod that left is told later than one that came, and that sooner than what passes', async () => {
  put(1, 'leaving');
  put(2, 'passing');
  put(3, 'arriving');
  await pass(30_000);
  expect(zones()).toEqual([zone(3), zone(2), zone(1)]);
  expect(written[0]?.at).toBeLessThan(2000);
  expect(written[2]?.at).toBeGreaterThan(10_000);
});

test('a zone that changes all the time is written once a second; one that turns bad at once', async () => {
  for (let n = 0; n < 30; n++) {
    put(1, 'settled', n);
    await pass(100);
  }
  expect(written.length).toBeGreaterThan(2);
  expect(written.length).toBeLessThan(5);
  await pass(20);
  put(1, 'failing', 99);
  await pass(20);
  expect(written.at(-1)?.serial).toBe(99);
});

test('of ten thousand zones the failing ones come first, at 150 a second and eight at once', async () => {
  for (let n = 0; n < 10_000; n++) put(n, n % 10 === 9 ? 'failing' : 'settled');
  await pass(1000);
  expect(written.length).toBeGreaterThan(120);
  expect(written.length).toBeLessThan(181);
  expect(written.every((each) => each.zone.endsWith('9'))).toBe(true);
  expect(most).toBe(8);
  await pass(67_000);
  expect(new Set(zones()).size).toBe(10_000);
  expect(written).toHaveLength(10_000);
});

test('what passes waits for longer where much is waiting, since it cannot be told at once', async () => {
  for (let n = 0; n < 3000; n++) put(n, 'passing');
  await pass(10_000);
  expect(written).toEqual([]);
  for (let n = 0; n < 3000; n++) put(n, 'settled');
  await pass(30_000);
  expect(written).toHaveLength(3000);
});

test('a zone that cannot be written is tried again, less and less often, and holds up no other', async () => {
  outcome = 'failed';
  put(1, 'failing');
  await pass(20_000);
  const tries = written.length;
  expect(tries).toBeGreaterThan(3);
  expect(tries).toBeLessThan(8);
  outcome = 'written';
  put(2, 'settled');
  await pass(20);
  expect(written.at(-1)?.zone).toBe(zone(2));
  await pass(70_000);
  expect(written.at(-1)?.zone).toBe(zone(1));
});

test('while nothing can be written it is tried ever less often, and soon again once it can', async () => {
  outcome = 'failed';
  for (let n = 0; n < 1000; n++) put(n, 'settled');
  await pass(60_000);
  expect(written.length).toBeLessThan(150);
  outcome = 'written';
  const before = written.length;
  await pass(25_000);
  expect(new Set(written.slice(before).map((each) => each.zone)).size).toBe(1000);
});

test('a zone waits for something better the longer the more zones do, but never longer than 40 s', () => {
  const waited = { urgency: 'arriving', since: 1000, urgentSince: 7000 } as const;
  const alone = queue.waitsUntil(waited, 0);
  expect(alone).toBeGreaterThan(7000 + 1000);
  expect(queue.waitsUntil(waited, 1000)).toBe(alone + 15_000);
  expect(queue.waitsUntil(waited, 100_000)).toBe(41_000);
});

test('and the longer the slower writes are answered', async () => {
  const waited = { urgency: 'passing', since: 0, urgentSince: 0 } as const;
  const before = queue.waitsUntil(waited, 100);
  latency = 400;
  for (let n = 0; n < 100; n += 1) put(n, 'settled');
  await pass(30_000);
  expect(queue.waitsUntil(waited, 100) - before).toBeGreaterThan(100 * (400 / 8 - 15) * 0.9);
});

test('but not for what a server that was away was waited for', async () => {
  const waited = { urgency: 'passing', since: 0, urgentSince: 0 } as const;
  const before = queue.waitsUntil(waited, 100);
  latency = 8000;
  outcome = 'failed';
  for (let n = 0; n < 100; n += 1) put(n, 'settled');
  await pass(60_000);
  expect(written.length).toBeGreaterThan(8);
  expect(queue.waitsUntil(waited, 100)).toBe(before);
});
