import { expect, test } from 'vitest';
import { eventsBetween } from '../../agent/report/zone-events.ts';
import type { ZoneReport } from '../../agent/report/zone-report.ts';
import { condition, report, transfer } from './reports.ts';

const primary = transfer('primary-0', { ip: '10.0.0.1' });
const secondary = transfer('secondary-0', { ip: '10.0.0.2' });
const refused = transfer('secondary-0', {
  ip: '10.0.0.2',
  state: 'Failing',
  reason: 'Refused',
  message: 'primary 10.0.0.1 refused the transfer',
});
const well = report([primary, secondary]);

/** As `kubectl describe` shows them. */
const told = (before: ZoneReport | undefined, now: ZoneReport): string[] =>
  eventsBetween(before, now).map(({ type, reason, note }) => `${type} ${reason}: ${note}`);

const ready = (status: 'True' | 'False', reason: string): ZoneReport =>
  report(well.transfers, { conditions: [condition('Ready', status, reason)] });

test('a new zone: that it is served, and by whom', () => {
  expect(told(undefined, well)).toEqual([
    'Normal Ready: Serving.',
    'Normal PodServes: primary primary-0 (10.0.0.1) serves it',
    'Normal PodServes: secondary secondary-0 (10.0.0.2) serves it',
  ]);
});

test('a transfer that fails, and its recovery, once each', () => {
  const bad = report([primary, refused]);
  expect(told(well, bad)).toEqual([
    'Warning TransferFailed: secondary secondary-0 (10.0.0.2): primary 10.0.0.1 refused the transfer',
  ]);
  expect(told(bad, bad)).toEqual([]);
  expect(told(bad, well)).toEqual([
    'Normal TransferRecovered: secondary secondary-0 (10.0.0.2) serves it again',
  ]);
  const expired = report([primary, { ...refused, state: 'Expired', message: 'it is too old' }]);
  expect(told(bad, expired)).toEqual([
    'Warning Expired: secondary secondary-0 (10.0.0.2): it is too old',
  ]);
});

test('a pod that was replaced, also under its old name', () => {
  const moved = report([primary, { ...secondary, ip: '10.0.0.9' }]);
  expect(told(well, moved)).toEqual([
    'Normal PodServes: secondary secondary-0 (10.0.0.9) serves it',
  ]);
  // Also one that had failed, as a pod does whose node is gone.
  expect(told(report([primary, refused]), moved)).toEqual([
    'Normal PodServes: secondary secondary-0 (10.0.0.9) serves it',
  ]);
  const other = report([primary, { ...secondary, pod: 'secondary-1' }]);
  expect(told(well, other)).toEqual([
    'Normal PodServes: secondary secondary-1 (10.0.0.2) serves it',
    'Normal PodLeft: secondary secondary-0 (10.0.0.2) serves it no more',
  ]);
});

test('what the zone is not ready for, and that it is again', () => {
  expect(told(well, ready('False', 'InvalidSpec'))).toEqual(['Warning InvalidSpec: InvalidSpec.']);
  expect(told(ready('False', 'InvalidSpec'), ready('False', 'LoadFailed'))).toEqual([
    'Warning LoadFailed: LoadFailed.',
  ]);
  expect(told(ready('False', 'LoadFailed'), well)).toEqual(['Normal Ready: Serving.']);
  expect(told(undefined, ready('False', 'NotServed'))).not.toContain('NotServed');
});

test('content that differs between primaries, and that it does not any more', () => {
  const diverged = report(well.transfers, { conditions: [condition('Diverged', 'True')] });
  expect(told(report(well.transfers, { conditions: [] }), diverged)).toEqual([
    'Warning Diverged: Because.',
  ]);
  const agreed = report(well.transfers, { conditions: [condition('Diverged', 'False')] });
  expect(told(diverged, agreed)).toEqual([
    'Normal Agreed: the primaries serve the same content again',
  ]);
});

test('new serials and copies that are behind for a moment are no events', () => {
  const lagging = report([
    { ...primary, serial: 8 },
    { ...secondary, state: 'Lagging' },
  ]);
  expect(told(well, lagging)).toEqual([]);
  expect(
    told(lagging, report([primary, secondary].map((each) => ({ ...each, serial: 8 })))),
  ).toEqual([]);
});
