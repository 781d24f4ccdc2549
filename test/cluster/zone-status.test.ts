import { describe, expect, test } from 'vitest';
import { declaredPart, undeclared } from '../../agent/observe/kubernetes/declared.ts';
import { fitAgreed, fitReport } from '../../agent/observe/kubernetes/fit-status.ts';
import type { Published } from '../../agent/observe/kubernetes/published-status.ts';
import { zoneStatusOf } from '../../agent/observe/kubernetes/zone-status.ts';
import { allocationOf, reportOf } from './contract.ts';

const metadata = {
  name: 'example',
  resourceVersion: '42',
  creationTimestamp: '2026-11-21T10:00:00Z',
};
const foreign = { type: 'BindyReady', status: 'True', reason: 'Whatever' };

describe('the status of a DNSZone', () => {
  test('is read with its version, its age, and without the conditions of others in its report', () => {
    const report = reportOf(7);
    const status = {
      ...report,
      conditions: [foreign, ...report.conditions],
      allocated: allocationOf(7),
      writer: 'pod-a',
      bind9Instances: [],
    };
    expect(zoneStatusOf({ metadata, status })).toEqual({
      version: '42',
      firstSeen: '2026-11-21T10:00:00Z',
      allocated: allocationOf(7),
      writer: 'pod-a',
      report,
      others: [foreign],
    });
  });

  test('is read where there is none, and where nobody has reported', () => {
    const firstSeen = metadata.creationTimestamp;
    expect(zoneStatusOf({ metadata })).toEqual({ version: '42', firstSeen });
    const ready = { type: 'Ready', status: 'True' };
    expect(zoneStatusOf({ metadata, status: { conditions: [ready] } })).toEqual({
      version: '42',
      firstSeen,
      others: [ready],
    });
    expect(zoneStatusOf({ metadata, status: { conditions: 'none', allocated: 7 } })).toEqual({
      version: '42',
      firstSeen,
    });
  });
});

describe('what a schema declares', () => {
  const schema = {
    properties: {
      serial: {},
      free: { 'x-kubernetes-preserve-unknown-fields': true },
      map: { additionalProperties: { properties: { a: {} } } },
      list: { items: { properties: { pod: {} } } },
    },
  };

  test('of a value is kept, in lists and maps too; the rest is left out', () => {
    const value = {
      serial: 7,
      other: 1,
      toString: 2,
      free: { any: { thing: 1 } },
      map: { x: { a: 1, b: 2 } },
      list: [{ pod: 'p', ip: 'i' }],
    };
    expect(declaredPart(value, schema)).toEqual({
      serial: 7,
      free: { any: { thing: 1 } },
      map: { x: { a: 1 } },
      list: [{ pod: 'p' }],
    });
  });

  test('not, is told by its path', () => {
    const wanted = {
      properties: {
        serial: {},
        other: { properties: { deep: {} } },
        list: { items: { properties: { pod: {}, ip: {} } } },
        free: { properties: { any: {} } },
      },
    };
    expect(undeclared(wanted, schema)).toEqual(['other', 'list[].ip']);
    expect(undeclared(schema, schema)).toEqual([]);
  });
});

describe('a DNSZone without our fields', () => {
  const condition = {
    properties: { type: {}, status: {}, reason: {}, message: {}, lastTransitionTime: {} },
  };
  const poor: Published = {
    schema: { properties: { observedGeneration: {}, conditions: { items: condition } } },
    missing: ['serial', 'allocated'],
  };
  const present = zoneStatusOf({ metadata, status: { conditions: [foreign] } });

  test('gets what it can hold, beside what others wrote into the same list, and is told what it lacks', () => {
    const report = reportOf(7, { observedGeneration: 4 });
    expect(fitReport(report, poor, present)).toEqual({
      observedGeneration: 4,
      conditions: [
        foreign,
        ...report.conditions,
        {
          type: 'StatusComplete',
          status: 'False',
          reason: 'FieldsNotDeclared',
          lastTransitionTime: report.reportedTime,
          message: expect.stringContaining('no status fields serial, allocated;'),
        },
      ],
    });
  });

  test('keeps the time of a condition whose status is the same', () => {
    const before = { ...reportOf(7).conditions[0], lastTransitionTime: '2026-01-01T00:00:00Z' };
    const known = zoneStatusOf({ metadata, status: { conditions: [before, foreign] } });
    const { conditions } = fitReport(reportOf(8), poor, known) as { conditions: object[] };
    expect(conditions[0]).toEqual(foreign);
    expect(conditions[1]).toEqual({
      ...reportOf(8).conditions[0],
      lastTransitionTime: before.lastTransitionTime,
    });
  });

  test('holds what was agreed in a condition, and gives it back', () => {
    const agreed = { allocated: allocationOf(7), writer: 'pod-a' };
    const status = fitAgreed(agreed, poor, present, '2026-11-21T10:00:00Z');
    expect(status).toEqual({ conditions: [foreign, expect.objectContaining({ type: 'Agreed' })] });
    expect(zoneStatusOf({ metadata, status })).toMatchObject(agreed);
    const later = zoneStatusOf({ metadata, status });
    const conditions = fitReport(reportOf(7), poor, later)['conditions'];
    expect(zoneStatusOf({ metadata, status: { conditions } })).toMatchObject(agreed);
  });

  test('whose list of conditions is shared by type gets ours alone', () => {
    const conditions = { items: condition, 'x-kubernetes-list-type': 'map' };
    const shared: Published = { ...poor, schema: { properties: { conditions } } };
    const report = reportOf(7);
    expect(fitReport(report, shared, present)['conditions']).toHaveLength(
      report.conditions.length + 1,
    );
  });
});
