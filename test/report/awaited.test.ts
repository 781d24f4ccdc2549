import { expect, test } from 'vitest';
import { awaited } from '../../agent/report/awaited.ts';
import type { TransferState } from '../../agent/report/zone-report.ts';
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
