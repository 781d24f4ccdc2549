import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import { metadataOf, part } from '../../agent/observe/kubernetes/object-parts.ts';
import type { Transfer } from '../../agent/report/zone-report.ts';
import { sameReport } from '../../agent/report/zone-status.ts';
import type { ObjectKey } from '../../agent/resources/types.ts';
import { allocationOf, reportOf } from '../cluster/contract.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { apiAt } from './clusters.ts';
import { installCrds } from './install.ts';
import { deleteZone, makeZone, patchStatus, readZone, ZoneCache } from './zone-cache.ts';

const plane = useControlPlane({}, installCrds);

let api: HttpApi;
let namespace: string;
let zone: ObjectKey;

beforeAll(async () => {
  api = apiAt(plane());
});
afterAll(() => api?.close());

beforeEach(async () => {
  namespace = await plane().namespace();
  zone = await makeZone(plane(), namespace, 'example');
});

const open = (through: Pick<HttpApi, 'request'> = api): ZoneCache =>
  new ZoneCache(plane(), through);
const stored = async (): Promise<Readonly<Record<string, unknown>>> =>
  part(await readZone(plane(), zone), 'status');

describe('the status of a zone', () => {
  test('holds all of a report and of an agreement, and is read back the same', async () => {
    const cache = open();
    const { version } = await cache.read(zone);
    const transfers: Transfer[] = [
      ...reportOf(7).transfers,
      {
        pod: 'pod-a',
        instance: 'primary-dns',
        role: 'primary',
        ip: 'fd00::1',
        state: 'Current',
        serial: 4_294_967_295,
        from: '10.0.0.9',
        method: 'IXFR',
        lastTransferTime: '2026-11-21T10:00:00Z',
        expiresAt: '2026-11-28T10:00:00Z',
      },
    ];
    const report = reportOf(4_294_967_295, {
      observedGeneration: 4,
      behindSince: '2026-11-21T10:00:00Z',
      worstReason: 'Refused',
      transfers,
    });
    const allocated = { ...allocationOf(7), view: { DNSZone: 812, ARecord: 813 }, records: 12 };
    const agreed = await cache.writer.agree(zone, version, { allocated, writer: 'pod-a' });
    const reported = await cache.writer.report(zone, cache.statusOf(zone)?.version, report);
    expect([agreed.kind, reported.kind]).toEqual(['written', 'written']);
    const other = await open().read(zone);
    expect(other).toMatchObject({ allocated, writer: 'pod-a', report: { ...report, transfers } });
    expect(other.version).toBe(reported.kind === 'written' ? reported.version : '');
    expect(cache.writer.invalid).toEqual([]);
  });

  test('says the same in whatever order the server keeps its entries', async () => {
    const cache = open();
    await cache.read(zone);
    const entry = (pod: string): Transfer => ({ ...reportOf(7).transfers[0], pod }) as Transfer;
    for (const pods of ['c', 'a c', 'b c a', 'a b', 'b a d'].map((text) => text.split(' '))) {
      const report = reportOf(7, { transfers: pods.map(entry) });
      await cache.writer.report(zone, cache.statusOf(zone)?.version, report);
      const read = (await open().read(zone)).report;
      expect(read?.transfers.map(({ pod }) => pod).sort()).toEqual([...pods].sort());
      expect(read !== undefined && sameReport(read, report)).toBe(true);
    }
  });

  test('keeps what others wrote, conditions of theirs too', async () => {
    const bindy = { type: 'BindyReady', status: 'True', reason: 'Reconciled', message: 'x' };
    await patchStatus(plane(), zone, { conditions: [bindy], recordsCount: 3 });
    const cache = open();
    const { version } = await cache.read(zone);
    await cache.writer.agree(zone, version, { allocated: allocationOf(7) });
    await cache.writer.report(zone, cache.statusOf(zone)?.version, reportOf(7));
    await cache.writer.report(zone, cache.statusOf(zone)?.version, reportOf(8));
    expect(await stored()).toMatchObject({ recordsCount: 3, serial: 8 });
    const { others, report } = await open().read(zone);
    expect(others).toEqual([expect.objectContaining(bindy)]);
    expect(report).toEqual(reportOf(8));
  });

  test('is owned by two managers, and what one leaves out of its part is gone', async () => {
    const cache = open();
    const { version } = await cache.read(zone);
    await cache.writer.agree(zone, version, { allocated: allocationOf(7), writer: 'pod-a' });
    const at = () => cache.statusOf(zone)?.version;
    await cache.writer.report(zone, at(), reportOf(7, { observedGeneration: 4 }));
    await cache.writer.agree(zone, at(), { allocated: allocationOf(8) });
    await cache.writer.report(zone, at(), reportOf(8));
    const status = await stored();
    expect(status).toMatchObject({ allocated: allocationOf(8), writer: 'pod-a', serial: 8 });
    expect(status).not.toHaveProperty('observedGeneration');
    const managers = metadataOf(await readZone(plane(), zone))['managedFields'] as {
      readonly manager: string;
      readonly operation: string;
      readonly subresource?: string;
    }[];
    expect(
      managers
        .filter(({ subresource }) => subresource === 'status')
        .map(({ manager, operation }) => `${manager} ${operation}`)
        .sort(),
    ).toEqual(['bind9-agent Apply', 'bind9-agent-serial Apply']);
  });

  test('written again as it stands is no write', async () => {
    const cache = open();
    await cache.read(zone);
    const first = await cache.writer.report(zone, cache.statusOf(zone)?.version, reportOf(7));
    const again = await cache.writer.report(zone, cache.statusOf(zone)?.version, reportOf(7));
    expect(again).toEqual(first);
  });
});

describe('a write of a status', () => {
  const conflict = { kind: 'conflict' };

  test('from an older version is a conflict, whatever came in between', async () => {
    const [a, b] = [open(), open()];
    const { version } = await a.read(zone);
    await b.read(zone);
    await b.writer.report(zone, version, reportOf(7));
    expect(await a.writer.agree(zone, version, { allocated: allocationOf(9) })).toEqual(conflict);
    expect(await a.writer.report(zone, version, reportOf(6))).toEqual(conflict);
    const { version: later } = await a.read(zone);
    await plane().kubectl(['-n', namespace, 'label', 'dnszone', 'example', 'a=b']);
    expect(await a.writer.report(zone, later, reportOf(6))).toEqual(conflict);
    expect(await a.writer.report(zone, undefined, reportOf(6))).toEqual(conflict);
    expect((await stored())['serial']).toBe(7);
  });

  test('that came too late has brought what came first, so that the next one is in time', async () => {
    const [a, b] = [open(), open()];
    const { version } = await a.read(zone);
    await b.read(zone);
    await b.writer.report(zone, version, reportOf(7));
    expect(await a.writer.agree(zone, version, { writer: 'pod-a' })).toEqual(conflict);
    const known = a.statusOf(zone);
    expect(known?.report?.serial).toBe(7);
    const again = await a.writer.agree(zone, known?.version, { writer: 'pod-a' });
    expect(again.kind).toBe('written');
    expect(await stored()).toMatchObject({ serial: 7, writer: 'pod-a' });
  });

  test('that came too late is no conflict where the zone cannot be read: it would be tried again at once', async () => {
    const request: HttpApi['request'] = async (asked) =>
      asked.method === 'GET' && 'query' in asked && asked.query?.['fieldSelector'] !== undefined
        ? { ok: false, code: 403, reason: '', message: 'not now' }
        : api.request(asked);
    const [a, b] = [open({ request }), open()];
    const { version } = await a.read(zone);
    await b.read(zone);
    await b.writer.report(zone, version, reportOf(7));
    await expect(a.writer.report(zone, version, reportOf(6))).rejects.toThrow('not now');
  });

  test('of a zone that was deleted, or made anew under its name, is a conflict and changes nothing', async () => {
    const cache = open();
    const { version } = await cache.read(zone);
    await deleteZone(plane(), zone);
    expect(await cache.writer.report(zone, version, reportOf(7))).toEqual(conflict);
    const { code } = await plane().request(
      'GET',
      `/apis/bindy.firestoned.io/v1beta1/namespaces/${namespace}/dnszones/example`,
    );
    expect(code).toBe(404);
    await makeZone(plane(), namespace, 'example');
    expect(await cache.writer.report(zone, version, reportOf(7))).toEqual(conflict);
    expect(await cache.writer.agree(zone, version, { writer: 'pod-a' })).toEqual(conflict);
    expect(await stored()).toEqual({});
  });

  test('that the server refuses is told as the server says it, and no more once it is taken', async () => {
    const cache = open();
    const { version } = await cache.read(zone);
    const wrong = { ...allocationOf(7), serial: -1 };
    await expect(cache.writer.agree(zone, version, { allocated: wrong })).rejects.toThrow(
      'status.allocated.serial',
    );
    expect(cache.writer.invalid[0]?.problems[0]?.problem).toContain('status.allocated.serial');
    await cache.writer.agree(zone, version, { allocated: allocationOf(7) });
    expect(cache.writer.invalid).toEqual([]);
  });

  test('by twenty agents at once loses nothing: each finds what the one before has written', async () => {
    const rounds = 3;
    const pods = Array.from({ length: 20 }, (_, n) => `pod-${n}`);
    const written = await Promise.all(
      pods.map(async (pod) => {
        const cache = open();
        const serials: number[] = [];
        while (serials.length < rounds) {
          const { version, allocated } = await cache.read(zone);
          const serial = (allocated?.serial ?? 0) + 1;
          const fields = { allocated: allocationOf(serial, pod) };
          const outcome = await cache.writer.agree(zone, version, fields);
          if (outcome.kind === 'written') serials.push(serial);
          else await cache.writer.report(zone, (await cache.read(zone)).version, reportOf(serial));
        }
        return serials;
      }),
    );
    const serials = written.flat().sort((a, b) => a - b);
    expect(serials).toEqual(Array.from({ length: pods.length * rounds }, (_, n) => n + 1));
    const { allocated, report } = await open().read(zone);
    expect(allocated?.serial).toBe(serials.length);
    expect(report?.conditions).toEqual(reportOf(1).conditions);
  });
});
