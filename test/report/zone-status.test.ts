import { describe, expect, test } from 'vitest';
import type { Registration, Role } from '../../agent/plan/registration.ts';
import type { SoaProbe } from '../../agent/plan/transfer-probe.ts';
import { urgencyOf } from '../../agent/report/urgency.ts';
import type { ZoneCopy } from '../../agent/report/zone-copy.ts';
import type { Condition, ZoneReport } from '../../agent/report/zone-report.ts';
import {
  type ReportInput,
  reportOf,
  type SeenCopy,
  sameReport,
} from '../../agent/report/zone-status.ts';

const noon = Date.UTC(2026, 10, 21, 12);
const day = 86_400_000;
const at = (ms: number): string => new Date(ms).toISOString();

const registration = (pod: string, role: Role, ip: string): Registration => ({
  pod,
  uid: `uid-${pod}`,
  namespace: 'dns',
  role,
  cluster: 'production',
  instance: `${role}-dns`,
  ips: [ip],
  dnsPort: 53,
  httpPort: 8055,
  labels: {},
  version: '1',
  keys: ['cluster'],
  draining: false,
});

const soa = (serial: number): SoaProbe => ({ kind: 'soa', serial, authoritative: true });

const copyOf = (role: Role, more: Partial<ZoneCopy> = {}): ZoneCopy => ({
  zone: 'example.com',
  object: 'dns/example-com',
  role,
  state: 'Current',
  ...more,
});

/** @param copy what the pod says: of the serial that it answers with, unless otherwise */
const seen = (
  pod: string,
  role: Role,
  wire: SoaProbe | undefined,
  copy?: Partial<ZoneCopy>,
): SeenCopy => ({
  pod: registration(pod, role, `10.244.0.${pod.length + pod.charCodeAt(pod.length - 1)}`),
  role,
  live: true,
  wire,
  copy:
    copy === undefined
      ? undefined
      : copyOf(role, { ...(wire?.kind === 'soa' && { serial: wire.serial }), ...copy }),
});

const input = (copies: readonly SeenCopy[], more: Partial<ReportInput> = {}): ReportInput => ({
  self: 'primary-0',
  now: noon,
  observedGeneration: 4,
  copies,
  before: undefined,
  problems: [],
  unusable: false,
  conflict: undefined,
  diverged: undefined,
  failure: undefined,
  signed: true,
  ...more,
});

const conditionOf = (report: ZoneReport, type: Condition['type']): Condition | undefined =>
  report.conditions.find((condition) => condition.type === type);

const primary = seen('primary-0', 'primary', soa(7), {});
const transferred = {
  from: '10.244.0.7',
  method: 'IXFR',
  lastTransferTime: at(noon - 60_123),
  expiresAt: at(noon + 7 * day),
} as const;

describe('the report of a zone', () => {
  test('tells each live pod, what it serves, and where it came from, in whole seconds', () => {
    const report = reportOf(
      input([primary, seen('secondary-0', 'secondary', soa(7), transferred)]),
    );
    expect(report).toMatchObject({
      observedGeneration: 4,
      serial: 7,
      secondaryCount: 1,
      reportedBy: 'primary-0',
      reportedTime: '2026-11-21T12:00:00Z',
    });
    expect(report.transfers[1]).toMatchObject({
      pod: 'secondary-0',
      instance: 'secondary-dns',
      state: 'Current',
      serial: 7,
      from: '10.244.0.7',
      method: 'IXFR',
      lastTransferTime: '2026-11-21T11:58:59Z',
      expiresAt: '2026-11-28T12:00:00Z',
    });
    expect(report.secondaryIps).toEqual([report.transfers[1]?.ip]);
    expect(conditionOf(report, 'Ready')?.status).toBe('True');
    expect(conditionOf(report, 'TransfersHealthy')?.status).toBe('True');
  });

  test('the wire decides: an older serial is Lagging, whatever the pod says of itself', () => {
    const report = reportOf(input([primary, seen('secondary-0', 'secondary', soa(6), {})]));
    expect(report.transfers[1]).toMatchObject({ state: 'Lagging', serial: 6 });
    expect(conditionOf(report, 'TransfersHealthy')?.status).not.toBe('True');
  });

  test('the pod tells why: its reason and its sentence stand in the report and in the condition', () => {
    const refused = {
      state: 'Failing',
      reason: 'Refused',
      message: 'primary 10.244.0.7 refused',
    } as const;
    const report = reportOf(input([primary, seen('secondary-0', 'secondary', soa(6), refused)]));
    expect(report.transfers[1]).toMatchObject({ ...refused, serial: 6 });
    expect(conditionOf(report, 'TransfersHealthy')).toMatchObject({
      status: 'False',
      reason: 'Refused',
      message: expect.stringContaining('secondary-0: primary 10.244.0.7 refused'),
    });
  });

  test.each<[string, SoaProbe, string, string]>([
    ['does not answer', { kind: 'timeout' }, 'Failing', 'Timeout'],
    ['is not there', { kind: 'unreachable', message: 'no route' }, 'Failing', 'Unreachable'],
    ['does not know our key', { kind: 'tsig', error: 'BADKEY' }, 'Failing', 'TsigUnknownKey'],
    ['has not loaded the zone', { kind: 'rcode', rcode: 'SERVFAIL' }, 'Failing', 'NotLoaded'],
  ])('a pod that %s is judged by the wire alone', (_, wire, state, reason) => {
    const report = reportOf(input([primary, seen('secondary-0', 'secondary', wire)]));
    expect(report.transfers[1]).toMatchObject({
      state,
      reason,
      message: expect.stringContaining('secondary-0'),
    });
  });

  test('a pod that has no data yet is Pending, one whose data expired is Expired', () => {
    const servfail: SoaProbe = { kind: 'rcode', rcode: 'SERVFAIL' };
    const fresh = seen('secondary-0', 'secondary', { kind: 'rcode', rcode: 'REFUSED' });
    const old = seen('secondary-1', 'secondary', servfail, {
      state: 'Expired',
      reason: 'Unreachable',
    });
    const report = reportOf(input([primary, fresh, old]));
    expect(report.transfers.map(({ state }) => state)).toEqual(['Current', 'Pending', 'Expired']);
    expect(conditionOf(report, 'TransfersHealthy')).toMatchObject({
      status: 'False',
      reason: 'Unreachable',
    });
  });

  test('a pod whose registration ran out is not told of any more', () => {
    const gone = { ...seen('secondary-0', 'secondary', undefined), live: false };
    expect(reportOf(input([primary, gone]))).toMatchObject({ secondaryIps: [], secondaryCount: 0 });
  });

  test('a serial is compared as serials are, also across their wrap', () => {
    const wrapped = [
      seen('primary-0', 'primary', soa(1)),
      seen('primary-1', 'primary', soa(4_294_967_290)),
    ];
    expect(reportOf(input(wrapped))).toMatchObject({
      serial: 1,
      transfers: [{ state: 'Current' }, { state: 'Lagging' }],
    });
  });

  test('Ready says what stands against it', () => {
    const ready = (copies: readonly SeenCopy[], more: Partial<ReportInput> = {}) =>
      conditionOf(reportOf(input(copies, more)), 'Ready');
    const problems = [{ path: 'spec.ttl', problem: 'want 0 or more, got -1' }];
    expect(ready([primary], { problems, unusable: true })).toMatchObject({
      status: 'False',
      reason: 'InvalidSpec',
      message: expect.stringContaining('spec.ttl: want 0 or more, got -1'),
    });
    expect(ready([])).toMatchObject({ status: 'False', reason: 'NotServed' });
    expect(ready([seen('primary-0', 'primary', { kind: 'timeout' })])).toMatchObject({
      reason: 'NotServed',
    });
    expect(ready([primary], { failure: 'out of range' })).toMatchObject({
      message: 'out of range',
    });
    const conflicting = reportOf(input([primary], { conflict: 'served for dns/older' }));
    expect(conditionOf(conflicting, 'Conflict')).toMatchObject({
      status: 'True',
      message: 'served for dns/older',
    });
    expect(conditionOf(conflicting, 'Ready')?.status).toBe('False');
    const diverged = reportOf(input([primary], { diverged: 'renders differently' }));
    expect(conditionOf(diverged, 'Diverged')?.status).toBe('True');
  });

  test('a condition keeps the time of its last change of status', () => {
    const first = reportOf(input([primary]));
    const later = reportOf(input([primary], { now: noon + 60_000, before: first }));
    expect(conditionOf(later, 'Ready')?.lastTransitionTime).toBe('2026-11-21T12:00:00Z');
    const broken = reportOf(input([], { now: noon + 90_000, before: later }));
    expect(conditionOf(broken, 'Ready')?.lastTransitionTime).toBe('2026-11-21T12:01:30Z');
    expect(conditionOf(broken, 'Conflict')?.lastTransitionTime).toBe('2026-11-21T12:00:00Z');
  });

  test('what was told of a serial holds when the agent there was restarted and has forgotten it', () => {
    const before = reportOf(
      input([primary, seen('secondary-0', 'secondary', soa(7), transferred)]),
    );
    const forgot = { lastTransferTime: at(noon - 59_000), expiresAt: transferred.expiresAt };
    const copies = [primary, seen('secondary-0', 'secondary', soa(7), forgot)];
    const after = reportOf(input(copies, { now: noon + 5000, before }));
    expect(sameReport(before, after)).toBe(true);
    const nothing = seen('secondary-0', 'secondary', soa(7), {});
    const restarted = reportOf(input([primary, nothing], { now: noon + 5000, before }));
    expect(sameReport(before, restarted), 'its statistics are not read yet').toBe(true);
    const unread = reportOf(input([primary, nothing], { now: noon + 8 * day, before }));
    expect(unread.transfers[1], 'a time that has passed').not.toHaveProperty('expiresAt');
    const newer = reportOf(
      input([primary, seen('secondary-0', 'secondary', soa(8), forgot)], { before }),
    );
    expect(newer.transfers[1]).not.toHaveProperty('method');
  });

  test('what a pod says of the serial before the one that it answers with is not told of this one', () => {
    const former = { ...transferred, serial: 7 };
    const before = reportOf(input([primary, seen('secondary-0', 'secondary', soa(7), former)]));
    const ahead = [
      seen('primary-0', 'primary', soa(8), {}),
      seen('secondary-0', 'secondary', soa(8), former),
    ];
    const early = reportOf(input(ahead, { before }));
    expect(early.transfers[1]).toMatchObject({ serial: 8, state: 'Current' });
    for (const field of ['from', 'method', 'lastTransferTime'])
      expect(early.transfers[1]).not.toHaveProperty(field);
    expect(urgencyOf(before, early), 'waits for its word').toBe('passing');
    const silent = seen('secondary-0', 'secondary', { kind: 'timeout' }, former);
    const gone = reportOf(input([primary, silent], { before }));
    expect(gone.transfers[1], 'without an answer it is all there is').toMatchObject({
      from: transferred.from,
      method: 'IXFR',
    });
  });
});

describe('the summary of a zone', () => {
  const behind = (pod: string, more: Partial<ZoneCopy> = {}): SeenCopy =>
    seen(pod, 'secondary', soa(6), more);

  test('says nothing where all is well', () => {
    const report = reportOf(input([primary, seen('secondary-0', 'secondary', soa(7), {})]));
    expect(report).not.toHaveProperty('behindSince');
    expect(report).not.toHaveProperty('worstReason');
  });

  test('tells since when the copy is behind that has been so for longest', () => {
    const report = reportOf(
      input([
        primary,
        behind('secondary-0', { behindSince: at(noon - 5000) }),
        behind('secondary-1', { behindSince: at(noon - 60_123) }),
        behind('secondary-2'),
      ]),
    );
    expect(report.behindSince).toBe('2026-11-21T11:58:59Z');
  });

  test('a pod that cannot say since when it is behind is so since that was first seen', () => {
    const first = reportOf(input([primary, behind('secondary-0')]));
    expect(first.behindSince).toBe('2026-11-21T12:00:00Z');
    const later = { now: noon + 60_000, before: first };
    expect(reportOf(input([primary, behind('secondary-0')], later)).behindSince).toBe(
      first.behindSince,
    );
    const current = seen('secondary-0', 'secondary', soa(7), {});
    expect(reportOf(input([primary, current, behind('secondary-1')], later)).behindSince).toBe(
      '2026-11-21T12:01:00Z',
    );
  });

  test('gives the reason of what is worst: the zone itself, else a copy that fails, else one that lags', () => {
    const refused = behind('secondary-1', { state: 'Failing', reason: 'Refused', message: 'no' });
    const worst = (more: Partial<ReportInput>, ...copies: SeenCopy[]): string | undefined =>
      reportOf(input([primary, ...copies], more)).worstReason;
    expect(worst({}, behind('secondary-0'))).toBe('Lagging');
    expect(worst({}, behind('secondary-0'), refused)).toBe('Refused');
    expect(worst({ diverged: 'other content' }, refused)).toBe('ContentDiffers');
    expect(worst({ unusable: true, diverged: 'other content' }, refused)).toBe('InvalidSpec');
  });
});

describe('what is worth a write', () => {
  const reportAt = (now: number, expiresAt: number | undefined, serial = 7): ZoneReport => {
    const times = expiresAt === undefined ? {} : { expiresAt: at(expiresAt) };
    return reportOf(
      input([primary, seen('secondary-0', 'secondary', soa(serial), times)], { now }),
    );
  };

  const published = reportAt(noon, noon + 7 * day);
  // Of the condition's times nothing is said here: the report before gives them.
  const sameConditions = (report: ZoneReport): ZoneReport => ({
    ...report,
    conditions: published.conditions,
  });

  test('neither the time of the report nor an expiry that moves with each refresh', () => {
    expect(sameReport(published, sameConditions(reportAt(noon + day, noon + 8 * day)))).toBe(true);
  });

  test('an expiry before it is passed, and one that is known for the first time', () => {
    expect(sameReport(published, sameConditions(reportAt(noon + 4 * day, noon + 11 * day)))).toBe(
      false,
    );
    expect(sameReport(sameConditions(reportAt(noon, undefined)), published)).toBe(false);
  });

  test('the seconds of a zone that lives for seconds are not', () => {
    const brief = reportAt(noon, noon + 6000);
    expect(sameReport(brief, sameConditions(reportAt(noon + 3000, noon + 9000)))).toBe(true);
  });

  test('another serial, state, reason or pod, in whatever order the fields were written', () => {
    expect(sameReport(published, sameConditions(reportAt(noon, noon + 7 * day, 6)))).toBe(false);
    expect(sameReport(published, { ...published, reportedBy: 'primary-1' })).toBe(false);
    const [first, second] = published.transfers;
    if (first === undefined || second === undefined) throw new Error('two pods');
    const { pod, ...rest } = second;
    expect(sameReport(published, { ...published, transfers: [first, { ...rest, pod }] })).toBe(
      true,
    );
    expect(sameReport(published, { ...published, transfers: [first] })).toBe(false);
    const refused = { ...second, state: 'Failing', reason: 'Refused' } as const;
    expect(sameReport(published, { ...published, transfers: [first, refused] })).toBe(false);
  });
});
