import { afterEach, beforeEach, expect, test } from 'vitest';
import { atOnce } from '../../agent/at-once.ts';
import type { KubernetesCluster } from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { zone } from '../cluster/manifest-texts.ts';
import { type ApiProxy, openProxy } from '../control-plane/proxy.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until } from '../rig/until.ts';
import { clusterAt } from './clusters.ts';
import { installCrds } from './install.ts';
import { put, remove } from './objects.ts';

/**
 * One that does not stream its lists, and keeps nothing of what it has told: it reads etcd for each request, and knows
 * nothing any more of what was before etcd was compacted.
 */
const plane = useControlPlane(
  { apiServerArgs: ['--feature-gates=WatchList=false', '--watch-cache=false'] },
  installCrds,
);
/** A page has 500. */
const ZONES = 1100;
const patience = { withinMs: 30_000 };

let namespace: string;
let proxy: ApiProxy;
let cluster: KubernetesCluster;
/** Zones in each view that was told. */
let sizes: number[];

beforeEach(async ({ task }) => {
  namespace = await plane().namespace();
  const count = task.name.includes('pages') ? ZONES : 20;
  const names = Array.from({ length: count }, (_, index) => `zone-${index}`);
  await atOnce(16, names, (name) => put(plane(), namespace, zone(name)));
  proxy = await openProxy(plane());
  sizes = [];
  cluster = clusterAt(plane(), { namespace, server: proxy.server });
}, 120_000);

afterEach(async () => {
  await cluster?.stop();
  await proxy?.close();
});

async function synced(): Promise<void> {
  await cluster.start(() => sizes.push(cluster.view().zones.size));
  await until(() => cluster.view().synced, { withinMs: 60_000 });
}

const asked = (what: RegExp): number =>
  proxy.asked.filter(({ path }) => path.includes('/dnszones?') && what.test(path)).length;

const has = (name: string): boolean => cluster.view().zones.has(objectKey(namespace, name));

test('lists come in pages, and count when all of them are there', async () => {
  await synced();
  expect(cluster.view().zones.size).toBe(ZONES);
  expect(asked(/sendInitialEvents/)).toBe(1);
  expect(asked(/limit=500/)).toBe(3);
  // Nobody was told of a part.
  expect(sizes.filter((size) => size !== 0 && size !== ZONES)).toEqual([]);
  await put(plane(), namespace, zone('new'));
  await until(() => has('new'), patience);
  await remove(plane(), namespace, zone('zone-0'));
  await until(() => !has('zone-0'), patience);
  expect(asked(/limit=500/)).toBe(3);
}, 120_000);

test('pages whose continuation the server has forgotten are read anew, and count when all are there', async () => {
  let compacted: Promise<unknown> | undefined;
  proxy.fault(({ path }) => {
    if (!path.includes('/dnszones?') || !path.includes('continue=')) return undefined;
    if (compacted !== undefined) return undefined;
    compacted = put(plane(), namespace, zone('late')).then(() => plane().compact());
    return { delayMs: 3000 };
  });
  await synced();
  expect(compacted).toBeDefined();
  expect(cluster.view().zones.size).toBe(ZONES + 1);
  expect(asked(/limit=500/)).toBeGreaterThan(4);
  expect(sizes.filter((size) => size !== 0 && size !== ZONES + 1)).toEqual([]);
}, 120_000);

test('etcd is compacted under an open watch: it goes on', async () => {
  await synced();
  const before = asked(/limit=500/);
  await remove(plane(), namespace, zone('zone-7'));
  await plane().compact();
  await put(plane(), namespace, zone('new'));
  await plane().compact();
  await until(() => has('new') && !has('zone-7'), patience);
  expect(cluster.view().stale).toBeUndefined();
  expect(asked(/limit=500/)).toBe(before);
});

test('etcd is compacted while a watch is away: all is read anew, and nothing is acted on before it is whole', async () => {
  await synced();
  const kept = cluster.view().zones.get(objectKey(namespace, 'zone-5'));
  const before = asked(/limit=500/);
  proxy.fault(() => ({ code: 503 }));
  await until(() => cluster.view().stale, patience);
  await remove(plane(), namespace, zone('zone-7'));
  await put(plane(), namespace, zone('zone-8', { ttl: 77 }));
  await plane().compact();
  sizes = [];
  proxy.fault(undefined);
  await until(() => !has('zone-7'), patience);
  const { zones } = cluster.view();
  expect(zones.get(objectKey(namespace, 'zone-8'))?.spec.ttl).toBe(77);
  // Read anew, and still the same.
  expect(zones.get(objectKey(namespace, 'zone-5'))).toBe(kept);
  expect(Math.min(...sizes)).toBe(19);
  expect(asked(/limit=500/)).toBeGreaterThan(before);
});
