import { expect, test } from 'vitest';
import { AwaitedZones, awaited } from '../../agent/report/awaited.ts';
import type { TransferState } from '../../agent/report/zone-report.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { report, transfer } from './reports.ts';

const told = report([transfer('primary-0'), transfer('secondary-0')]);
const states = (...of: readonly (readonly [string, TransferState | undefined])[]) => new Map(of);
const primary = ['primary-0', 'Current'] as const;

test('a zone whose pods all have what is told, or what is new as well, is looked at', () => {
  expect(awaited(states(primary, ['secondary-0', 'Current']), told)).toBeUndefined();
  const more = states(primary, ['secondary-0', 'Current'], ['secondary-1', 'Current']);
  expect(awaited(more, told)).toBeUndefined();
});

test('a copy that is on its way, or of a pod that has not said anything yet, is waited for', () => {
  for (const state of ['Pending', 'Transferring', 'Lagging', undefined] as const)
    expect(awaited(states(primary, ['secondary-0', state]), told)).toBe('arriving');
});

test('a zone of which nothing was told yet is waited for until all of its pods have it', () => {
  expect(awaited(states(primary, ['secondary-0', 'Transferring']), undefined)).toBe('arriving');
  expect(awaited(states(primary, ['secondary-0', 'Current']), undefined)).toBeUndefined();
  expect(awaited(states(), undefined)).toBeUndefined();
});

test('a pod that has left is waited for, mostly it has a successor; one that has come instead is told', () => {
  expect(awaited(states(primary), told)).toBe('leaving');
  expect(awaited(states(primary, ['secondary-1', 'Pending']), told)).toBe('arriving');
  expect(awaited(states(primary, ['secondary-1', 'Current']), told)).toBeUndefined();
});

test('what fails is waited for by nobody, whatever else is on its way', () => {
  for (const state of ['Failing', 'Expired'] as const) {
    expect(awaited(states(primary, ['secondary-0', state]), told)).toBeUndefined();
    const both = states(primary, ['secondary-0', state], ['secondary-1', 'Pending']);
    expect(awaited(both, told)).toBeUndefined();
  }
});

test('what is waited for anew is waited for anew, but a zone never longer than 40 s', () => {
  const zones = new AwaitedZones();
  const zone = objectKey('dns', 'a');
  const leaving = zones.until(zone, 'leaving', 1000, 0);
  expect(leaving).toBeGreaterThan(1000 + 9000);
  expect(zones.until(zone, 'leaving', 5000, 0)).toBe(leaving);
  expect(zones.until(zone, 'arriving', 7000, 0)).toBeGreaterThan(7000 + 1000);
  expect(zones.until(zone, 'arriving', 40_500, 100_000)).toBe(41_000);
  expect(zones.take(zone)).toEqual({ urgency: 'arriving', since: 1000, urgentSince: 7000 });
  expect(zones.take(zone)).toBeUndefined();
  expect(zones.size).toBe(0);
  expect(zones.until(zone, 'arriving', 50_000, 0)).toBeLessThan(52_000);
});

test('the more zones wait, the longer each does', () => {
  const alone = new AwaitedZones().until(objectKey('dns', 'a'), 'arriving', 0, 0);
  const zones = new AwaitedZones();
  for (let n = 0; n < 1000; n += 1) zones.until(objectKey('dns', `zone-${n}`), 'leaving', 0, 0);
  expect(zones.until(objectKey('dns', 'a'), 'arriving', 0, 500)).toBeGreaterThan(alone + 15_000);
});
