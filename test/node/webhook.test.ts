import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { INJECT } from '../../agent/inject/settings.ts';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { webhookOf } from '../../agent/install/webhook.ts';
import { productImages } from '../containers/images.ts';
import { withEye } from '../rig/dns.ts';
import { until, untilEqual } from '../rig/until.ts';
import { containerOf, Namespace, type PodState } from './cluster.ts';
import { namedImage } from './images.ts';
import { placeOf } from './service-load.ts';
import { useNode } from './suite.ts';

const node = useNode();
const root = resolve(import.meta.dirname, '..', '..');
const patience = { withinMs: 120_000, everyMs: 100 };
const webhook = 'bind9-agent-webhook';
const replicas = `app.kubernetes.io/name=${webhook}`;

const system = (): Namespace => new Namespace(node(), 'bind9-agent-system');
const dns = (): Namespace => new Namespace(node(), 'dns-system');

/** A pod of named that asks for the agent: only that it is made is asked for. */
const asking = JSON.stringify({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'asking', labels: { [INJECT]: 'true' } },
  spec: { containers: [{ name: 'named', image: namedImage }] },
});

const dryRun = (): Promise<string> =>
  node().plane.kubectl(
    ['-n', 'dns-system', 'create', '--dry-run=server', '-o', 'json', '-f', '-'],
    asking,
  );

const primary = JSON.stringify({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'primary-dns' },
  spec: {
    selector: { matchLabels: { instance: 'primary-dns' } },
    template: {
      metadata: {
        labels: {
          instance: 'primary-dns',
          role: 'primary',
          cluster: 'production',
          [INJECT]: 'true',
        },
      },
      spec: { containers: [{ name: 'named', image: namedImage }] },
    },
  },
});

async function install(): Promise<void> {
  const { plane } = node();
  const examples = join(root, 'config/examples');
  await plane.kubectl(['apply', '-f', join(examples, 'namespace.yaml')]);
  const wanted = installOf(['crds', 'rbac', 'policy'], defaultInstallation);
  await plane.kubectl(['apply', '-f', '-'], manifestText(wanted));
  const all = webhookOf({
    ...{ namespace: system().name, name: webhook, port: 8443 },
    ...{ image: productImages.agent, certManager: false, settings: new Map() },
  });
  await plane.kubectl(['apply', '-f', '-'], manifestText(all));
  await dns().kubectl('label', 'namespace', dns().name, `${INJECT}=true`);
  const rollout = ['rollout', 'status', `deployment/${webhook}`, '--timeout=180s'];
  await system().kubectl(...rollout);
  await dns().kubectl('apply', '-f', join(examples, 'zone.yaml'));
}

test('installed as it is printed, it makes pods of a plain Deployment serve with their agents', async () => {
  await install();
  await until(dryRun, patience);
  await dns().apply(primary);
  const [pod] = await dns().settled('instance=primary-dns', 1);
  if (pod === undefined) throw new Error('want a pod');
  const started = (name: string) => containerOf(pod, name).state.running?.startedAt ?? '';
  expect(started('bind9-agent') <= started('named')).toBe(true);
  const served = () =>
    withEye(placeOf(pod.status.podIP ?? ''), (eye) => eye.data('www.example.com', 'A'));
  await untilEqual(served, ['192.0.2.1'], patience);
}, 400_000);

test('its own replicas are replaced one by one, and no review is refused', async () => {
  const state = { done: false, count: 0 };
  const refused: string[] = [];
  const load = async (): Promise<void> => {
    while (!state.done) {
      const made = await dryRun().catch((error: Error) => error.message);
      if (!made.includes('"bind9-agent"')) refused.push(made);
      state.count += 1;
    }
  };
  const loads = [load(), load()];
  const before = await system().settled(replicas, 2);
  await system().kubectl('rollout', 'restart', `deployment/${webhook}`);
  await system().kubectl('rollout', 'status', `deployment/${webhook}`, '--timeout=180s');
  const names = (pods: readonly PodState[]) => pods.map(({ metadata }) => metadata.name);
  const after = await system().settled(replicas, 2);
  expect(names(after).filter((name) => names(before).includes(name))).toEqual([]);
  state.done = true;
  await Promise.all(loads);
  console.log(`measured: ${state.count} reviews while both replicas were replaced`);
  expect(refused).toEqual([]);
  expect(state.count).toBeGreaterThan(10);
}, 400_000);

test('with every replica gone, what runs goes on, and a pod is made as soon as one is back', async () => {
  const [pod] = await dns().settled('instance=primary-dns', 1);
  if (pod === undefined) throw new Error('want a pod');
  await system().kubectl('scale', `deployment/${webhook}`, '--replicas=0');
  await until(async () => (await system().allPods(replicas)).length === 0, patience);
  await expect(dryRun()).rejects.toThrow(
    /failed calling webhook "inject\.agent\.bindy\.firestoned\.io"/,
  );
  await dns().kubectl('delete', 'pod', pod.metadata.name, '--wait=false');
  const waiting = () => dns().kubectl('get', 'events', '-o', 'jsonpath={.items[*].message}');
  await until(async () => (await waiting()).includes('failed calling webhook'), patience);
  await system().kubectl('scale', `deployment/${webhook}`, '--replicas=2');
  const [next] = await dns().settled('instance=primary-dns', 1);
  expect(next?.metadata.name).not.toBe(pod.metadata.name);
}, 400_000);
