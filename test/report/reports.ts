import type { Condition, Transfer, ZoneReport } from '../../agent/report/zone-report.ts';

const noon = '2026-11-21T12:00:00Z';

/** A copy that is well, or otherwise as it is said. */
export const transfer = (pod: string, more: Partial<Transfer> = {}): Transfer => ({
  pod,
  instance: 'dns',
  role: pod.startsWith('primary') ? 'primary' : 'secondary',
  ip: '10.244.0.1',
  state: 'Current',
  serial: 7,
  ...more,
});

export const condition = (
  type: Condition['type'],
  status: Condition['status'],
  reason = 'Because',
): Condition => ({ type, status, reason, message: `${reason}.`, lastTransitionTime: noon });

/** A report of these copies. */
export const report = (
  transfers: readonly Transfer[],
  more: Partial<ZoneReport> = {},
): ZoneReport => ({
  secondaryIps: [],
  secondaryCount: 0,
  reportedBy: 'primary-0',
  reportedTime: noon,
  transfers,
  conditions: [condition('Ready', 'True', 'Serving')],
  ...more,
});
