import { kindSchemas } from '../resources/schema.ts';
import { apiGroup } from '../resources/types.ts';
import { type Manifest, partOf } from './manifest.ts';

/** Who the agents are, and where. */
export interface Installation {
  /** The namespace of the pods. */
  readonly namespace: string;
  /** The ServiceAccount that they run under. One of another name than ours is there already. */
  readonly serviceAccount: string;
  /** As the setting `kubernetes.namespaces`: whose resources are watched; none: those of their own, `*`: of all. */
  readonly watched: readonly string[];
  /** The pods, where their names are known (a StatefulSet's): each may then write no Lease but theirs. */
  readonly pods: readonly string[];
}

export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

const name = 'bind9-agent';
const rbacVersion = 'rbac.authorization.k8s.io/v1';

/** Events about zones, and about the pods themselves. */
const events: Rule = {
  apiGroups: ['events.k8s.io'],
  resources: ['events'],
  verbs: ['create', 'patch'],
};

/** In each namespace whose zones are served. No Secrets, no Pods. */
const zoneRules: readonly Rule[] = [
  {
    apiGroups: [apiGroup],
    resources: Object.values(kindSchemas).map(({ plural }) => plural),
    verbs: ['list', 'watch'],
  },
  { apiGroups: [apiGroup], resources: ['dnszones/status'], verbs: ['patch'] },
  { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch'] },
];

/** In the namespace of the pods: their registrations. */
const leaseRules = (pods: readonly string[]): readonly Rule[] => {
  const leases = { apiGroups: ['coordination.k8s.io'], resources: ['leases'] };
  const resourceNames = pods.map((pod) => `bind9-agent.${pod}`);
  return [
    { ...leases, verbs: ['list', 'watch'] },
    {
      ...leases,
      ...(pods.length === 0 ? {} : { resourceNames }),
      // An object that is made by server-side apply has its name in the request, so that it can be judged by it.
      verbs: ['create', 'patch', 'delete'],
    },
  ];
};

/**
 * The ServiceAccount and all of its rights. Somebody else's account is left as it is: whoever made it by server-side apply
 * could not apply it again over labels of ours, and it would go when our rights are taken away.
 */
export function accessOf(installation: Installation): readonly Manifest[] {
  const { namespace, serviceAccount, watched, pods } = installation;
  const all = watched.includes('*');
  const own = !all && (watched.length === 0 || watched.includes(namespace));
  const others = all ? [] : watched.filter((each) => each !== namespace);
  const elsewhere = `${name}.${namespace}`;
  const subjects = [{ kind: 'ServiceAccount', name: serviceAccount, namespace }];
  const metadata = { name, namespace, labels: partOf };
  return [
    ...(serviceAccount === name ? [{ apiVersion: 'v1', kind: 'ServiceAccount', metadata }] : []),
    ...granted(
      'Role',
      { name, namespace },
      [...(own ? zoneRules : []), events, ...leaseRules(pods)],
      subjects,
    ),
    // Under a name of its own: the pods of the other namespace may have agents too.
    ...others.flatMap((other) =>
      granted('Role', { name: elsewhere, namespace: other }, [...zoneRules, events], subjects),
    ),
    ...(all ? granted('ClusterRole', { name: elsewhere }, [...zoneRules, events], subjects) : []),
  ];
}

/** A role with these rules, and its binding. */
export function granted(
  kind: 'Role' | 'ClusterRole',
  metadata: { readonly name: string; readonly namespace?: string },
  rules: readonly Rule[],
  subjects: readonly unknown[],
): readonly Manifest[] {
  const of = (what: string) => ({
    apiVersion: rbacVersion,
    kind: what,
    metadata: { ...metadata, labels: partOf },
  });
  return [
    { ...of(kind), rules },
    {
      ...of(`${kind}Binding`),
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: metadata.name },
      subjects,
    },
  ];
}
