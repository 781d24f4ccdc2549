import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { toldConditions } from '../../agent/commands/tell.ts';
import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import { part } from '../../agent/observe/kubernetes/object-parts.ts';
import type { ObjectKey } from '../../agent/resources/types.ts';
import { allocationOf, reportOf } from '../cluster/contract.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until } from '../rig/until.ts';
import { installBindyZones, installOwnZones } from './bindy-crd.ts';
import { apiAt } from './clusters.ts';
import { makeZone, patchStatus, readZone, ZoneCache } from './zone-cache.ts';

const plane = useControlPlane({}, installBindyZones);

let api: HttpApi;
let zone: ObjectKey;

beforeAll(async () => {
  api = apiAt(plane());
});
afterAll(() => api?.close());

beforeEach(async () => {
  zone = await makeZone(plane(), await plane().namespace(), 'example');
});

const open = (): ZoneCache => new ZoneCache(plane(), api);
const stored = async () => part(await readZone(plane(), zone), 'status');
const typesOf = (status: Readonly<Record<string, unknown>>): unknown[] =>
  (status['conditions'] as { readonly type: string }[]).map(({ type }) => type);

const bindy = { type: 'BindyReady', status: 'True', reason: 'Reconciled', message: 'x' };

test('a DNSZone that lacks our fields gets those it has, and what it lacks is told', async () => {
  await patchStatus(plane(), zone, { conditions: [bindy], recordsCount: 3 });
  const cache = open();
  expect(toldConditions(await cache.read(zone))).toEqual([]);
  const at = () => cache.statusOf(zone)?.version;
  const report = reportOf(7, { observedGeneration: 4 });
  expect((await cache.writer.report(zone, at(), report)).kind).toBe('written');
  expect((await cache.writer.report(zone, at(), report)).kind).toBe('written');
  const status = await stored();
  expect(Object.keys(status).sort()).toEqual(['conditions', 'observedGeneration', 'recordsCount']);
  expect(typesOf(status)).toEqual(['BindyReady', 'Ready', 'StatusComplete']);
  const shown = toldConditions(await cache.read(zone));
  expect(shown.map(({ type }) => type)).toEqual(['BindyReady', 'Ready', 'StatusComplete']);
  const [told] = cache.writer.invalid;
  expect(told?.object).toBe('CustomResourceDefinition dnszones.bindy.firestoned.io');
  const fields =
    /^want it to declare .*allocated, .*transfers, .*conditions\[\]\.observedGeneration;/;
  expect(told?.problems).toEqual([{ path: 'status', problem: expect.stringMatching(fields) }]);
});

test('its primaries agree all the same, and eight of them at once lose nothing', async () => {
  await patchStatus(plane(), zone, { conditions: [bindy] });
  const pods = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
  const rounds = 4;
  const written = await Promise.all(
    pods.map(async (pod) => {
      const cache = open();
      const serials: number[] = [];
      while (serials.length < rounds) {
        const { version, allocated } = await cache.read(zone);
        const serial = (allocated?.serial ?? 0) + 1;
        const fields = { allocated: allocationOf(serial, pod) };
        const { kind } = await cache.writer.agree(zone, version, fields);
        if (kind === 'written') serials.push(serial);
        await cache.writer.report(zone, cache.statusOf(zone)?.version, reportOf(serial));
      }
      return serials;
    }),
  );
  const serials = written.flat().sort((a, b) => a - b);
  expect(serials).toEqual(Array.from({ length: pods.length * rounds }, (_, n) => n + 1));
  const cache = open();
  const { version, allocated } = await cache.read(zone);
  expect(allocated).toMatchObject({ serial: serials.length, view: { manifests: 1 } });
  await cache.writer.agree(zone, version, { writer: 'pod-a' });
  expect(await open().read(zone)).toMatchObject({ allocated, writer: 'pod-a' });
  expect(typesOf(await stored()).sort()).toEqual([
    'Agreed',
    'BindyReady',
    'Ready',
    'StatusComplete',
  ]);
});

test('our own DNSZone in its place is noticed, and the other way round', async () => {
  const cache = open();
  await cache.read(zone);
  await cache.writer.agree(zone, cache.statusOf(zone)?.version, { allocated: allocationOf(7) });
  await cache.writer.report(zone, cache.statusOf(zone)?.version, reportOf(7));
  expect(cache.writer.invalid).toHaveLength(1);
  await installOwnZones(plane());
  await until(
    async () => {
      const { version } = await cache.read(zone);
      await cache.writer.report(zone, version, reportOf(8));
      return (await cache.read(zone)).report !== undefined;
    },
    { withinMs: 30_000, everyMs: 500 },
  );
  expect(cache.writer.invalid).toEqual([]);
  expect((await cache.read(zone)).report).toEqual(reportOf(8));
  expect(typesOf(await stored())).not.toContain('StatusComplete');
  await installBindyZones(plane());
  const failures: unknown[] = [];
  await until(async () => {
    const { version } = await cache.read(zone);
    const outcome = await cache.writer.report(zone, version, reportOf(9)).catch((error) => {
      failures.push(error);
    });
    return outcome?.kind === 'written';
  });
  expect(failures.map(String).join()).toMatch(/^$|field not declared in schema/);
  expect(cache.writer.invalid).toHaveLength(1);
});
