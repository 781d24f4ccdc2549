import { expect, test } from 'vitest';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until } from '../rig/until.ts';
import { type Account, may, openAccount, openPod } from './account.ts';
import { installCrds } from './install.ts';

const plane = useControlPlane({}, installCrds);

type Asker = Pick<Account, 'token' | 'namespace'>;

const pathIn = (namespace: string, resource: string): string => {
  const groups: Readonly<Record<string, string>> = {
    leases: 'apis/coordination.k8s.io/v1',
    events: 'apis/events.k8s.io/v1',
    dnszones: 'apis/bindy.firestoned.io/v1beta1',
    bind9instances: 'apis/bindy.firestoned.io/v1beta1',
    roles: 'apis/rbac.authorization.k8s.io/v1',
  };
  const [plural = ''] = resource.split('/');
  return `/${groups[plural] ?? 'api/v1'}/namespaces/${namespace}/${resource}`;
};

/** `201`, or `403 what the server says`. */
async function ask(
  { token, namespace }: Asker,
  method: string,
  resource: string,
  object?: unknown,
  contentType?: string,
): Promise<string> {
  const how = { token, ...(contentType === undefined ? {} : { contentType }) };
  const { code, body } = await plane().request(method, pathIn(namespace, resource), object, how);
  if (code < 300) return String(code);
  return `${code} ${String((body as { readonly message?: string }).message)}`;
}

const lease = (pod: string, holderIdentity: string) => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: `bind9-agent.${pod}` },
  spec: { holderIdentity },
});

/** As an agent writes it. */
const applyLease = (by: Asker, pod: string, holder: string): Promise<string> => {
  const how = 'fieldManager=bind9-agent&force=true';
  const contentType = 'application/apply-patch+yaml';
  return ask(by, 'PATCH', `leases/bind9-agent.${pod}?${how}`, lease(pod, holder), contentType);
};

const createZone = async (namespace: string): Promise<void> => {
  const made = await ask({ token: plane().adminToken, namespace }, 'POST', 'dnszones', {
    apiVersion: 'bindy.firestoned.io/v1beta1',
    kind: 'DNSZone',
    metadata: { name: 'example' },
    spec: { zoneName: 'example.com' },
  });
  expect(made).toBe('201');
};

/** `verb group/resource [names]` of all that the server knows the account to be allowed in its namespace. */
async function rulesOf({ namespace, token }: Asker): Promise<string[]> {
  const path = '/apis/authorization.k8s.io/v1/selfsubjectrulesreviews';
  const { body } = await plane().request('POST', path, { spec: { namespace } }, { token });
  const { resourceRules } = (body as Reviewed).status;
  return resourceRules.flatMap(({ verbs, apiGroups, resources, resourceNames = [] }) =>
    verbs.flatMap((verb) =>
      apiGroups.flatMap((group) =>
        resources.map((resource) => `${verb} ${group}/${resource} ${resourceNames}`.trim()),
      ),
    ),
  );
}

interface Reviewed {
  readonly status: {
    readonly resourceRules: readonly {
      readonly verbs: readonly string[];
      readonly apiGroups: readonly string[];
      readonly resources: readonly string[];
      readonly resourceNames?: readonly string[];
    }[];
  };
}

const kinds = [
  ...['aaaarecords', 'arecords', 'bind9clusters', 'bind9instances', 'caarecords', 'cnamerecords'],
  ...['dnsrecords', 'dnszones', 'mxrecords', 'nsrecords', 'ptrrecords', 'srvrecords', 'txtrecords'],
];

test('the install gives these rights and no others', async () => {
  const account = await openAccount(plane());
  const { namespace } = account;
  await plane().kubectl(['create', 'serviceaccount', 'bystander', '-n', namespace]);
  const token = await plane().tokenFor({ namespace, serviceAccount: 'bystander' });
  const everybodys = new Set(await rulesOf({ namespace, token }));
  const ours = (await rulesOf(account)).filter((rule) => !everybodys.has(rule));
  const wanted = [
    ...kinds.flatMap((kind) => [
      `list bindy.firestoned.io/${kind}`,
      `watch bindy.firestoned.io/${kind}`,
    ]),
    'patch bindy.firestoned.io/dnszones/status',
    ...['get', 'list', 'watch'].map((verb) => `${verb} /configmaps`),
    ...['create', 'patch'].map((verb) => `${verb} events.k8s.io/events`),
    ...['list', 'watch', 'create', 'patch', 'delete'].map(
      (verb) => `${verb} coordination.k8s.io/leases`,
    ),
  ];
  expect(ours.sort()).toEqual(wanted.sort());
});

const merge = 'application/merge-patch+json';
const refused: readonly (readonly [
  string,
  Parameters<typeof ask>[1],
  string,
  unknown?,
  string?,
])[] = [
  ['read a Secret', 'GET', 'secrets/some'],
  ['list Secrets', 'GET', 'secrets'],
  ['list pods', 'GET', 'pods'],
  ['read its own pod', 'GET', 'pods/dns-0'],
  [
    'change its own pod',
    'PATCH',
    'pods/dns-0',
    { metadata: { labels: { role: 'primary' } } },
    merge,
  ],
  ['make itself a token', 'POST', 'serviceaccounts/bind9-agent/token', { spec: {} }],
  ['give itself rights', 'POST', 'roles', { metadata: { name: 'more' }, rules: [] }],
  ['make a zone', 'POST', 'dnszones', {}],
  ['change the spec of a zone', 'PATCH', 'dnszones/example', { spec: { ttl: 1 } }, merge],
  ['delete a zone', 'DELETE', 'dnszones/example'],
  ['replace the status of a zone', 'PUT', 'dnszones/example/status', {}],
  ['approve a plan on an instance', 'PATCH', 'bind9instances/some', { metadata: {} }, merge],
  ['change a ConfigMap', 'PATCH', 'configmaps/some', { data: { key: 'value' } }, merge],
  ['replace a Lease', 'PUT', 'leases/bind9-agent.dns-0', {}],
  ['delete all Leases', 'DELETE', 'leases'],
  ['delete an Event', 'DELETE', 'events/some'],
];

test.for(refused)('an agent cannot %s', async ([, method, resource, object, contentType]) => {
  const account = await openAccount(plane());
  await createZone(account.namespace);
  const said = await ask(account, method, resource, object, contentType);
  expect(said).toMatch(/^403 .* is forbidden: User "system:serviceaccount:.*" cannot /);
});

test('what is sent to the status of a zone changes nothing else of it', async () => {
  const account = await openAccount(plane());
  await createZone(account.namespace);
  const change = { metadata: { labels: { own: 'yes' } }, spec: { ttl: 1 }, status: { serial: 7 } };
  expect(await ask(account, 'PATCH', 'dnszones/example/status', change, merge)).toBe('200');
  const { body } = await plane().request('GET', pathIn(account.namespace, 'dnszones/example'));
  const zone = body as { metadata: { labels?: unknown }; spec: unknown; status: unknown };
  expect(zone.status).toEqual({ serial: 7 });
  expect(zone.metadata.labels).toBeUndefined();
  expect(zone.spec).not.toHaveProperty('ttl');
});

test('in another namespace an agent has no rights', async () => {
  const { token } = await openAccount(plane());
  const namespace = await plane().namespace();
  await createZone(namespace);
  const elsewhere = { token, namespace };
  expect(await rulesOf(elsewhere)).toEqual(
    await rulesOf({ token: await bystander(namespace), namespace }),
  );
  expect(await ask(elsewhere, 'GET', 'dnszones')).toMatch(/^403 /);
  expect(await ask(elsewhere, 'PATCH', 'dnszones/example/status', {}, merge)).toMatch(/^403 /);
  expect(await ask(elsewhere, 'GET', 'leases')).toMatch(/^403 /);
});

async function bystander(namespace: string): Promise<string> {
  await plane().kubectl(['create', 'serviceaccount', 'bystander', '-n', namespace]);
  return plane().tokenFor({ namespace, serviceAccount: 'bystander' });
}

test('agents that watch other namespaces read their zones and tell of them there, and have no Leases', async () => {
  const [listed, other] = [await plane().namespace(), await plane().namespace()];
  const zoneRights = { group: 'bindy.firestoned.io', resource: 'dnszones', verb: 'watch' };
  const leaseRights = { group: 'coordination.k8s.io', resource: 'leases', verb: 'list' };
  const some = await openAccount(plane(), { watched: [listed] });
  const all = await openAccount(plane(), { watched: ['*'] });
  const canIn = (namespace: string, { token }: Account, right: typeof zoneRights) =>
    may(plane(), { namespace, token }, right);
  await until(() => canIn(listed, some, zoneRights));
  await until(() => canIn(other, all, zoneRights));
  await until(() => canIn(listed, all, zoneRights));
  expect(await canIn(other, some, zoneRights)).toBe(false);
  // Only those that were named.
  expect(await canIn(some.namespace, some, zoneRights)).toBe(false);
  for (const account of [some, all]) {
    expect(await canIn(account.namespace, account, leaseRights)).toBe(true);
    expect(await canIn(listed, account, leaseRights)).toBe(false);
  }
});

test('where the pods are named, each Lease but theirs is refused without any policy', async () => {
  const account = await openAccount(plane(), { pods: ['dns-0', 'dns-1'] });
  expect(await applyLease(account, 'dns-0', account.podUid)).toBe('201');
  expect(await applyLease(account, 'dns-2', 'uid')).toMatch(
    /^403 leases.coordination.k8s.io "bind9-agent.dns-2" is forbidden: .* cannot patch resource "leases"/,
  );
  expect(await ask(account, 'POST', 'leases', lease('dns-2', 'uid'))).toMatch(/^403 /);
});

test('with the policy a pod writes no Lease but its own', async () => {
  const account = await openAccount(plane());
  const { namespace, podUid } = account;
  const peer = await openPod(plane(), namespace, 'dns-1');
  // RBAC alone does not tell one pod from another.
  expect(await applyLease(account, 'dns-1', 'a lie')).toBe('201');
  expect(await ask(account, 'DELETE', 'leases/bind9-agent.dns-1')).toBe('200');
  const policy = installOf(['policy'], defaultInstallation);
  await plane().kubectl(['apply', '-f', '-'], manifestText(policy));
  await until(async () => /^403 /.test(await applyLease(account, 'dns-9', 'a lie')));

  const other = /^403 .*want Lease bind9-agent\.dns-0, got bind9-agent\.dns-1/;
  expect(await applyLease(account, 'dns-0', podUid)).toBe('201');
  expect(await applyLease(account, 'dns-0', podUid)).toBe('200');
  expect(await applyLease(peer, 'dns-1', peer.podUid)).toBe('201');
  expect(await applyLease(account, 'dns-1', podUid)).toMatch(other);
  expect(await applyLease(account, 'dns-1', peer.podUid)).toMatch(other);
  expect(await ask(account, 'DELETE', 'leases/bind9-agent.dns-1')).toMatch(other);
  expect(await ask(account, 'POST', 'leases', lease('dns-7', podUid))).toMatch(
    /^403 .*want Lease bind9-agent\.dns-0, got bind9-agent\.dns-7/,
  );
  expect(await applyLease(account, 'dns-0', peer.podUid)).toMatch(/^403 .*want holderIdentity /);
  expect(await ask(account, 'DELETE', 'leases/bind9-agent.dns-0')).toBe('200');

  const serviceAccount = 'bind9-agent';
  const unbound = { namespace, token: await plane().tokenFor({ namespace, serviceAccount }) };
  expect(await applyLease(unbound, 'dns-1', peer.podUid)).toMatch(/^403 .*bound to a pod/);
  // It is for agents only.
  const admin = { namespace, token: plane().adminToken };
  expect(await applyLease(admin, 'dns-1', 'somebody')).toBe('200');
  expect(await ask(admin, 'DELETE', 'leases/bind9-agent.dns-1')).toBe('200');
});

test('with the policy, a successor of the same name takes the Lease over', async () => {
  const policy = installOf(['policy'], defaultInstallation);
  await plane().kubectl(['apply', '-f', '-'], manifestText(policy));
  const first = await openAccount(plane());
  const { namespace } = first;
  expect(await applyLease(first, 'dns-0', first.podUid)).toBe('201');
  await plane().kubectl(['delete', 'pod', 'dns-0', '-n', namespace]);
  const second = await openPod(plane(), namespace, 'dns-0');
  expect(second.podUid).not.toBe(first.podUid);
  expect(await applyLease(second, 'dns-0', second.podUid)).toBe('200');
});
