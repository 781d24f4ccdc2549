import { expect, test } from 'vitest';
import { SpokenZones } from '../../agent/pod/spoken-zones.ts';
import type { ZoneReport } from '../../agent/report/zone-report.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { report } from './reports.ts';

const zone = objectKey('default', 'example');
const told = (reportedBy: string): ZoneReport => report([], { reportedBy });

/** In how many ms to look again, given what is published. */
const overruled = (zones: SpokenZones, published: ZoneReport | undefined): number[] =>
  [...zones.overruled('self', () => published)].map(([, ms]) => ms);

test('what another pod has told is looked at, once each, and less and less soon', () => {
  const zones = new SpokenZones();
  zones.judge(zone, told('self'));
  const first = told('other');
  expect(overruled(zones, first)).toEqual([5000]);
  expect(overruled(zones, first)).toEqual([]);
  const times = Array.from({ length: 8 }, () => overruled(zones, told('other')));
  expect(times.flat()).toEqual([
    10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000, 300_000,
  ]);
  zones.forget(zone);
  expect(overruled(zones, told('other'))).toEqual([]);
  zones.judge(zone, undefined);
  expect(overruled(zones, told('other'))).toEqual([5000]);
});

test('what was judged already, what this pod has told, and what nobody has told is left alone', () => {
  const zones = new SpokenZones();
  const former = told('other');
  zones.judge(zone, former);
  expect(overruled(zones, former)).toEqual([]);
  expect(overruled(zones, told('self'))).toEqual([]);
  expect(overruled(zones, undefined)).toEqual([]);
});
