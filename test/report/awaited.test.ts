import { expect, test } from 'vitest';
import { AwaitedZones, awaited, type SaidCopy } from '../../agent/report/awaited.ts';
import type { TransferState } from '../../agent/report/zone-report.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { report, transfer } from './reports.ts';

const told = report([transfer('primary-0'), transfer('secondary-0')]);
const states = (
  ...of: readonly (readonly [string, TransferState | 'unheard' | undefined, number?])[]
): SaidCopy[] =>
  of.map(([pod, state, serial = 7]) => {
    const said = state === undefined || state === 'unheard' ? state : { state, serial };
    return { pod, ip: transfer(pod).ip, copy: said };
  });
const primary = ['primary-0', 'Current'] as const;

test('a zone whose pods all have what is told, or what is new as well, is looked at', () => {
  expect(awaited(states(primary, ['secondary-0', 'Current']), told)).toBeUndefined();
  const more = states(primary, ['secondary-0', 'Current'], ['secondary-1', 'Current']);
  expect(awaited(more, told)).toBeUndefined();
});

test('a copy that is on its way, or of a pod that has not said anything yet, is waited for', () => {
  for (const state of ['Pending', 'Transferring', 'Lagging', undefined] as const)
    expect(awaited(states(primary, ['secondary-0', state]), told)).toBe('passing');
  const come = states(primary, ['secondary-0', 'Current'], ['secondary-1', 'Pending']);
  expect(awaited(come, told)).toBe('arriving');
});

test('pods that say that they are current with different serials are waited for until they agree', () => {
  const newer = ['primary-0', 'Current', 8] as const;
  expect(awaited(states(newer, ['secondary-0', 'Current', 7]), told)).toBe('passing');
  expect(awaited(states(newer, ['secondary-0', 'Current', 8]), told)).toBeUndefined();
});

test('a pod with another address is another one', () => {
  const moved = { pod: 'secondary-0', ip: '10.244.0.9' };
  expect(awaited([...states(primary), { ...moved, copy: undefined }], told)).toBe('arriving');
  const come = { ...moved, copy: { state: 'Current', serial: 7 } } as const;
  expect(awaited([...states(primary), come], told)).toBeUndefined();
});

test('a pod that does not answer is there, and nobody waits for its word', () => {
  expect(awaited(states(primary, ['secondary-0', 'unheard']), told)).toBeUndefined();
  const newer = states(['primary-0', 'Current', 8], ['secondary-0', 'unheard']);
  expect(awaited(newer, told)).toBeUndefined();
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

test('what is waited for otherwise is waited for anew; since when at all stays', () => {
  const zones = new AwaitedZones();
  const zone = objectKey('dns', 'a');
  zones.wait(zone, 'leaving', 1000);
  zones.wait(zone, 'leaving', 5000);
  zones.wait(zone, 'arriving', 7000);
  const waited = { urgency: 'arriving', since: 1000, urgentSince: 7000 };
  expect(zones.wait(zone, 'arriving', 40_500)).toEqual(waited);
  expect(zones.size).toBe(1);
  expect(zones.take(zone)).toEqual(waited);
  expect(zones.take(zone)).toBeUndefined();
  expect(zones.size).toBe(0);
  expect(zones.wait(zone, 'arriving', 50_000)).toMatchObject({ since: 50_000 });
});
