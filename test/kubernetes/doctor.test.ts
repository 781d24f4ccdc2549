import { afterAll, afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import { INJECT } from '../../agent/inject/settings.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { webhookOf } from '../../agent/install/webhook.ts';
import { run } from '../../agent/process.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { agentProgram } from '../rig/bundle.ts';
import { openLedger } from '../rig/ledger.ts';
import { untilEqual } from '../rig/until.ts';
import { image, labels, namedPod, patience, WebhookRig } from './webhook-rig.ts';

const ledger = openLedger();
const open: WebhookRig[] = [];
const plane = useControlPlane({ controllerManager: true });

afterEach(async () => {
  for (const rig of open.splice(0)) await rig.stop();
});
afterAll(() => ledger.sweep());

async function doctor(
  { name, namespace }: Pick<WebhookRig, 'name' | 'namespace'>,
  kubeconfig: string,
  ...words: readonly string[]
) {
  const { file, args } = await agentProgram('source');
  const flags = [
    ...[`--webhook-name=${name}`, `--webhook-namespace=${namespace}`],
    `--kubernetes-kubeconfig=${kubeconfig}`,
  ];
  const ran = await run(file, [...args, 'doctor', ...flags, ...words], { timeoutMs: 60_000 });
  return { code: ran.ok ? 0 : ran.exitCode, stdout: ran.stdout, stderr: ran.stderr };
}

interface Found {
  readonly pods: readonly {
    readonly name: string;
    readonly reason: string;
    readonly image?: string;
  }[];
}

test('doctor lists the pods that should have an agent and do not, each with what to do', async () => {
  const rig = new WebhookRig(plane(), ledger);
  open.push(rig);
  const [home, bare] = [await rig.home(), await rig.home(false)];
  const make = async (namespace: string, pod: object) =>
    expect((await rig.create(namespace, pod)).code).toBe(201);
  const admin = plane().adminKubeconfig;

  await make(home, namedPod('a-early'));
  const early = await doctor(rig, admin);
  expect(early).toMatchObject({ code: 1, stderr: '' });
  expect(early.stdout).toMatch(
    new RegExp(
      `^NAMESPACE +NAME +AGE +REASON\n${home} +a-early +\\d+s +want the webhook installed, then make it anew\n$`,
    ),
  );

  await rig.install();
  const deployment = webhookOf({
    ...{ namespace: rig.namespace, name: rig.name, port: 8443, image },
    ...{ certManager: false, settings: new Map() },
  }).find(({ kind }) => kind === 'Deployment');
  if (deployment === undefined) throw new Error('want a Deployment');
  const none = { ...deployment, spec: { ...(deployment['spec'] as object), replicas: 0 } };
  await plane().kubectl(['apply', '-f', '-'], manifestText([none]));
  await (await rig.start()).ready();
  await make(home, namedPod('b-injected'));
  await make(home, namedPod('c-wrong', { ...labels, [INJECT]: 'yes' }));
  await make(home, namedPod('d-unwanted', { ...labels, [INJECT]: 'false' }));
  await make(home, namedPod('e-other', {}));
  await make(bare, namedPod('f-bare'));

  const names = `${home},${bare}`;
  const found = await doctor(rig, admin, '-o', 'json', '--kubernetes-namespaces', names);
  expect(found).toMatchObject({ code: 1, stderr: '' });
  const reasons = ({ pods }: Found) =>
    Object.fromEntries(pods.map(({ name, reason }) => [name, reason]));
  expect(reasons(JSON.parse(found.stdout))).toEqual({
    'a-early': expect.stringMatching(
      /^it (is older than the webhook|was made when .*): make it anew$/,
    ),
    'c-wrong': `want its label ${INJECT} to be "true", got "yes"`,
    'f-bare': `want its namespace labelled ${INJECT}=true, then make it anew`,
  });
  const upgraded = await doctor(rig, admin, '-o', 'yaml', '--inject-image=bind9-agent:2.0.0');
  const { pods } = parse(upgraded.stdout) as Found;
  expect(pods.find(({ name }) => name === 'b-injected')).toMatchObject({
    image,
    reason: `its bind9-agent is ${image}, want bind9-agent:2.0.0: make it anew`,
  });

  for (const name of ['a-early', 'c-wrong'])
    await plane().kubectl(['-n', home, 'delete', 'pod', name, '--force']);
  await make(home, namedPod('a-early'));
  const left = async () => doctor(rig, admin, '--kubernetes-namespaces', home);
  await untilEqual(
    left,
    { code: 0, stdout: 'Every pod that asks for an agent has it.\n', stderr: '' },
    patience,
  );
}, 120_000);

test('doctor says what it may not see, and fails where it may see no pods', async () => {
  const rig = new WebhookRig(plane(), ledger);
  open.push(rig);
  const namespace = await rig.home();
  expect((await rig.create(namespace, namedPod('dns-0'))).code).toBe(201);
  const account = ['-n', namespace, 'create', 'serviceaccount', 'reader'];
  await plane().kubectl(account);
  const kubeconfig = plane().kubeconfig(
    await plane().tokenFor({ namespace, serviceAccount: 'reader' }),
  );
  const only = ['--kubernetes-namespaces', namespace];
  const blind = await doctor(rig, kubeconfig, ...only);
  expect(blind).toMatchObject({ code: 1, stdout: '' });
  expect(blind.stderr).toMatch(
    /^bind9-agent: pods cannot be read: pods is forbidden: .* \(HTTP 403\)\n$/,
  );
  const binding = ['create', 'rolebinding', 'view', '--clusterrole=view'];
  const subject = `--serviceaccount=${namespace}:reader`;
  await plane().kubectl(['-n', namespace, ...binding, subject]);
  const seen = () =>
    doctor(rig, kubeconfig, ...only, '-o', 'json').then(({ stdout }) => stdout !== '');
  await untilEqual(seen, true, patience);
  const { code, stdout, stderr } = await doctor(rig, kubeconfig, ...only);
  expect(code).toBe(1);
  expect(stdout).toContain('it was made when the webhook was not asked: make it anew');
  for (const what of ['namespaces', 'the webhook configuration', "the webhook's Deployment"])
    expect(stderr).toContain(`bind9-agent: ${what} cannot be read: `);
}, 120_000);
