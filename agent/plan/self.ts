import type { Bind9Instance } from '../resources/types.ts';
import type { Registration, Role } from './registration.ts';

/** What the pod is told from outside: by the downward API, by flags. Empty strings: not told. */
export interface PodFacts {
  readonly pod: string;
  readonly uid: string;
  readonly namespace: string;
  readonly ips: readonly string[];
  readonly dnsPort: number;
  readonly httpPort: number;
  readonly role: string;
  readonly cluster: string;
  readonly instance: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly version: string;
  readonly keys: readonly string[];
}

/** What of the pod's `Bind9Instance` says who the pod is. */
export interface OwnInstance {
  readonly metadata: Pick<Bind9Instance['metadata'], 'labels'>;
  readonly spec: Pick<Bind9Instance['spec'], 'role' | 'clusterRef'>;
}

const ROLE_LABELS = ['bindy.firestoned.io/role', 'role', 'dns-role'];
const CLUSTER_LABELS = ['bindy.firestoned.io/cluster', 'cluster'];

/**
 * Who this pod is: what it was told, then its own labels, then what its `Bind9Instance` says. Without a role there is no
 * registration: the agent serves nothing rather than guess.
 */
export function describeSelf(
  facts: PodFacts,
  instance: OwnInstance | undefined,
): Registration | undefined {
  const labels = { ...instance?.metadata.labels, ...facts.labels };
  const role = firstRole([
    facts.role,
    ...ROLE_LABELS.map((label) => facts.labels[label]),
    instance?.spec.role,
    ...ROLE_LABELS.map((label) => instance?.metadata.labels[label]),
  ]);
  if (role === undefined) return undefined;
  const cluster =
    facts.cluster || firstLabel(facts.labels) || instance?.spec.clusterRef || firstLabel(labels);
  const { pod, uid, namespace, ips, dnsPort, httpPort, version, keys } = facts;
  return {
    pod,
    uid,
    namespace,
    role,
    cluster: cluster ?? '',
    instance: facts.instance,
    ips,
    dnsPort,
    httpPort,
    labels,
    version,
    keys,
    draining: false,
  };
}

const firstRole = (candidates: readonly (string | undefined)[]): Role | undefined =>
  candidates.find((role): role is Role => role === 'primary' || role === 'secondary');

const firstLabel = (labels: Readonly<Record<string, string>>): string | undefined =>
  CLUSTER_LABELS.map((label) => labels[label]).find((value) => value !== undefined);
