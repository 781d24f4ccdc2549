import { expect, test } from 'vitest';
import { urgencyOf } from '../../agent/report/urgency.ts';
import { condition, report, transfer } from './reports.ts';

const primary = transfer('primary-0');
const failing = transfer('secondary-0', { state: 'Failing', reason: 'Refused' });
const secondary = transfer('secondary-0', { method: 'AXFR' });
const before = report([primary, secondary]);

test('a copy that turns bad, or bad for another reason, is told at once', () => {
  expect(urgencyOf(before, report([primary, failing]))).toBe('failing');
  const other = { ...failing, reason: 'BadData' } as const;
  expect(urgencyOf(report([primary, failing]), report([primary, other]))).toBe('failing');
});

test('a copy that stays bad does not hurry what changes beside it', () => {
  const later = report([{ ...primary, serial: 8 }, failing]);
  expect(urgencyOf(report([primary, failing]), later)).toBe('settled');
});

test('a condition that turns wrong is told at once', () => {
  const { transfers } = before;
  const now = (type: 'Ready' | 'Conflict' | 'Diverged', status: 'True' | 'False') =>
    urgencyOf(before, report(transfers, { conditions: [condition(type, status, 'Other')] }));
  expect(now('Ready', 'False')).toBe('failing');
  expect(now('Conflict', 'True')).toBe('failing');
  expect(now('Diverged', 'True')).toBe('failing');
  expect(now('Diverged', 'False')).toBe('settled');
});

test('what is as it will stay is told soon, also when something has recovered', () => {
  expect(urgencyOf(report([primary, failing]), before)).toBe('settled');
  expect(urgencyOf(undefined, before)).toBe('settled');
});

test('a copy that is about to be current is waited for, and that of a pod that has come less long', () => {
  for (const state of ['Pending', 'Transferring', 'Lagging'] as const) {
    expect(urgencyOf(before, report([primary, { ...secondary, state }]))).toBe('passing');
    const moved = { ...secondary, state, ip: '10.244.0.9' };
    expect(urgencyOf(before, report([primary, moved]))).toBe('arriving');
  }
  const unserved = report([transfer('primary-0', { state: 'Pending' })], {
    conditions: [condition('Ready', 'False', 'NotServed')],
  });
  expect(urgencyOf(undefined, unserved)).toBe('arriving');
  const notLoadedYet = { ...failing, reason: 'NotLoaded', pod: 'secondary-1' } as const;
  expect(urgencyOf(before, report([primary, secondary, notLoadedYet]))).toBe('arriving');
});

test('where a copy came from is told a moment after the copy, and both together', () => {
  const { method: _, ...unknown } = secondary;
  expect(urgencyOf(before, report([primary, { ...unknown, serial: 8 }]))).toBe('passing');
  expect(urgencyOf(before, report([primary, { ...unknown, ip: '10.244.0.9' }]))).toBe('arriving');
  expect(urgencyOf(before, report([primary, { ...secondary, from: '10.0.0.9' }]))).toBe('passing');
});

test('a pod that has left mostly has a successor, unless more has changed with it', () => {
  expect(urgencyOf(before, report([primary]))).toBe('leaving');
  expect(urgencyOf(before, report([{ ...primary, serial: 8 }]))).toBe('settled');
  const successor = { ...secondary, pod: 'secondary-1', ip: '10.244.0.9' };
  expect(urgencyOf(before, report([primary, successor]))).toBe('settled');
  expect(urgencyOf(before, report([primary, { ...successor, state: 'Pending' }]))).toBe('arriving');
});

test('that another pod tells the same is no hurry', () => {
  const same = report(before.transfers, { reportedBy: 'primary-1' });
  expect(urgencyOf(before, same)).toBe('passing');
  expect(urgencyOf(before, { ...same, serial: 8 })).toBe('settled');
});

test('a server that falls silent may be leaving, or be back in a moment', () => {
  for (const reason of ['Timeout', 'Unreachable'] as const) {
    const silent = { ...failing, reason };
    expect(urgencyOf(before, report([primary, silent]))).toBe('passing');
    expect(urgencyOf(report([primary, silent]), report([{ ...primary, serial: 8 }, silent]))).toBe(
      'settled',
    );
    const both = report([primary, secondary, { ...secondary, pod: 'secondary-1' }]);
    expect(urgencyOf(both, report([primary, silent, { ...failing, pod: 'secondary-1' }]))).toBe(
      'failing',
    );
  }
});
