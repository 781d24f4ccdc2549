import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { registrationOf } from '../cluster/contract.ts';
import { zone } from '../cluster/manifest-texts.ts';
import { openProxy } from '../control-plane/proxy.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until } from '../rig/until.ts';
import { clusterAt } from './clusters.ts';
import { installCrds } from './install.ts';
import { put } from './objects.ts';

const plane = useControlPlane({}, installCrds);

const AGENTS = 20;
const AWAY_MS = 12_000;
const patience = { withinMs: 60_000 };

test('twenty agents come back after an outage one after the other, and in time', async () => {
  const namespace = await plane().namespace();
  const proxy = await openProxy(plane());
  onTestFinished(() => proxy.close());
  const pods = Array.from({ length: AGENTS }, (_, index) => `pod-${index}`);
  const clusters = pods.map((pod) => clusterAt(plane(), { namespace, pod, server: proxy.server }));
  onTestFinished(async () => {
    await Promise.all(clusters.map((cluster) => cluster.stop()));
  });
  await Promise.all(clusters.map((cluster) => cluster.start(() => undefined)));
  const views = () => clusters.map((cluster) => cluster.view());
  await until(() => views().every(({ synced }) => synced), patience);
  // A register() that takes long says so, goes on, and is asked again by whoever wants it done.
  const register = async (index: number, pod: string): Promise<boolean> => {
    await clusters[index]?.register(registrationOf(pod, { namespace }));
    return true;
  };
  for (const [index, pod] of pods.entries()) await until(() => register(index, pod), patience);
  await until(() => views().every(({ peers }) => peers.size === AGENTS - 1), patience);

  const times = (): readonly number[] => proxy.asked.map(({ at }) => at);
  const within = (from: number, to: number): number =>
    times().filter((at) => at >= from && at < to).length;
  await plane().apiServer.kill();
  const gone = performance.now();
  await systemClock.sleep(AWAY_MS);
  // What is in vain becomes rare.
  const everySecond = within(gone + AWAY_MS / 2, gone + AWAY_MS) / (AWAY_MS / 2000);
  expect(everySecond / AGENTS).toBeLessThan(8);

  await plane().apiServer.start();
  const back = performance.now();
  await put(plane(), namespace, zone('new'));
  const key = objectKey(namespace, 'new');
  await until(
    () => views().every(({ stale, zones }) => stale === undefined && zones.has(key)),
    patience,
  );
  const took = performance.now() - back;
  expect(took).toBeLessThan(30_000);
  const halves = Array.from({ length: Math.ceil(took / 500) }, (_, index) =>
    within(back + index * 500, back + (index + 1) * 500),
  );
  const all = within(back, back + took);
  expect(all).toBeGreaterThan(AGENTS);
  expect(Math.max(...halves) / all, halves.join(' ')).toBeLessThan(0.4);
  for (const { peers } of views())
    expect([...peers.values()].every(({ liveness }) => liveness === 'live')).toBe(true);
}, 180_000);
