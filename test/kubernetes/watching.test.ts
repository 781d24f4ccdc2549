import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { KubernetesCluster } from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import type { LastGood } from '../../agent/observe/last-good.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { record, zone } from '../cluster/manifest-texts.ts';
import { openProxy } from '../control-plane/proxy.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until, untilEqual } from '../rig/until.ts';
import { clusterAt, type Opening } from './clusters.ts';
import { installCrds } from './install.ts';
import { put, putConfigMap, remove } from './objects.ts';

const plane = useControlPlane({}, installCrds);
/** As promised: at most so long after the API server is ready, everything is true again. */
const TRUE_AGAIN = { withinMs: 30_000 };

let namespace: string;
let open: KubernetesCluster[];
/** Zones in each view that was told. */
let sizes: number[];

beforeEach(async () => {
  namespace = await plane().namespace();
  open = [];
  sizes = [];
});
afterEach(async () => {
  await Promise.all(open.map((cluster) => cluster.stop()));
});

async function start(opening: Opening = {}): Promise<KubernetesCluster> {
  const cluster = clusterAt(plane(), { namespace, ...opening });
  open.push(cluster);
  await cluster.start(() => sizes.push(cluster.view().zones.size));
  return cluster;
}

async function synced(opening: Opening = {}): Promise<KubernetesCluster> {
  const cluster = await start(opening);
  await until(() => cluster.view().synced);
  sizes = [];
  return cluster;
}

const hasZone = (cluster: KubernetesCluster, name: string): boolean =>
  cluster.view().zones.has(objectKey(namespace, name));

const problemOf = ({ invalid }: ClusterView, object: string): string | undefined =>
  invalid.find((each) => each.object === object)?.problems[0]?.problem;

describe('a pod that renders no zones', () => {
  test('reads no records; where it comes to be a primary, nothing is synced before they are', async () => {
    await put(plane(), namespace, zone('here'));
    await put(plane(), namespace, record('www', 'here', '192.0.2.1'));
    const cluster = clusterAt(plane(), { namespace });
    open.push(cluster);
    cluster.readFor('secondary');
    await cluster.start(() => undefined);
    await until(() => cluster.view().synced && hasZone(cluster, 'here'));
    const isRead = () => cluster.ages().has('ARecord');
    expect(isRead()).toBe(false);
    cluster.readFor('primary');
    expect(cluster.view().synced).toBe(false);
    expect(isRead()).toBe(true);
    await until(() => cluster.view().synced);
    expect([...cluster.view().records.values()].map(({ spec }) => spec)).toMatchObject([
      { zoneRef: 'here' },
    ]);
    // Nothing is given up: it may be a primary again at any moment.
    cluster.readFor('secondary');
    expect(cluster.view().synced).toBe(true);
    await put(plane(), namespace, record('more', 'here', '192.0.2.2'));
    await until(() => cluster.view().records.size === 2);
  });

  test('ends when it is stopped while it starts', async () => {
    const lastGood = {
      read: () => systemClock.sleep(100).then(() => []),
      keep: async () => undefined,
    };
    const cluster = clusterAt(plane(), { namespace, lastGood: lastGood as unknown as LastGood });
    cluster.readFor('secondary');
    await cluster.start(() => undefined);
    let ended = false;
    void cluster.stop().then(() => {
      ended = true;
    });
    await until(() => ended, { withinMs: 5000 });
  });
});

describe('an API server that goes away', () => {
  test('killed and back: all is kept meanwhile, and all is true again in time', async () => {
    await put(plane(), namespace, zone('kept'));
    await put(plane(), namespace, zone('gone'));
    const cluster = await synced();
    await plane().apiServer.kill();
    const told = /^\w+ and \d+ more kinds: not up to date since \S+: .*ECONNREFUSED/;
    await until(() => told.test(cluster.view().stale ?? ''), { withinMs: 5000 });
    const { stale, removalsFrozen, zones } = cluster.view();
    expect(removalsFrozen).toBe(stale);
    expect(zones.size).toBe(2);
    await plane().apiServer.start();
    await until(() => remove(plane(), namespace, zone('gone')).then(() => true));
    await put(plane(), namespace, zone('new'));
    await until(() => cluster.view().stale === undefined, TRUE_AGAIN);
    await until(() => hasZone(cluster, 'new') && !hasZone(cluster, 'gone'));
    expect(cluster.view().removalsFrozen).toBeUndefined();
    // What it had before was never taken for gone on the way.
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  test('stopped in the middle: noticed by its silence, and true again when it goes on', async () => {
    const times = { watchSeconds: 2, idleMs: 500 };
    const cluster = await synced({ times, timeoutMs: 1000 });
    plane().apiServer.pause();
    try {
      await until(() => cluster.view().stale);
      expect(cluster.view().stale).toContain('no answer within 1 s');
      expect(Math.max(...cluster.ages().values())).toBeGreaterThan(2);
    } finally {
      plane().apiServer.resume();
    }
    await put(plane(), namespace, zone('new'));
    await until(() => hasZone(cluster, 'new'), TRUE_AGAIN);
    await until(() => cluster.view().stale === undefined);
  });

  test('its watches are ended by the server all the time, and nobody notices', async () => {
    const proxy = await openProxy(plane());
    try {
      const cluster = await synced({ server: proxy.server, times: { watchSeconds: 1 } });
      const watches = () => proxy.asked.filter(({ path }) => isOfZones(path) && !isList(path));
      const lists = () => proxy.asked.filter(({ path }) => isOfZones(path) && isList(path)).length;
      // More than one where the server was not ready for the first.
      const before = lists();
      await until(() => {
        expect(cluster.view().stale).toBeUndefined();
        return watches().length > 3;
      });
      expect(sizes).toEqual([]);
      await put(plane(), namespace, zone('new'));
      await until(() => hasZone(cluster, 'new'), { withinMs: 2000 });
      expect(lists()).toBe(before);
    } finally {
      await proxy.close();
    }
  });

  test('a watch that comes too late reads all anew, and acts on nothing before it is whole', async () => {
    const proxy = await openProxy(plane());
    try {
      for (let i = 0; i < 20; i++) await put(plane(), namespace, zone(`zone-${i}`));
      const cluster = await synced({ server: proxy.server });
      const before = cluster.view().zones.get(objectKey(namespace, 'zone-5'));
      proxy.fault(() => ({ code: 503 }));
      await until(() => cluster.view().stale);
      await remove(plane(), namespace, zone('zone-7'));
      await put(plane(), namespace, zone('zone-8', { ttl: 77 }));
      await plane().compact();
      await plane().apiServer.restart();
      sizes = [];
      proxy.fault(undefined);
      await until(() => !hasZone(cluster, 'zone-7'), TRUE_AGAIN);
      const { zones } = cluster.view();
      expect(zones.get(objectKey(namespace, 'zone-8'))?.spec.ttl).toBe(77);
      // Read anew, and still the same.
      expect(zones.get(objectKey(namespace, 'zone-5'))).toBe(before);
      expect(Math.min(...sizes)).toBe(19);
      const lists = proxy.asked.filter(({ path }) => isOfZones(path) && isList(path));
      expect(lists.length).toBeGreaterThan(1);
    } finally {
      await proxy.close();
    }
  });
});

const isOfZones = (path: string): boolean => path.includes('/dnszones?');
const isList = (path: string): boolean => !/[?&]resourceVersion=/.test(path);

describe('kinds that the API server does not know', () => {
  const definition =
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/caarecords.bindy.firestoned.io';
  const object = 'CustomResourceDefinition caarecords.bindy.firestoned.io';
  const times = { absentMs: 300 };

  const withdraw = async (): Promise<void> => {
    await plane().request('DELETE', definition);
    await until(async () => (await plane().request('GET', definition)).code === 404);
  };
  afterEach(() => installCrds(plane()));

  test('at the start: empty, told, and read as soon as they are there', async () => {
    await withdraw();
    await put(plane(), namespace, zone('example'));
    const cluster = await synced({ times });
    expect(hasZone(cluster, 'example')).toBe(true);
    expect(problemOf(cluster.view(), object)).toContain('want its CRD');
    expect(cluster.view().removalsFrozen).toBeUndefined();
    await installCrds(plane());
    await until(() => problemOf(cluster.view(), object) === undefined);
  });

  test('later: what is missing is not taken for deleted until they are back', async () => {
    const cluster = await synced({ times: { ...times, watchSeconds: 1 } });
    await withdraw();
    await until(() => cluster.view().removalsFrozen);
    expect(cluster.view().removalsFrozen).toMatch(/^CAARecord: .* does not know .*caarecords/);
    await installCrds(plane());
    await until(() => cluster.view().removalsFrozen === undefined);
  });
});

describe('ConfigMaps', () => {
  const from = (name: string) =>
    zone('example', { zoneFileFrom: { configMapKeyRef: { name, key: 'zone' } } });
  const textOf = (cluster: KubernetesCluster, name: string): string | undefined =>
    cluster.view().configMaps.get(objectKey(namespace, name))?.data['zone'];

  /** The zone has come to refer to one that the API server does not give, but answers with this code. */
  async function refusedLater(code: number) {
    for (const name of ['first', 'later'])
      await putConfigMap(plane(), namespace, name, { zone: name });
    await put(plane(), namespace, from('first'));
    const proxy = await openProxy(plane());
    onTestFinished(() => proxy.close());
    const cluster = await synced({ server: proxy.server });
    proxy.fault(({ path }) => (path.includes('/configmaps/') ? { code } : undefined));
    await put(plane(), namespace, from('later'));
    return { cluster, proxy };
  }

  test('those that zones refer to are there when all is synced; no other is kept', async () => {
    await putConfigMap(plane(), namespace, 'wanted', { zone: 'first' });
    await putConfigMap(plane(), namespace, 'other', { zone: 'other' });
    await put(plane(), namespace, from('wanted'));
    const cluster = await synced();
    expect(textOf(cluster, 'wanted')).toBe('first');
    await putConfigMap(plane(), namespace, 'wanted', { zone: 'second' });
    await until(() => textOf(cluster, 'wanted') === 'second');
    expect([...cluster.view().configMaps.keys()]).toEqual([`${namespace}/wanted`]);
  });

  test('one that is referred to later is fetched, and given up again', async () => {
    await putConfigMap(plane(), namespace, 'first', { zone: 'first' });
    await putConfigMap(plane(), namespace, 'second', { zone: 'second' });
    await put(plane(), namespace, from('first'));
    const cluster = await synced();
    await put(plane(), namespace, from('second'));
    await until(() => textOf(cluster, 'second') === 'second');
    await until(() => textOf(cluster, 'first') === undefined);
    await putConfigMap(plane(), namespace, 'third', { zone: 'third' });
    await put(plane(), namespace, from('third'));
    await until(() => textOf(cluster, 'third') === 'third');
  });

  test('the API server is gone as a zone refers to one: all others are planned on', async () => {
    const { cluster, proxy } = await refusedLater(503);
    await until(
      () =>
        cluster.view().zones.get(objectKey(namespace, 'example'))?.spec.zoneFileFrom
          ?.configMapKeyRef.name === 'later',
    );
    await until(() => cluster.view().synced);
    expect(textOf(cluster, 'later')).toBeUndefined();
    proxy.fault(undefined);
    await until(() => textOf(cluster, 'later') === 'later');
  });

  test('one that the API server does not give is told, and asked for until it does', async () => {
    const { cluster, proxy } = await refusedLater(403);
    const wrong = () => cluster.view().invalid.map(({ object }) => object);
    await untilEqual(wrong, [`ConfigMap ${namespace}/later`]);
    expect(cluster.view().synced).toBe(true);
    proxy.fault(undefined);
    await until(() => textOf(cluster, 'later') === 'later');
    expect(wrong()).toEqual([]);
  });

  test('none is asked for as long as no zone refers to one', async () => {
    const proxy = await openProxy(plane());
    try {
      await put(plane(), namespace, zone('example'));
      const cluster = await synced({ server: proxy.server });
      await put(plane(), namespace, zone('other'));
      await until(() => hasZone(cluster, 'other'));
      expect(proxy.asked.filter(({ path }) => path.includes('configmaps'))).toEqual([]);
    } finally {
      await proxy.close();
    }
  });
});
