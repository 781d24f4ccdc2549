import { expect, test } from 'vitest';
import { urgencyOf } from '../../agent/report/urgency.ts';
import { condition, report, transfer } from './reports.ts';

const primary = transfer('primary-0');
const failing = transfer('secondary-0', { state: 'Failing', reason: 'Refused' });
const before = report([primary, transfer('secondary-0')]);

test('a copy that turns bad, or bad for another reason, is told at once', () => {
  expect(urgencyOf(before, report([primary, failing]))).toBe('failing');
  expect(urgencyOf(undefined, report([primary, failing]))).toBe('failing');
  const other = { ...failing, reason: 'Timeout' } as const;
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
  expect(urgencyOf(before, report([primary]))).toBe('settled');
});

test('a copy that is about to be current is waited for', () => {
  for (const state of ['Pending', 'Transferring', 'Lagging'] as const)
    expect(urgencyOf(before, report([primary, transfer('secondary-0', { state })]))).toBe(
      'passing',
    );
  const unserved = report([transfer('primary-0', { state: 'Pending' })], {
    conditions: [condition('Ready', 'False', 'NotServed')],
  });
  expect(urgencyOf(undefined, unserved)).toBe('passing');
});

test('that another pod tells the same is no hurry', () => {
  const same = report(before.transfers, { reportedBy: 'primary-1' });
  expect(urgencyOf(before, same)).toBe('passing');
  expect(urgencyOf(before, { ...same, serial: 8 })).toBe('settled');
});
