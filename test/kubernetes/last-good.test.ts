import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { useControlPlane } from '../control-plane/suite.ts';
import type { Pod } from '../rig/pod.ts';
import { type Rig, startRig } from '../rig/rig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';
import { takeAnyZone } from './loose-zones.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';

let rig: Rig;

/** Zones may be wrong here: with the CRDs of others they may, too. */
const plane = useControlPlane({ controllerManager: true }, async (opened) => {
  await installCrds(opened);
  await takeAnyZone(opened);
  rig = await startRig({ plane: opened, agent: 'bundle', secondaries: 1 });
  await rig.zone(zone);
  await rig.host(zone, 'www', '192.0.2.1');
  await answer('www', ['192.0.2.1']);
});
afterAll(() => rig?.close());
afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(rig.tails(30));
});

const pods = (): Pod[] => [...rig.pods.values()];

/** What every pod answers. */
async function answer(name: string, data: readonly string[]): Promise<void> {
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.data(pod, `${name}.${zone}`), data, patience);
}

/** All agents are killed and started again: nothing is remembered but what lies on their disks. */
async function restart(between: () => Promise<void> = async () => undefined): Promise<void> {
  await Promise.all(pods().map((pod) => pod.killAgent()));
  await between();
  for (const pod of pods()) pod.startAgent();
  await rig.ready();
}

/** Status and reason of the zone's condition Ready. */
async function ready(): Promise<string> {
  const status = ((await rig.home.status('example-com')) ?? {}) as {
    readonly conditions?: readonly { type: string; status: string; reason: string }[];
  };
  const found = status.conditions?.find(({ type }) => type === 'Ready');
  return `${found?.status} ${found?.reason}`;
}

const kept = (pod: Pod): Promise<string> =>
  readFile(join(pod.path('state'), 'last-good.jsonl'), 'utf8').catch(() => '');

test('a zone whose spec is wrong is served, and changed by its records, across restarts of the agents', async () => {
  const before = await rig.agreed(zone);
  await rig.zone(zone, {}, { ttl: -1 });
  await untilEqual(ready, 'False InvalidSpec', patience);
  for (const pod of pods())
    await until(async () => (await kept(pod)).includes('"zoneName":"example.com"'), patience);
  await restart();
  for (const pod of rig.pods.keys())
    expect(await rig.data(pod, `www.${zone}`)).toEqual(['192.0.2.1']);
  expect(await rig.agreed(zone)).toBe(before);
  await rig.host(zone, 'more', '192.0.2.2');
  await answer('more', ['192.0.2.2']);
  expect(await ready()).toBe('False InvalidSpec');
  await rig.zone(zone);
  await untilEqual(ready, 'True Serving', patience);
  for (const pod of pods())
    await until(async () => !(await kept(pod)).includes('"zoneName":"example.com"'), patience);
}, 120_000);

test('a kind whose CRD went while no agent ran: its records are served until it is back', async () => {
  const definition =
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/arecords.bindy.firestoned.io';
  const before = await rig.agreed(zone);
  await restart(async () => {
    await plane().request('DELETE', definition);
    await until(async () => (await plane().request('GET', definition)).code === 404, patience);
  });
  const primary = rig.pod('primary-0');
  const told = async (): Promise<boolean> =>
    (await readFile(primary.logs.agent, 'utf8')).includes('its CRD is gone');
  await until(told, patience);
  // A change of something else goes through, without the records that are missing being taken for deleted.
  await rig.zone(zone, {}, { ttl: 301 });
  const end = performance.now() + 3000;
  await until(async () => {
    for (const pod of rig.pods.keys())
      expect(await rig.data(pod, `www.${zone}`)).toEqual(['192.0.2.1']);
    return performance.now() > end;
  });
  expect(await rig.agreed(zone)).toBe(before);
  await installCrds(plane());
  await takeAnyZone(plane());
  for (const [host, address] of [
    ['www', '192.0.2.1'],
    ['more', '192.0.2.3'],
  ] as const)
    await until(() => rig.host(zone, host, address).then(() => true), patience);
  await answer('more', ['192.0.2.3']);
  await answer('www', ['192.0.2.1']);
  await untilEqual(ready, 'True Serving', patience);
}, 120_000);
