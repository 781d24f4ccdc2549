import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readCommandLine } from '../../agent/cli.ts';
import { manifests } from '../../agent/commands/manifests.ts';
import { webhook } from '../../agent/commands/webhook.ts';
import type { Context } from '../../agent/context.ts';
import { defaultSettings } from '../../agent/inject/settings.ts';
import { loadOptions } from '../../agent/options/load.ts';
import { WebhookMetrics } from '../../agent/webhook/metrics.ts';
import { mutate } from '../../agent/webhook/mutate.ts';
import { answer, outcomes, readReview } from '../../agent/webhook/review.ts';
import { validate } from '../../agent/webhook/validate.ts';
import { objectsIn, templateOf, textOf } from '../inject/shapes.ts';

const review = (object: unknown, resource = 'pods') => ({
  uid: 'u',
  namespace: 'dns',
  resource,
  object,
});
const settings = { ...defaultSettings, image: 'bind9-agent:1' };

test('a review that is none says what is missing', () => {
  const request = { uid: 'u', resource: { resource: 'pods' } };
  const all = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
  expect(readReview({ ...all, request })).toMatchObject({ ok: true, value: { uid: 'u' } });
  const problems = (body: unknown) => {
    const read = readReview(body);
    return read.ok ? [] : read.problems;
  };
  expect(problems(7)).toEqual([{ path: '', problem: 'want an AdmissionReview, got 7' }]);
  expect(problems({ ...all, request: { ...request, uid: 3 } })).toEqual([
    { path: 'request.uid', problem: 'want text, got 3' },
  ]);
  expect(problems({ ...all, request: { uid: 'u', resource: 'pods' } })).toEqual([
    { path: 'request.resource.resource', problem: 'want text, got nothing' },
  ]);
});

test('what looks like no pod of named and asks for nothing is let pass, with a word', () => {
  const web = { spec: { containers: [{ name: 'web', image: 'nginx' }] } };
  const verdict = mutate(review(web), settings);
  expect(verdict).toMatchObject({ outcome: 'unwanted' });
  expect(verdict.warnings?.[0]).toMatch(/^bind9-agent: left as it is: spec\.containers: want one/);
  expect(mutate(review({}, 'services'), settings).warnings).toEqual([
    'bind9-agent: want pods here, got services',
  ]);
});

test('no zone is ever denied, and an API server gets no more warnings than it shows', () => {
  const names = Array.from({ length: 30 }, (_, at) => ({ hostname: `a..${at}` }));
  const zone = {
    apiVersion: 'bindy.firestoned.io/v1beta1',
    kind: 'DNSZone',
    metadata: { name: 'z', namespace: 'dns' },
    spec: { zoneName: 'example.com', nameServers: names, soaRecord: { refresh: -1 } },
  };
  const verdict = validate(review(zone, 'dnszones'));
  expect(verdict.outcome).toBe('warned');
  expect(verdict.warnings?.length).toBeGreaterThan(30);
  const { response } = answer(review(zone), verdict) as {
    response: { allowed: boolean; warnings: string[] };
  };
  expect(response.allowed).toBe(true);
  expect(response.warnings).toHaveLength(16);
  expect(response.warnings.at(-1)).toMatch(/^and \d+ more$/);
  for (const warning of response.warnings) expect(warning.length).toBeLessThanOrEqual(256);
});

test.each([
  [
    'ARecord',
    { zone: 'example.com', name: 'www.example.org.', ipv4Addresses: ['192.0.2.1'] },
    'spec.name: want a name in example.com, got www.example.org',
  ],
  [
    'ARecord',
    { zoneRef: 'z', name: 'a_b', ipv4Addresses: ['192.0.2.1'] },
    'spec.name: a_b A is left out: want a host name (letters, digits, inner hyphens) as owner, got a_b',
  ],
  [
    'CNAMERecord',
    { zone: 'example.com', name: '@', target: 'x' },
    'spec.name: example.com CNAME is left out: want nothing beside a CNAME, got SOA, NS',
  ],
  [
    'DNSZone',
    { zoneName: 'example.com', nameServers: [{ hostname: 'n_1.example.com' }] },
    'spec.nameServers[0].hostname: want a host name (letters, digits, inner hyphens), got n_1.example.com',
  ],
  [
    'DNSZone',
    { zoneName: 'example.com', zoneFile: '$INCLUDE x\n' },
    'spec.zoneFile line 1: want the whole zone in one text, got $INCLUDE',
  ],
])(
  'of a %s it warns as it will be refused for when a zone is made of it',
  (kind, spec, warning) => {
    const object = {
      apiVersion: 'bindy.firestoned.io/v1beta1',
      kind,
      metadata: { name: 'o' },
      spec,
    };
    expect(validate(review(object))).toEqual({
      outcome: 'warned',
      warnings: [`not used by agents: ${warning}`],
    });
  },
);

test.each([
  ['DNSZone', { zoneName: 'example.com' }],
  ['DNSZone', { zoneName: 'example.com', nameServers: [{ hostname: 'ns1.example.com' }] }],
  ['DNSZone', { zoneName: 'example.com', type: 'secondary', nameServers: [{ hostname: 'n_1' }] }],
  ['DNSZone', { zoneName: 'e.org', zoneFileFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }],
  ['DNSZone', { zoneName: 'example.com', zoneFile: '@ SOA a b 1 2 3 4 5\n@ NS ns.example.org.\n' }],
  ['ARecord', { zoneRef: 'z', name: 'www.example.org.', ipv4Addresses: ['192.0.2.1'] }],
  ['ARecord', { zoneRef: 'z', name: '@', ipv4Addresses: ['192.0.2.1'] }],
  ['TXTRecord', { zone: 'example.com', name: '_x', text: ['x'.repeat(300)] }],
  ['DNSRecord', { zone: 'example.com', name: 'x', type: 'TLSA', data: ['3 1 1 00'] }],
  ['Bind9Instance', { clusterRef: 'c', role: 'primary' }],
])('of a %s that others complete it says nothing', (kind, spec) => {
  const object = { apiVersion: 'bindy.firestoned.io/v1beta1', kind, metadata: { name: 'o' }, spec };
  expect(validate(review(object))).toEqual({ outcome: 'fine' });
});

/** The value with something else at one place in it. */
function spoilt(value: unknown, path: readonly number[], by: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined || typeof value !== 'object' || value === null) return by;
  const keys = Object.keys(value);
  const key = keys[first % Math.max(1, keys.length)] ?? 'extra';
  const child = spoilt((value as Record<string, unknown>)[key], rest, by);
  if (Array.isArray(value))
    return value.map((each, index) => (String(index) === key ? child : each));
  return { ...value, [key]: child };
}

test('no object makes it fail, whatever stands where', () => {
  const whole = objectsIn(textOf('isc-adopted')).concat(objectsIn(textOf('bindy')));
  const pods = whole.map((each) => templateOf(each)).filter((each) => each !== undefined);
  const zone = {
    apiVersion: 'bindy.firestoned.io/v1beta1',
    kind: 'DNSZone',
    metadata: { name: 'z', namespace: 'dns' },
    spec: {
      zoneName: 'example.com',
      zoneFile: '@ SOA a b 1 2 3 4 5',
      nameServers: [{ hostname: 'a', ipv4Address: '192.0.2.1' }],
      soaRecord: { refresh: 3 },
    },
  };
  const record = { ...zone, kind: 'MXRecord', spec: { zone: 'e.org', name: '@', mailServer: 'm' } };
  const objects = [...pods, zone, record];
  fc.assert(
    fc.property(
      fc.nat(objects.length - 1),
      fc.array(fc.nat(12), { maxLength: 7 }),
      fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', [], {}, -1, 1e300, '\0', '../..')),
      (index, path, by) => {
        const object = spoilt(objects[index], path, by);
        for (const verdict of [mutate(review(object), settings), validate(review(object))])
          expect(JSON.parse(JSON.stringify(answer(review(object), verdict)))).toHaveProperty(
            'response.uid',
            'u',
          );
      },
    ),
    { numRuns: 2000 },
  );
}, 60_000);

test('wrong settings for agents are told at once', async () => {
  const options = loadOptions({
    host: { name: 'x', addresses: [], uid: 'u', apiServer: 'https://127.0.0.1:1' },
    environment: {},
    flags: new Map([['inject.settings', 'guard.zones=x,pod.uid=3,gard.zones=1']]),
  });
  if (!options.ok) throw new Error('want options');
  let told = '';
  const complain = (text: string): void => {
    told += text;
  };
  expect(await webhook(options.value, { complain, version: '1' } as Context)).toBe(2);
  expect(told).toContain('3 settings are wrong');
  expect(told).toMatch(/inject\.settings: guard\.zones +want 0-1000000, got "x"/);
  expect(told).toMatch(/inject\.settings: pod\.uid +want nothing, since it follows from the pod/);
  expect(told).toMatch(
    /inject\.settings: gard\.zones +no such setting, did you mean guard\.zones\?/,
  );
});

test('a certificate without its key, and wrong images of settings, are told', () => {
  const load = (...flags: [string, unknown][]) => {
    const read = loadOptions({
      host: { name: 'x', addresses: [], uid: 'u', apiServer: '' },
      environment: {},
      flags: new Map(flags),
    });
    return read.ok ? [] : read.problems;
  };
  expect(load(['webhook.certFile', import.meta.filename])).toEqual([
    { path: 'webhook.keyFile', problem: 'want a file beside --webhook-cert-file, got nothing' },
  ]);
  expect(load(['inject.memory', '1 GB'], ['inject.keySecret', 'keys'])).toEqual([
    { path: '--inject-memory', problem: 'want a quantity, as in 50m or 160Mi, got "1 GB"' },
    {
      path: '--inject-key-secret',
      problem: 'want secret/key, as in bind9-keys/cluster.key, got "keys"',
    },
  ]);
});

async function printed(...args: string[]) {
  const terminal = { out: () => undefined, err: () => undefined, columns: 100, version: '1.2.3' };
  const line = readCommandLine(['manifests', ...args], terminal);
  if (!line.ok || line.value.invocation.command !== 'manifests') throw new Error('want manifests');
  const said = { out: '', err: '' };
  const code = await manifests(line.value.invocation, line.value.flags, {
    version: '1.2.3',
    print: async (text) => {
      said.out += text;
    },
    complain: (text) => {
      said.err += text;
    },
  });
  return { code, ...said };
}

interface Printed {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Record<string, string> };
  readonly webhooks?: readonly {
    readonly failurePolicy: string;
    readonly timeoutSeconds: number;
    readonly clientConfig: { readonly service: object; readonly caBundle?: string };
    readonly namespaceSelector: object;
    readonly objectSelector?: object;
  }[];
  readonly spec: {
    readonly template: { readonly spec: { readonly containers: readonly { env: object[] }[] } };
  };
}

const objects = (text: string): Printed[] =>
  parseAllDocuments(text, { version: '1.1' }).map((each) => each.toJS() as Printed);

test('manifests print the webhook when it is asked for, with its settings in its Deployment', async () => {
  const plain = await printed();
  expect(plain.out).not.toContain('WebhookConfiguration');
  const { code, out } = await printed(
    ...['webhook', '--webhook-namespace=home', '--inject-key-secret=keys/cluster.key'],
    ...['--inject-image=r.example/agent:7', '--inject-settings=guard.zones=20'],
  );
  expect(code).toBe(0);
  const all = objects(out);
  expect(all.map(({ kind }) => kind)).toEqual([
    ...['Namespace', 'ServiceAccount', 'Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
    ...['Service', 'PodDisruptionBudget', 'Deployment'],
    ...['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'],
  ]);
  const deployment = all.find(({ kind }) => kind === 'Deployment');
  const [container] = deployment?.spec.template.spec.containers ?? [];
  expect(container).toMatchObject({ image: 'r.example/agent:7', args: ['webhook'] });
  expect(container?.env).toEqual([
    {
      name: 'BIND9_AGENT_WEBHOOK_NAMESPACE',
      valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } },
    },
    { name: 'BIND9_AGENT_WEBHOOK_NAME', value: 'bind9-agent-webhook' },
    { name: 'BIND9_AGENT_WEBHOOK_PORT', value: '8443' },
    { name: 'BIND9_AGENT_INJECT_IMAGE', value: 'r.example/agent:7' },
    { name: 'BIND9_AGENT_INJECT_KEY_SECRET', value: 'keys/cluster.key' },
    { name: 'BIND9_AGENT_INJECT_SETTINGS', value: 'guard.zones=20' },
  ]);
  const [mutating, validating] = all.flatMap(({ webhooks = [] }) => webhooks);
  const asks = { matchLabels: { 'agent.bindy.firestoned.io/inject': 'true' } };
  expect(mutating).toMatchObject({
    failurePolicy: 'Fail',
    objectSelector: asks,
    namespaceSelector: asks,
  });
  expect(validating).toMatchObject({ failurePolicy: 'Ignore' });
  for (const each of [mutating, validating]) {
    expect(each?.clientConfig.caBundle).toBeUndefined();
    expect(each?.clientConfig.service).toMatchObject({ namespace: 'home' });
    expect(JSON.stringify(each?.namespaceSelector)).toContain(
      '"NotIn","values":["kube-system","home"]',
    );
    expect(each?.timeoutSeconds).toBeLessThanOrEqual(5);
  }
});

test('with cert-manager the webhook has no rights at all', async () => {
  const all = objects((await printed('webhook', '--cert-manager')).out);
  const kinds = all.map(({ kind }) => kind);
  expect(kinds.filter((kind) => kind === 'Issuer' || kind === 'Certificate')).toHaveLength(4);
  expect(kinds.filter((kind) => kind.includes('Role'))).toEqual([]);
  for (const { metadata } of all.filter(({ webhooks }) => webhooks !== undefined))
    expect(metadata.annotations).toEqual({
      'cert-manager.io/inject-ca-from': 'bind9-agent-system/bind9-agent-webhook',
    });
});

test('the namespace of the pods is not taken for that of the webhook', () => {
  let err = '';
  const terminal = {
    ...{ out: () => undefined, columns: 100, version: '1' },
    err: (text: string) => {
      err += text;
    },
  };
  const line = readCommandLine(['manifests', 'webhook', '--namespace=dns'], terminal);
  expect(line).toEqual({ ok: false, exitCode: 2 });
  expect(err).toContain('bind9-agent: --namespace is that of the pods; want --webhook-namespace');
  expect(readCommandLine(['manifests', 'rbac', 'webhook', '--namespace=dns'], terminal).ok).toBe(
    true,
  );
});

test('settings that are not for the webhook, or wrong, are refused', async () => {
  const { code, out, err } = await printed('webhook', '--guard-zones=3', '--webhook-port=x');
  expect([code, out]).toEqual([2, '']);
  expect(err).toMatch(/--guard-zones +want nothing: it is no setting of the webhook/);
  expect(err).toMatch(/--webhook-port +want 1-65535, got "x"/);
});

test('the page of the webhook tells each of its metrics with its type and help', async () => {
  const metrics = new WebhookMetrics('1', () => undefined);
  metrics.reviewed('mutate', 'patched', 0.001);
  const { text } = await metrics.text();
  const page = readFileSync(new URL('../../docs/webhook.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `bind9_agent_'));
  const told = rows.map((row) => {
    const [, name, type, , help] = row.split('|').map((cell) => cell.trim());
    return `| ${name} | ${type} | ${help} |`;
  });
  const found = [...text.matchAll(/^# HELP (\S+) (.*)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name, help, type]) => `| \`${name}\` | ${type} | ${help} |`,
  );
  expect(told.toSorted()).toEqual(found.toSorted());
  for (const outcome of outcomes) expect(page).toContain(`\`${outcome}\``);
});
