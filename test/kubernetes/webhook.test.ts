import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, expect, test } from 'vitest';
import { INJECT } from '../../agent/inject/settings.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { webhookOf } from '../../agent/install/webhook.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { openLedger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';
import { installCrds } from './install.ts';
import {
  type Answered,
  image,
  labels,
  namedPod,
  patience,
  reviewOf,
  WebhookRig,
} from './webhook-rig.ts';

const ledger = openLedger();
const state: { rig?: WebhookRig } = {};

const plane = useControlPlane({ controllerManager: true }, async (control) => {
  await installCrds(control);
  const rig = new WebhookRig(control, ledger);
  state.rig = rig;
  await rig.install();
  await (await rig.start()).ready();
});

afterAll(async () => {
  await state.rig?.stop();
  ledger.sweep();
});

const rig = (): WebhookRig => {
  if (state.rig === undefined) throw new Error('the webhook is there within tests only');
  return state.rig;
};

const agents = (pod: {
  readonly spec: { readonly initContainers?: readonly { name: string }[] };
}) => (pod.spec.initContainers ?? []).filter(({ name }) => name === 'bind9-agent');

test('a pod that asks for the agent comes out with it, under its ServiceAccount and with its token', async () => {
  const namespace = await rig().home();
  const { code, message, pod } = await rig().create(namespace, namedPod('dns-0'));
  expect([code, message]).toEqual([201, '']);
  const token = expect.objectContaining({
    mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
  });
  expect(agents(pod)).toEqual([
    expect.objectContaining({
      image,
      restartPolicy: 'Always',
      volumeMounts: expect.arrayContaining([token]),
    }),
  ]);
  expect(pod.spec.serviceAccountName).toBe('bind9-agent');
});

test("a Deployment's pods come out with it, and restricted Pod Security admits them", async () => {
  const namespace = await rig().home();
  const level = 'pod-security.kubernetes.io/enforce=restricted';
  await plane().kubectl(['label', 'namespace', namespace, level]);
  const { metadata, spec } = namedPod('any');
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'dns', namespace },
    spec: {
      replicas: 2,
      selector: { matchLabels: { instance: 'primary' } },
      template: { metadata: { labels: metadata.labels }, spec },
    },
  };
  await plane().kubectl(['apply', '-f', '-'], JSON.stringify(deployment));
  const pods = async () => {
    const { body } = await plane().request('GET', `/api/v1/namespaces/${namespace}/pods`);
    return (body as { items: Parameters<typeof agents>[0][] }).items;
  };
  await until(async () => (await pods()).length === 2, patience);
  for (const pod of await pods()) expect(agents(pod)).toHaveLength(1);
});

test('a dry run shows the agent and leaves nothing', async () => {
  const namespace = await rig().home();
  const { code, pod } = await rig().create(namespace, namedPod('dns-0'), '?dryRun=All');
  expect(code).toBe(201);
  expect(agents(pod)).toHaveLength(1);
  const { body } = await plane().request('GET', `/api/v1/namespaces/${namespace}/pods`);
  expect((body as { items: unknown[] }).items).toEqual([]);
});

test('asked twice, it is put in once', async () => {
  const namespace = await rig().home();
  const { pod } = await rig().create(namespace, namedPod('dns-0'));
  const [replica] = rig().replicas;
  const { text } = (await replica?.ask('POST', '/mutate', reviewOf(pod))) ?? { text: '' };
  expect(JSON.parse(text).response).toEqual({ uid: 'u', allowed: true });
  // As where it is restored from a backup.
  const { spec } = pod;
  const again = await rig().create(namespace, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'dns-1', labels },
    spec,
  });
  expect(agents(again.pod)).toHaveLength(1);
});

test('it is asked again after another webhook has changed the pod', async () => {
  const [replica] = rig().replicas;
  const namespace = await rig().home();
  const name = `zz-${rig().name}`;
  const configurations = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  // The same once more under a later name: what the first has done is changed by the second, for another image.
  const other = await rig().start('--inject-image=bind9-agent:9.9.9');
  rig().replicas.pop();
  await other.ready();
  const { body } = await plane().request('GET', `${configurations}/${rig().name}`);
  const { webhooks } = body as { webhooks: { clientConfig: object }[] };
  const url = `https://127.0.0.1:${other.port}/mutate`;
  const made = await plane().request('POST', configurations, {
    metadata: { name },
    webhooks: webhooks.map((each) => ({
      ...each,
      reinvocationPolicy: 'Never',
      clientConfig: { ...each.clientConfig, url },
    })),
  });
  expect(made.code).toBe(201);
  try {
    const before = (await replica?.metric('bind9_agent_webhook_reviews_total')) ?? 0;
    const asked = async () => {
      const created = await rig().create(namespace, namedPod(`dns-${performance.now()}`));
      expect(created.message).toBe('');
      return (await other.metric('bind9_agent_webhook_reviews_total')) > 0
        ? created.pod
        : undefined;
    };
    const pod = await until(asked, patience);
    expect(pod && agents(pod)).toEqual([expect.objectContaining({ image })]);
    expect(await replica?.metric('bind9_agent_webhook_reviews_total')).toBeGreaterThan(before + 1);
  } finally {
    await plane().request('DELETE', `${configurations}/${name}`);
    await other.child.stop('SIGKILL');
  }
});

test('a pod that asks for it and cannot have it is refused with every reason', async () => {
  const namespace = await rig().home();
  const args = { args: ['-t', '/jail'], ports: [{ containerPort: 8055 }] };
  const { code, message } = await rig().create(namespace, namedPod('dns-0', labels, args));
  expect(code).toBe(422);
  expect(message).toMatch(
    /^admission webhook "inject\.agent\.bindy\.firestoned\.io" denied the request: bind9-agent cannot be put beside named: spec\.containers\[0\]\.args: want named without -t, got -t \/jail; .*8055/,
  );
});

test('pods without the label, or in a namespace without it, are left as they are', async () => {
  const [namespace, other] = [await rig().home(), await rig().home(false)];
  const plain = await rig().create(namespace, namedPod('plain', {}));
  const unwanted = await rig().create(namespace, namedPod('no', { [INJECT]: 'false' }));
  const elsewhere = await rig().create(other, namedPod('dns-0'));
  for (const { code, pod } of [plain, unwanted, elsewhere]) {
    expect(code).toBe(201);
    expect(agents(pod)).toEqual([]);
  }
});

test('kubectl shows what agents will not take of a resource; it is stored all the same', async () => {
  const namespace = await rig().home(false);
  const apply = async (kind: string, spec: object) => {
    const object = {
      apiVersion: 'bindy.firestoned.io/v1beta1',
      kind,
      metadata: { name: 'some', namespace },
      spec,
    };
    const args = ['apply', '--warnings-as-errors', '-f', '-'];
    return plane()
      .kubectl(args, JSON.stringify(object))
      .catch((error: Error) => error.message);
  };
  expect(await apply('DNSZone', { zoneName: 'example.com', secondaryConfig: {} })).toMatch(
    /Warning: spec\.secondaryConfig: want type: secondary beside it/,
  );
  expect(await apply('PTRRecord', { zone: 'example.com', name: 'x', target: 'a..b' })).toMatch(
    /Warning: not used by agents: spec\.target: .*"?a\.\.b/,
  );
  expect(
    await apply('ARecord', { zone: 'example.com', name: 'x', ipv4Addresses: ['192.0.2.1'] }),
  ).toMatch(/^arecord\S* created\n$/);
  const kinds = await plane().kubectl(['-n', namespace, 'get', 'dz,ptrrecords,a', '-o', 'name']);
  expect(kinds.trim().split('\n')).toHaveLength(3);
});

/** The answer to a review of so many bytes, of which none is sent: whoever sends on after an answer may lose it. */
const announced = (port: number, bytes: number): Promise<string> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      const type = 'Content-Type: application/json';
      const head = ['POST /mutate HTTP/1.1', 'Host: webhook', type, `Content-Length: ${bytes}`];
      socket.write(`${head.join('\r\n')}\r\n\r\n`);
    });
    socket.once('data', (data) => {
      resolve(data.toString());
      socket.destroy();
    });
    socket.once('error', reject);
  });

test('garbled and huge reviews are refused, and it serves on', async () => {
  const [replica] = rig().replicas;
  if (replica === undefined) throw new Error('no replica');
  const post = (body: string | Buffer) => replica.ask('POST', '/mutate', body);
  const wrong: [string | Buffer, number][] = [
    ['', 400],
    ['{', 400],
    ['null', 400],
    ['[]', 400],
    ['{"apiVersion":"v1","kind":"Pod"}', 400],
    [JSON.stringify({ apiVersion: 'admission.k8s.io/v1beta1', kind: 'AdmissionReview' }), 400],
    [JSON.stringify({ apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' }), 400],
    [reviewOf({}, ''), 400],
    [Buffer.from([0xff, 0xfe, 0x00, 0x7b]), 400],
  ];
  for (const [body, code] of wrong)
    expect((await post(body)).code, String(body).slice(0, 80)).toBe(code);
  expect(await announced(replica.port, 9 * 1024 * 1024)).toMatch(/^HTTP\/1\.1 413 /);
  // What is no pod is left to the API server to refuse.
  for (const object of [
    {},
    { spec: 7 },
    { spec: { containers: [] } },
    { metadata: null, spec: null },
  ])
    expect(JSON.parse((await post(reviewOf(object))).text).response.allowed).toBe(true);
  // The largest that an API server takes, of things that it has to look through.
  const env = Array.from({ length: 25_000 }, (_, at) => ({
    name: `NAME_${at}`,
    value: 'x'.repeat(60),
  }));
  const large = await post(reviewOf(namedPod('large', labels, { env })));
  expect(JSON.parse(large.text).response.patchType).toBe('JSONPatch');
  expect((await replica.ask('GET', '/livez')).code).toBe(200);
  expect((await replica.ask('GET', '/nothing')).code).toBe(404);
});

test('99 of 100 reviews take 20 ms at most', async () => {
  const [replica] = rig().replicas;
  const namespace = await rig().home();
  const { pod } = await rig().create(namespace, namedPod('dns-0', {}));
  const { metadata, ...rest } = pod;
  const review = reviewOf({ ...rest, metadata: { ...metadata, labels } });
  const timed = async (ask: () => Promise<Answered> | undefined): Promise<number> => {
    const from = performance.now();
    expect((await ask())?.code).toBe(200);
    return performance.now() - from;
  };
  const measure = async () => {
    const times = { review: [] as number[], nothing: [] as number[] };
    for (let round = 0; round < 1000; round += 1) {
      times.review.push(await timed(() => replica?.ask('POST', '/mutate', review)));
      times.nothing.push(await timed(() => replica?.ask('GET', '/livez')));
    }
    const at = (list: readonly number[], share: number) =>
      list.toSorted((a, b) => a - b)[Math.floor(list.length * share)] ?? 0;
    const [p50, p99, idle] = [
      at(times.review, 0.5),
      at(times.review, 0.99),
      at(times.nothing, 0.99),
    ];
    const told = [p50, p99, idle].map((ms) => `${ms.toFixed(1)} ms`);
    console.info(`1,000 reviews: p50 ${told[0]}, p99 ${told[1]}; to do nothing: p99 ${told[2]}`);
    return { p99, idle };
  };
  // The first ones are compiled while they are answered. And on a machine that has much else to do, nothing takes as long.
  const isQuick = async () => {
    const { p99, idle } = await measure();
    return p99 <= Math.max(20, idle + 10);
  };
  await until(isQuick, patience);
}, 120_000);

test('restricted Pod Security admits the pods of the webhook itself', async () => {
  const common = {
    namespace: 'webhook-home',
    name: 'some',
    port: 8443,
    image,
    settings: new Map(),
  };
  const [namespace, ...others] = webhookOf({ ...common, certManager: true });
  if (namespace === undefined) throw new Error('no namespace');
  await plane().kubectl(['apply', '-f', '-'], manifestText([namespace]));
  const deployment = others.find(({ kind }) => kind === 'Deployment');
  type Template = { readonly template: { readonly metadata: object; readonly spec: object } };
  const { template } = (deployment?.['spec'] ?? {}) as Template;
  await plane().kubectl(['-n', 'webhook-home', 'create', 'serviceaccount', 'some']);
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    ...template,
    metadata: { ...template.metadata, name: 'x' },
  };
  const args = ['-n', 'webhook-home', 'create', '--dry-run=server', '-f', '-'];
  await plane().kubectl(args, JSON.stringify(pod));
});

test('what config/webhook holds is taken by an API server, strictly, and twice is once', async () => {
  const folder = join(import.meta.dirname, '../../config/webhook');
  const apply = ['apply', '--validate=strict', '-k', folder];
  try {
    expect(await plane().kubectl(apply)).not.toMatch(/unchanged|configured/);
    const again = (await plane().kubectl(apply)).trim().split('\n');
    // kubectl finds the selector of every PodDisruptionBudget different, whatever stands there.
    const other = again.filter((line) => !/ unchanged$|^poddisruptionbudget/.test(line));
    expect(other).toEqual([]);
  } finally {
    await plane().kubectl(['delete', '--ignore-not-found', '-k', folder]);
  }
});
