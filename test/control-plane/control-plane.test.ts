import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, inject, test } from 'vitest';
import { type Child, startChild } from '../rig/child.ts';
import { openLedger } from '../rig/ledger.ts';
import { until, untilEqual } from '../rig/until.ts';
import type { ControlPlane } from './control-plane.ts';
import { startControlPlane } from './start.ts';
import { useControlPlane } from './suite.ts';

const plane = useControlPlane({ controllerManager: true });

const open: { stop(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.stop();
});

const configMap = (namespace: string, name: string, data: Record<string, string>) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace, name },
  data,
});

test('kubectl reads and writes, and its failures say what it said', async () => {
  const namespace = await plane().namespace();
  const text = JSON.stringify(configMap(namespace, 'some', { key: 'value' }));
  expect(await plane().kubectl(['apply', '-f', '-'], text)).toBe('configmap/some created\n');
  const get = ['get', 'configmap', '-n', namespace, '-o', 'jsonpath={.data.key}'];
  expect(await plane().kubectl([...get, 'some'])).toBe('value');
  await expect(plane().kubectl([...get, 'other'])).rejects.toThrow(
    'Error from server (NotFound): configmaps "other" not found',
  );
});

test("a bound token is its pod's, and may do nothing by itself", async () => {
  const namespace = await plane().namespace();
  const { uid } = await plane().pod({ namespace, name: 'dns-0', ip: '192.0.2.1' });
  const token = await plane().tokenFor({ namespace, serviceAccount: 'default', pod: 'dns-0' });
  const review = await plane().request(
    'POST',
    '/apis/authentication.k8s.io/v1/selfsubjectreviews',
    {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'SelfSubjectReview',
    },
    { token },
  );
  expect(review.body).toMatchObject({
    status: {
      userInfo: {
        username: `system:serviceaccount:${namespace}:default`,
        extra: {
          'authentication.kubernetes.io/pod-name': ['dns-0'],
          'authentication.kubernetes.io/pod-uid': [uid],
        },
      },
    },
  });
  const pods = `/api/v1/namespaces/${namespace}/pods`;
  expect((await plane().request('GET', pods, undefined, { token })).code).toBe(403);
  const as = plane().kubeconfig(token, namespace);
  await expect(plane().kubectl([`--kubeconfig=${as}`, 'get', 'pods'])).rejects.toThrow(
    `pods is forbidden: User "system:serviceaccount:${namespace}:default" cannot list`,
  );
});

test('a pod has its address, and what it owns is collected after it', async () => {
  const namespace = await plane().namespace();
  const { uid } = await plane().pod({ namespace, name: 'dns-0', ip: '192.0.2.1' });
  const get = ['get', 'pod', '-n', namespace, 'dns-0', '-o', 'jsonpath={.status.podIP}'];
  expect(await plane().kubectl(get)).toBe('192.0.2.1');
  const leases = `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'dns-0', uid }];
  await plane().request('POST', leases, { metadata: { name: 'own', ownerReferences } });
  const code = async () => (await plane().request('GET', `${leases}/own`)).code;
  expect(await code()).toBe(200);
  await plane().kubectl(['delete', 'pod', '-n', namespace, 'dns-0']);
  await untilEqual(code, 404);
});

test('the data and the address survive a restart of the API server', async () => {
  const namespace = await plane().namespace();
  const { server, pids } = plane();
  await plane().request(
    'POST',
    `/api/v1/namespaces/${namespace}/configmaps`,
    configMap(namespace, 'some', {}),
  );
  const token = await plane().tokenFor({ namespace, serviceAccount: 'default' });
  await plane().apiServer.kill();
  expect(existsSync(`/proc/${pids.apiServer}`)).toBe(false);
  await expect(plane().request('GET', '/readyz')).rejects.toThrow('ECONNREFUSED');
  await plane().apiServer.start();
  expect(plane().server).toBe(server);
  expect(plane().pids).toEqual({ ...pids, apiServer: plane().apiServer.pid });
  expect(await plane().kubectl(['get', 'configmap', '-n', namespace, 'some'])).toContain('some');
  const path = `/api/v1/namespaces/${namespace}`;
  expect((await plane().request('GET', path, undefined, { token })).code).toBe(403);
});

test('a paused API server answers nothing until it is resumed', async () => {
  plane().apiServer.pause();
  let answered = false;
  const asked = plane()
    .request('GET', '/readyz')
    .then(() => {
      answered = true;
    });
  await until(() => stateOf(plane().pids.apiServer) === 'T');
  expect(answered).toBe(false);
  plane().apiServer.resume();
  await asked;
});

test('after a compaction, a list that was begun before cannot be continued', async () => {
  const binaries = inject('controlPlane').servers;
  // The API server's own cache would go on for some seconds.
  const other = await startControlPlane({ binaries, apiServerArgs: ['--watch-cache=false'] });
  open.push(other);
  const path = `/api/v1/namespaces/${await other.namespace()}/configmaps`;
  for (const name of ['a', 'b', 'c']) await other.request('POST', path, { metadata: { name } });
  const first = (await other.request('GET', `${path}?limit=1`)).body as {
    metadata: { continue: string };
  };
  const rest = `${path}?limit=1&continue=${encodeURIComponent(first.metadata.continue)}`;
  expect((await other.request('GET', rest)).code).toBe(200);
  await other.request('POST', path, { metadata: { name: 'd' } });
  await other.compact();
  expect((await other.request('GET', rest)).code).toBe(410);
});

test('a namespace ends with all that is in it', async () => {
  const namespace = await plane().namespace('short');
  expect(namespace).toMatch(/^short-/);
  await plane().kubectl(['delete', 'namespace', namespace]);
  expect((await plane().request('GET', `/api/v1/namespaces/${namespace}`)).code).toBe(404);
});

test('starts within seconds without a controller manager, and stops every process', async () => {
  const started = performance.now();
  const other = await startControlPlane({ binaries: inject('controlPlane').servers });
  open.push(other);
  expect(performance.now() - started).toBeLessThan(30_000);
  const { etcd, apiServer, controllerManager } = other.pids;
  expect(controllerManager).toBeUndefined();
  const namespace = await other.namespace();
  await other.pod({ namespace, name: 'some' });
  await other.stop();
  for (const pid of [etcd, apiServer]) expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(existsSync(other.folder)).toBe(false);
});

test('a server that does not start is told with its log, and nothing is left', async () => {
  const binaries = inject('controlPlane').servers;
  const start = startControlPlane({ binaries, apiServerArgs: ['--no-such-flag'] });
  await expect(start).rejects.toThrow('unknown flag: --no-such-flag');
});

test('nothing outlives a test run that was killed', async () => {
  const own = openLedger();
  open.push({ stop: () => own.sweep() });
  const log = join(own.folder, 'log');
  const source = `
    import { startControlPlane } from ${JSON.stringify(join(import.meta.dirname, 'start.ts'))};
    const { folder, pids } = await startControlPlane({ controllerManager: true });
    console.log(JSON.stringify({ folder, pids }));`;
  const args = ['--input-type=module-typescript', '-e', source];
  const run: Child = startChild({ file: process.execPath, args }, { log, ledger: own });
  const told = await until(() => JSON.parse(readFileSync(log, 'utf8')) as unknown, {
    withinMs: 40_000,
  });
  const { folder, pids } = told as Pick<ControlPlane, 'folder' | 'pids'>;
  await run.stop('SIGKILL');
  openLedger().sweep();
  expect(existsSync(folder)).toBe(false);
  const all = Object.values(pids);
  expect(all).toHaveLength(3);
  await until(() => all.every((pid) => !existsSync(`/proc/${pid}`)));
});

/** `T`: stopped. proc(5), the third field of stat. */
const stateOf = (pid: number): string | undefined =>
  readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.[0];
