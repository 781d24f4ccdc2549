import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { makeCertificate } from '../../agent/webhook/make-certificate.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { openLedger } from '../rig/ledger.ts';
import { until, untilEqual } from '../rig/until.ts';
import { load, servedBy } from './webhook-load.ts';
import { namedPod, patience, WebhookRig } from './webhook-rig.ts';

const ledger = openLedger();
const open: WebhookRig[] = [];
const plane = useControlPlane({ controllerManager: true });

afterEach(async () => {
  for (const rig of open.splice(0)) await rig.stop();
});
afterAll(() => ledger.sweep());

async function openRig(replicas: number, ...flags: string[]): Promise<WebhookRig> {
  const rig = new WebhookRig(plane(), ledger);
  open.push(rig);
  await rig.install();
  const started = [];
  for (let each = 0; each < replicas; each += 1) started.push(await rig.start(...flags));
  for (const replica of started) await replica.ready();
  return rig;
}

interface Stored {
  readonly metadata: { readonly resourceVersion: string };
  readonly data: Readonly<Record<string, string>>;
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

const stored = async (path: string): Promise<Stored> =>
  (await plane().request('GET', path)).body as Stored;

const secretPath = ({ namespace, name }: WebhookRig) =>
  `/api/v1/namespaces/${namespace}/secrets/${name}`;

const configurationPaths = ({ name }: WebhookRig) =>
  ['mutating', 'validating'].map(
    (kind) => `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/${name}`,
  );

/** What API servers trust now, PEM. */
async function trusted(rig: WebhookRig): Promise<string> {
  const [path = ''] = configurationPaths(rig);
  return atob((await stored(path)).webhooks[0]?.clientConfig.caBundle ?? '');
}

test('with the webhook down, pods without the label start, and labelled ones are refused and told why', async () => {
  const rig = await openRig(1);
  const namespace = await rig.home();
  for (const { child } of rig.replicas) await child.stop('SIGKILL');
  const down = await rig.create(namespace, namedPod('dns-0'));
  expect(down.code).toBe(500);
  expect(down.message).toMatch(
    /failed calling webhook "inject\.agent\.bindy\.firestoned\.io": failed to call webhook: Post "https:\/\/127\.0\.0\.1:\d+\/mutate\?timeout=5s": /,
  );
  expect((await rig.create(namespace, namedPod('web', {}))).code).toBe(201);
  rig.replicas.length = 0;
  await (await rig.start()).ready();
  expect((await rig.create(namespace, namedPod('dns-0'))).code).toBe(201);
});

test('certificates move on under load, in both replicas, without a refused review', async () => {
  const rig = await openRig(2, '--webhook-valid-seconds=20');
  const namespace = await rig.home();
  const under = load(rig, namespace);
  const seen = rig.replicas.map(() => new Set<string>());
  const untrusted: unknown[] = [];
  const look = async () => {
    const ca = await trusted(rig);
    for (const [index, replica] of rig.replicas.entries())
      await servedBy(replica, ca).then(
        (serial) => seen[index]?.add(serial),
        (error: unknown) => untrusted.push(error),
      );
    return seen.every((serials) => serials.size >= 3);
  };
  await until(look, { withinMs: 120_000, everyMs: 100 });
  expect(untrusted).toEqual([]);
  await under.stop();
  expect(under.refused).toEqual([]);
  expect(under.state.count).toBeGreaterThan(50);
  for (const { metric } of rig.replicas)
    expect(await metric('bind9_agent_webhook_certificate_problem')).toBe(0);
}, 180_000);

test('one of two replicas is killed: reviews go on, and the next one serves by the same certificate', async () => {
  const rig = await openRig(2);
  const namespace = await rig.home();
  const [first, second] = rig.replicas;
  if (first === undefined || second === undefined) throw new Error('want two replicas');
  expect(await servedBy(first)).toBe(await servedBy(second));
  const before = await stored(secretPath(rig));
  const under = load(rig, namespace);
  await until(() => under.state.count > 20, patience);
  await first.child.stop('SIGKILL');
  const then = under.state.count;
  await until(() => under.state.count > then + 50, patience);
  await under.stop();
  // Those that were on their way to it, one a client.
  expect(under.refused.length).toBeLessThanOrEqual(2);
  rig.replicas.shift();
  const third = await rig.start();
  await third.ready();
  expect(await servedBy(third)).toBe(await servedBy(second));
  expect(await stored(secretPath(rig))).toEqual(before);
});

test('replicas that start at once agree on one certificate, and then write nothing more', async () => {
  const rig = await openRig(3, '--webhook-valid-seconds=300');
  const serials = new Set(await Promise.all(rig.replicas.map((each) => servedBy(each))));
  expect(serials.size).toBe(1);
  const versions = async () =>
    (await Promise.all([secretPath(rig), ...configurationPaths(rig)].map(stored))).map(
      ({ metadata }) => metadata.resourceVersion,
    );
  const before = await versions();
  const looks = async () => {
    const { body } = await plane().request('GET', '/metrics');
    const counted = /^apiserver_request_total\{.*resource="secrets".*verb="GET".*\} (\d+)$/gm;
    return [...String(body).matchAll(counted)].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  // Each has looked again, and again.
  const first = await looks();
  await until(async () => (await looks()) >= first + 9, { withinMs: 90_000, everyMs: 500 });
  expect(await versions()).toEqual(before);
}, 120_000);

test('what somebody has taken away or spoilt is put back as it was', async () => {
  const rig = await openRig(2, '--webhook-valid-seconds=60');
  const namespace = await rig.home();
  const [first] = rig.replicas;
  if (first === undefined) throw new Error('want a replica');
  const healed = async (what: string) =>
    until(async () => {
      const { code, message } = await rig.create(namespace, namedPod('x'), '?dryRun=All');
      const { data } = await stored(secretPath(rig));
      const bundles = (await Promise.all(configurationPaths(rig).map(stored))).map(
        ({ webhooks }) => webhooks[0]?.clientConfig.caBundle,
      );
      if (bundles.some((bundle) => bundle !== data['ca.crt'])) throw new Error(`${what}: bundles`);
      if (code !== 201) throw new Error(`${what}: ${message}`);
      return true;
    }, patience);
  const serial = await servedBy(first);
  const contentType = 'application/merge-patch+json';
  await plane().request('DELETE', secretPath(rig));
  await healed('Secret gone');
  await plane().request(
    'PATCH',
    secretPath(rig),
    { data: { 'tls.key': btoa('x') } },
    { contentType },
  );
  await until(async () => (await stored(secretPath(rig))).data['tls.key'] !== btoa('x'), patience);
  await healed('Secret spoilt');
  const patch = [{ op: 'remove', path: '/webhooks/0/clientConfig/caBundle' }];
  for (const path of configurationPaths(rig)) {
    const { code } = await plane().request('PATCH', path, patch, {
      contentType: 'application/json-patch+json',
    });
    expect(code).toBe(200);
  }
  await healed('bundle gone');
  expect(new Set([serial, await servedBy(first)]).size).toBeLessThanOrEqual(2);
}, 120_000);

test('on its way out it says so, and answers those who have not heard', async () => {
  const rig = await openRig(1);
  const [replica] = rig.replicas;
  if (replica === undefined) throw new Error('want a replica');
  replica.child.signal('SIGTERM');
  await until(async () => (await replica.ask('GET', '/readyz')).code === 503, patience);
  expect((await replica.ask('GET', '/livez')).code).toBe(200);
  expect(await replica.child.exited).toEqual({ code: 0, signal: null });
});

test('a certificate that others make is served anew when it changes, and the bundle is left to them', async () => {
  const rig = new WebhookRig(plane(), ledger);
  open.push(rig);
  await rig.install();
  const namespace = await rig.home();
  const [certFile, keyFile] = ['crt', 'key'].map((end) =>
    join(ledger.folder, `${rig.name}.${end}`),
  );
  const issue = async () => {
    const now = Date.now();
    const made = await makeCertificate({ names: ['127.0.0.1'], from: now, until: now + 3_600_000 });
    writeFileSync(certFile ?? '', made.certificate);
    writeFileSync(keyFile ?? '', made.key);
    const contentType = 'application/json-patch+json';
    const value = btoa(made.authority);
    const patch = [{ op: 'add', path: '/webhooks/0/clientConfig/caBundle', value }];
    for (const path of configurationPaths(rig))
      await plane().request('PATCH', path, patch, { contentType });
    return value;
  };
  await issue();
  const replica = await rig.start(
    `--webhook-cert-file=${certFile}`,
    `--webhook-key-file=${keyFile}`,
  );
  await replica.ready();
  const made = async () => (await rig.create(namespace, namedPod('x'), '?dryRun=All')).code === 201;
  await until(made, patience);
  const before = await servedBy(replica);
  const bundle = await issue();
  await until(async () => (await servedBy(replica)) !== before, patience);
  await until(made, patience);
  for (const path of configurationPaths(rig))
    expect((await stored(path)).webhooks[0]?.clientConfig.caBundle).toBe(bundle);
  expect((await plane().request('GET', secretPath(rig))).code).toBe(404);
});

test('to apply the manifests once more leaves the bundle as it is', async () => {
  const rig = await openRig(1);
  const bundle = await trusted(rig);
  expect(bundle).toContain('BEGIN CERTIFICATE');
  await rig.install();
  await rig.install('--server-side', '--force-conflicts');
  expect(await trusted(rig)).toBe(bundle);
});

test('its account may write its own Secret and configurations, and nothing else', async () => {
  const rig = await openRig(1);
  const { namespace, name } = rig;
  const token = await plane().tokenFor({ namespace, serviceAccount: name });
  const may = async (verb: string, group: string, resource: string, object: object) => {
    const resourceAttributes = { verb, group, resource, ...object };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const { body } = await plane().request(
      'POST',
      path,
      { spec: { resourceAttributes } },
      { token },
    );
    return (body as { readonly status: { readonly allowed: boolean } }).status.allowed;
  };
  const admission = 'admissionregistration.k8s.io';
  for (const verb of ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete']) {
    const ofSecret = ['get', 'create', 'patch'].includes(verb);
    expect(await may(verb, '', 'secrets', { namespace, name }), verb).toBe(ofSecret);
    for (const other of [
      { namespace, name: 'other' },
      { namespace: 'kube-system', name },
    ])
      expect(await may(verb, '', 'secrets', other), verb).toBe(false);
    for (const resource of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations']) {
      const ofOwn = ['get', 'patch'].includes(verb);
      expect(await may(verb, admission, resource, { name }), verb).toBe(ofOwn);
      expect(await may(verb, admission, resource, { name: 'other' }), verb).toBe(false);
    }
    for (const resource of ['pods', 'configmaps', 'serviceaccounts'])
      expect(await may(verb, '', resource, { namespace }), verb).toBe(false);
  }
});

test('where the API server was told to ask nobody, it says so, and goes on when it is told again', async () => {
  const rig = await openRig(1, '--webhook-valid-seconds=60');
  const [replica] = rig.replicas;
  if (replica === undefined) throw new Error('want a replica');
  const problem = () => replica.metric('bind9_agent_webhook_certificate_problem');
  const [path = ''] = configurationPaths(rig);
  await plane().request('DELETE', path);
  await untilEqual(problem, 1, patience);
  expect((await replica.ask('GET', '/readyz')).code).toBe(200);
  await rig.install();
  await untilEqual(problem, 0, patience);
  const namespace = await rig.home();
  expect((await rig.create(namespace, namedPod('dns-0'))).pod.spec.initContainers).toHaveLength(1);
});
