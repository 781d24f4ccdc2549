import { expect } from 'vitest';
import { defaultInstallation } from '../../agent/install/install.ts';
import type { Manifest } from '../../agent/install/manifest.ts';
import { accessOf, type Installation } from '../../agent/install/rbac.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { until } from '../rig/until.ts';

/** One verb on one resource. */
export interface Right {
  readonly group: string;
  /** `dnszones/status` */
  readonly resource: string;
  readonly verb: string;
}

/** A pod that runs under the installed ServiceAccount. */
export interface Account {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  /** Bound to the pod. */
  readonly token: string;
}

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export const { serviceAccount } = defaultInstallation;

const rightsIn = (rules: unknown): Right[] =>
  (rules as readonly Rule[]).flatMap(({ apiGroups, resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => verbs.map((verb) => ({ group, resource, verb }))),
    ),
  );

/** Every right that the install gives to a pod in its own namespace. */
export const installedRights: readonly Right[] = accessOf(defaultInstallation).flatMap(
  ({ kind, rules }) => (kind === 'Role' ? rightsIn(rules) : []),
);

const isSame = (a: Right, b: Right): boolean =>
  a.group === b.group && a.resource === b.resource && a.verb === b.verb;

const paths: Readonly<Record<string, string>> = {
  ServiceAccount: '/api/v1/namespaces/NAMESPACE/serviceaccounts',
  Role: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/roles',
  RoleBinding: '/apis/rbac.authorization.k8s.io/v1/namespaces/NAMESPACE/rolebindings',
  ClusterRole: '/apis/rbac.authorization.k8s.io/v1/clusterroles',
  ClusterRoleBinding: '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings',
};

/** A new namespace with the install, less one right, and a pod in it. Resolves when the rights are in force. */
export async function openAccount(
  plane: ControlPlane,
  { without, ...wanted }: Partial<Installation> & { readonly without?: Right } = {},
): Promise<Account> {
  const namespace = await plane.namespace();
  for (const manifest of accessOf({ ...defaultInstallation, ...wanted, namespace })) {
    const object = without === undefined ? manifest : less(manifest, without);
    const path = paths[manifest.kind] ?? '';
    const into = path.replace('NAMESPACE', manifest.metadata.namespace ?? namespace);
    const { code, body } = await plane.request('POST', into, object);
    expect(code, JSON.stringify(body)).toBe(201);
  }
  const account = await openPod(plane, namespace, 'dns-0');
  const told = installedRights.find(
    (right) =>
      right.group.endsWith('.k8s.io') && (without === undefined || !isSame(right, without)),
  );
  await until(async () => told !== undefined && (await may(plane, account, told)));
  return account;
}

export async function openPod(
  plane: ControlPlane,
  namespace: string,
  pod: string,
): Promise<Account> {
  const { uid: podUid } = await plane.pod({ namespace, name: pod, serviceAccount });
  const token = await plane.tokenFor({ namespace, serviceAccount, pod });
  return { namespace, pod, podUid, token };
}

function less(manifest: Manifest, without: Right): Manifest {
  if (manifest.kind !== 'Role') return manifest;
  const rules = rightsIn(manifest['rules'])
    .filter((right) => !isSame(right, without))
    .map(({ group, resource, verb }) => ({
      apiGroups: [group],
      resources: [resource],
      verbs: [verb],
    }));
  return { ...manifest, rules };
}

/** What the API server says of a right of the account. */
export async function may(
  plane: ControlPlane,
  { namespace, token }: Pick<Account, 'namespace' | 'token'>,
  { resource: full, group, verb }: Right,
): Promise<boolean> {
  const [resource, subresource] = full.split('/');
  const resourceAttributes = { namespace, verb, group, resource, subresource };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const { body } = await plane.request('POST', path, { spec: { resourceAttributes } }, { token });
  return (body as { readonly status: { readonly allowed: boolean } }).status.allowed;
}
