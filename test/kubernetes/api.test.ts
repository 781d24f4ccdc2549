import { writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import type { KubernetesCluster } from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { zone } from '../cluster/manifest-texts.ts';
import { type ApiProxy, openProxy } from '../control-plane/proxy.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { openWire, type Wire } from '../control-plane/wire.ts';
import { until } from '../rig/until.ts';
import { openAccount, serviceAccount } from './account.ts';
import { apiAt, clusterAt, type Opening, tokenFile } from './clusters.ts';
import { installCrds } from './install.ts';
import { put } from './objects.ts';

const plane = useControlPlane({ controllerManager: true }, installCrds);
/** As promised: at most so long after the API server can be reached, everything is true again. */
const TRUE_AGAIN = { withinMs: 30_000 };
/** A watch is known to hang after three seconds, a request after one. */
const hasty = { times: { watchSeconds: 2, idleMs: 500, listIdleMs: 1000 }, timeoutMs: 1000 };

let namespace: string;
let closing: (() => Promise<unknown>)[];
/** Zones in each view that was told. */
let sizes: number[];

beforeEach(async () => {
  namespace = await plane().namespace();
  closing = [];
  sizes = [];
});
afterEach(async () => {
  for (const close of closing.reverse()) await close();
});

async function start(opening: Opening): Promise<KubernetesCluster> {
  const cluster = clusterAt(plane(), { namespace, ...opening });
  closing.push(() => cluster.stop());
  await cluster.start(() => sizes.push(cluster.view().zones.size));
  return cluster;
}

async function synced(opening: Opening): Promise<KubernetesCluster> {
  const cluster = await start(opening);
  await until(() => cluster.view().synced, TRUE_AGAIN);
  sizes = [];
  return cluster;
}

async function newWire(): Promise<Wire> {
  const wire = await openWire(Number(new URL(plane().server).port));
  closing.push(() => wire.close());
  return wire;
}

async function newProxy(): Promise<ApiProxy> {
  const proxy = await openProxy(plane());
  closing.push(() => proxy.close());
  return proxy;
}

function newApi(server: string, timeoutMs = 8000): HttpApi {
  const api = apiAt(plane(), { server, timeoutMs });
  closing.push(async () => api.close());
  return api;
}

const hasZone = (cluster: KubernetesCluster, name: string): boolean =>
  cluster.view().zones.has(objectKey(namespace, name));

const zonesIn = (namespace: string): string =>
  `/apis/bindy.firestoned.io/v1beta1/namespaces/${namespace}/dnszones`;

describe('connections that are dead without a word', () => {
  test('of watches: they are begun anew where they left off, and nothing was missing meanwhile', async () => {
    const wire = await newWire();
    await put(plane(), namespace, zone('before'));
    const cluster = await synced({ ...hasty, server: `https://127.0.0.1:${wire.port}` });
    wire.freeze();
    await put(plane(), namespace, zone('after'));
    await until(() => hasZone(cluster, 'after'), TRUE_AGAIN);
    await until(() => cluster.view().stale === undefined, TRUE_AGAIN);
    expect(Math.min(...sizes)).toBeGreaterThan(0);
  });

  test('of lists: they are given up, told, and begun anew', async () => {
    const wire = await newWire();
    wire.swallow();
    await put(plane(), namespace, zone('example'));
    const cluster = await start({ ...hasty, server: `https://127.0.0.1:${wire.port}` });
    await until(() => cluster.view().stale?.includes('no answer within 1 s'), TRUE_AGAIN);
    expect(cluster.view().synced).toBe(false);
    await wire.mend();
    await until(() => cluster.view().synced, TRUE_AGAIN);
    expect(hasZone(cluster, 'example')).toBe(true);
  });

  test('of those that are kept for later, one is found out, and not one after the other', async () => {
    const wire = await newWire();
    const api = newApi(`https://127.0.0.1:${wire.port}`, 1000);
    const ask = () => api.request({ method: 'GET', path: zonesIn(namespace) });
    await Promise.all(Array.from({ length: 8 }, ask));
    expect(wire.open).toBeGreaterThan(4);
    wire.freeze();
    await expect(ask()).rejects.toThrow('no answer within 1 s');
    expect((await ask()).ok).toBe(true);
  });
});

describe('a token', () => {
  /** A token of a new pod, and how it is made invalid. */
  async function newToken(): Promise<{ token: string; revoke: () => Promise<void> }> {
    const name = `pod-${Math.random().toString(36).slice(2, 8)}`;
    await plane().pod({ namespace, name, serviceAccount });
    const token = await plane().tokenFor({ namespace, serviceAccount, pod: name });
    const revoke = async (): Promise<void> => {
      const pod = `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`;
      await plane().request('DELETE', pod);
      const probe = { token };
      await until(
        async () => (await plane().request('GET', '/api', undefined, probe)).code === 401,
        TRUE_AGAIN,
      );
    };
    return { token, revoke };
  }

  test('that is replaced in its file: the new one is read as soon as the old one is refused', async () => {
    ({ namespace } = await openAccount(plane()));
    const [first, second, third] = [await newToken(), await newToken(), await newToken()];
    const file = tokenFile(plane(), first.token);
    const cluster = await synced({ ...hasty, tokenFile: file });
    await first.revoke();
    await until(() => cluster.view().stale?.includes('Unauthorized'), TRUE_AGAIN);
    // As whoever writes it in place leaves it for a moment; nobody enters without a token then.
    await writeFile(file, '');
    await until(() => cluster.view().stale?.includes(`cannot read ${file}`), TRUE_AGAIN);
    await writeFile(file, second.token);
    await until(() => cluster.view().stale === undefined, TRUE_AGAIN);

    // Replaced in time, nobody notices.
    await writeFile(file, third.token);
    await second.revoke();
    const end = performance.now() + 2 * hasty.times.watchSeconds * 1200;
    await until(() => {
      expect(cluster.view().stale).toBeUndefined();
      return performance.now() > end;
    });
    await put(plane(), namespace, zone('new'));
    await until(() => hasZone(cluster, 'new'), TRUE_AGAIN);
  }, 120_000);
});

describe('an API server that says when it wants to be asked again', () => {
  const SECONDS = 3;
  const busy = {
    code: 429,
    body: 'Too many requests, please try again later.',
    headers: { 'retry-after': String(SECONDS) },
  };

  test('is not asked before that by a watch, and everything is true again after', async () => {
    const proxy = await newProxy();
    await put(plane(), namespace, zone('before'));
    const cluster = await synced({ ...hasty, server: proxy.server });
    const isOfZones = (path: string): boolean => path.startsWith(`${zonesIn(namespace)}?`);
    const before = proxy.asked.length;
    proxy.fault(({ path }) => (isOfZones(path) ? busy : undefined));
    const asks = (): number[] =>
      proxy.asked.slice(before).flatMap(({ path, at }) => (isOfZones(path) ? [at] : []));
    await until(() => asks().length > 2, TRUE_AGAIN);
    const times = asks();
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(Math.min(...pauses)).toBeGreaterThan(SECONDS * 1000 - 50);
    expect(cluster.view().stale).toMatch(/^DNSZone: .*HTTP 429/);
    expect(hasZone(cluster, 'before')).toBe(true);
    proxy.fault(undefined);
    await put(plane(), namespace, zone('after'));
    await until(() => hasZone(cluster, 'after') && cluster.view().stale === undefined, TRUE_AGAIN);
  });

  test('is not asked before that by a request, which says so at once', async () => {
    const proxy = await newProxy();
    const api = newApi(proxy.server);
    const ask = (name: string) =>
      api.request({ method: 'GET', path: `${zonesIn(namespace)}/${name}` });
    proxy.fault(() => busy);
    await expect(ask('one')).rejects.toThrow('Too many requests');
    proxy.fault(undefined);
    const asked = proxy.asked.length;
    await expect(ask('two')).rejects.toThrow(
      'HTTP 429, and it wants not to be asked again so soon',
    );
    expect(proxy.asked.length).toBe(asked);
    // Of other kinds it has said nothing.
    await api.request({ method: 'GET', path: `/api/v1/namespaces/${namespace}/configmaps` });
    await until(async () => (await ask('one')).ok === false);
  });
});
