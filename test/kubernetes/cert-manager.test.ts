import { X509Certificate } from 'node:crypto';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Built } from '../containers/built.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { startChild, tail } from '../rig/child.ts';
import { openLedger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';
import { certManagerCrds, certManagerProgram, provideCertManager } from './cert-manager.ts';
import { load, servedBy } from './webhook-load.ts';
import { namedPod, patience, WebhookRig } from './webhook-rig.ts';

const ledger = openLedger();
const state: { certManager?: Built; log?: string } = {};
const open: WebhookRig[] = [];

beforeAll(async () => {
  state.certManager = await provideCertManager();
}, 1_200_000);

const plane = useControlPlane({}, async (plane) => {
  if (state.certManager?.ok !== true) return;
  const { folder } = state.certManager;
  const crds = certManagerCrds(folder).flatMap((file) => ['-f', file]);
  await plane.kubectl(['apply', '--server-side', ...crds]);
  await plane.kubectl(['wait', '--for=condition=Established', 'crd', '--all', '--timeout=60s']);
  state.log = join(ledger.folder, 'cert-manager.log');
  // As injectors of old do: an authority takes the place of the one before.
  const args = [`--kubeconfig-file=${plane.adminKubeconfig}`, '--merge=false'];
  startChild({ file: certManagerProgram(folder), args }, { log: state.log, ledger });
});

beforeEach(({ skip }) => {
  if (state.certManager?.ok === false) skip(state.certManager.why);
});
afterEach(async () => {
  for (const rig of open.splice(0)) await rig.stop();
});
afterAll(() => ledger.sweep());

interface Stored {
  readonly metadata: { readonly resourceVersion: string };
  readonly data: Readonly<Record<string, string>>;
  readonly status?: { readonly conditions?: readonly { readonly type: string }[] };
  readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
}

async function stored(path: string): Promise<Stored> {
  const { code, body } = await plane().request('GET', path);
  if (code !== 200) throw new Error(`${path}: ${code}\n${tail(state.log ?? '')}`);
  return body as Stored;
}

const secretOf = ({ namespace }: WebhookRig, name: string): Promise<Stored> =>
  stored(`/api/v1/namespaces/${namespace}/secrets/${name}`);

/** PEM. */
const certificateOf = async (rig: WebhookRig, name: string): Promise<string> =>
  atob((await secretOf(rig, name)).data['tls.crt'] ?? '');

const bundles = ({ name }: WebhookRig): Promise<string[]> =>
  Promise.all(
    ['mutating', 'validating'].map(async (kind) => {
      const path = `/apis/admissionregistration.k8s.io/v1/${kind}webhookconfigurations/${name}`;
      return (await stored(path)).webhooks[0]?.clientConfig.caBundle ?? '';
    }),
  );

/** What an operator does by `cmctl renew`. */
async function renew(rig: WebhookRig, name: string): Promise<void> {
  const path = `/apis/cert-manager.io/v1/namespaces/${rig.namespace}/certificates/${name}`;
  const before = await certificateOf(rig, name);
  const { conditions = [] } = (await stored(path)).status ?? {};
  const lastTransitionTime = new Date().toISOString();
  const reason = { reason: 'ManuallyTriggered', message: 'by hand', lastTransitionTime };
  const others = conditions.filter(({ type }) => type !== 'Issuing');
  const status = { conditions: [...others, { type: 'Issuing', status: 'True', ...reason }] };
  const contentType = 'application/merge-patch+json';
  const { code } = await plane().request('PATCH', `${path}/status`, { status }, { contentType });
  expect(code).toBe(200);
  await until(async () => (await certificateOf(rig, name)) !== before, patience);
}

/** The folder of a Secret in a pod: exchanged as a whole, and some time after the Secret. */
function mounted(rig: WebhookRig): { readonly folder: string; put(): Promise<void> } {
  const folder = join(ledger.folder, rig.name);
  mkdirSync(folder);
  const names = ['tls.crt', 'tls.key', 'ca.crt'];
  for (const name of names) symlinkSync(join('..data', name), join(folder, name));
  const put = async (): Promise<void> => {
    const { data, metadata } = await secretOf(rig, rig.name);
    const version = `..${metadata.resourceVersion}`;
    mkdirSync(join(folder, version), { recursive: true });
    for (const name of names) writeFileSync(join(folder, version, name), atob(data[name] ?? ''));
    symlinkSync(version, join(folder, '..new'));
    renameSync(join(folder, '..new'), join(folder, '..data'));
  };
  return { folder, put };
}

async function openRig() {
  const rig = new WebhookRig(plane(), ledger, { certManager: true });
  open.push(rig);
  await rig.install();
  await until(async () => (await certificateOf(rig, rig.name)) !== '', patience);
  const volume = mounted(rig);
  await volume.put();
  const [certificate, key] = ['tls.crt', 'tls.key'].map((name) => join(volume.folder, name));
  const replica = await rig.start(
    `--webhook-cert-file=${certificate}`,
    `--webhook-key-file=${key}`,
  );
  await replica.ready();
  await until(async () => (await bundles(rig)).every((bundle) => bundle !== ''), patience);
  return { rig, replica, volume, namespace: await rig.home() };
}

test('cert-manager makes the certificate and injects its authority, and reviews are answered', async () => {
  const { rig, namespace } = await openRig();
  const { subjectAltName, issuer } = new X509Certificate(await certificateOf(rig, rig.name));
  expect(subjectAltName).toContain(`DNS:${rig.name}.${rig.namespace}.svc,`);
  expect(issuer).toBe(`CN=${rig.name}-ca`);
  const authority = (await secretOf(rig, `${rig.name}-ca`)).data['tls.crt'];
  expect(await bundles(rig)).toEqual([authority, authority]);
  await until(
    async () => (await rig.create(namespace, namedPod('x'), '?dryRun=All')).code === 201,
    patience,
  );
  expect((await rig.create(namespace, namedPod('dns-0'))).pod.spec.initContainers).toHaveLength(1);
  await rig.install();
  await rig.install('--server-side', '--force-conflicts');
  expect(await bundles(rig)).toEqual([authority, authority]);
});

test('no review is refused while certificate and authority are renewed, though pods hear of it later', async () => {
  const { rig, replica, volume, namespace } = await openRig();
  const moved = async (): Promise<void> => {
    const before = await servedBy(replica);
    const since = under.state.count;
    // A kubelet brings it a minute later: until then, reviews are answered by the certificate before.
    await until(() => under.state.count > since + 100, patience);
    await volume.put();
    await until(async () => (await servedBy(replica)) !== before, patience);
  };
  await until(
    async () => (await rig.create(namespace, namedPod('x'), '?dryRun=All')).code === 201,
    patience,
  );
  const under = load(rig, namespace);
  await renew(rig, rig.name);
  await moved();
  const before = await bundles(rig);
  await renew(rig, `${rig.name}-ca`);
  await renew(rig, rig.name);
  await until(async () => (await bundles(rig)).every((now) => !before.includes(now)), patience);
  await moved();
  const then = under.state.count;
  await until(() => under.state.count > then + 20, patience);
  await under.stop();
  expect(under.refused).toEqual([]);
}, 180_000);
