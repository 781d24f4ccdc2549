import { createHash } from 'node:crypto';
import type { Registration } from '../../plan/registration.ts';
import { type Parsed, refused } from '../../problem.ts';
import { isObject } from '../../resources/got.ts';
import { checkRegistration } from '../check-registration.ts';
import type { RawObject } from './collection.ts';
import { metadataOf, part, textOf } from './object-parts.ts';

/** What stands in a Lease beside the registration. */
export interface LeaseTerms {
  /** The uid of the Pod object: with it goes the Lease. Undefined where it is not known. */
  readonly ownerUid: string | undefined;
  readonly durationSeconds: number;
  /** Milliseconds since 1970. For people: no clock is compared with it. */
  readonly renewedAt: number;
}

export const leaseApiVersion = 'coordination.k8s.io/v1';

/** The Leases of agents, among all others. */
export const leaseSelector = 'app.kubernetes.io/managed-by=bind9-agent';

const PREFIX = 'bind9-agent.';
const ANNOTATIONS = 'agent.bindy.firestoned.io/';
const LONGEST_NAME = 253;

/** A pod's Lease: `bind9-agent.<pod>`; of a pod whose name is too long for that, cut and with its hash. */
export function leaseName(pod: string): string {
  const name = `${PREFIX}${pod}`;
  if (name.length <= LONGEST_NAME) return name;
  return `${name.slice(0, 200).replace(/[.-]+$/, '')}-${hashOf(pod)}`;
}

/**
 * A registration as the pod's Lease, for server-side apply. What `kubectl get leases -l` may want to select by stands in
 * labels, the rest in annotations; what does not fit into a label (63 characters, of which some only) stands in full in
 * the annotation of the same name.
 */
export function leaseOf(registration: Registration, terms: LeaseTerms): RawObject {
  const { pod, uid, namespace, role, cluster, instance } = registration;
  const name = leaseName(pod);
  const annotations = {
    ...(name === `${PREFIX}${pod}` ? {} : { pod }),
    ...(isLabelValue(cluster) ? {} : { cluster }),
    ...(isLabelValue(instance) ? {} : { instance }),
    ips: registration.ips.join(','),
    'dns-port': String(registration.dnsPort),
    'http-port': String(registration.httpPort),
    labels: JSON.stringify(registration.labels),
    version: registration.version,
    keys: JSON.stringify(registration.keys),
    draining: String(registration.draining),
    ...(registration.held === undefined ? {} : { held: registration.held }),
  };
  return {
    apiVersion: leaseApiVersion,
    kind: 'Lease',
    metadata: {
      name,
      namespace,
      labels: {
        'app.kubernetes.io/managed-by': 'bind9-agent',
        role,
        cluster: labelValue(cluster),
        instance: labelValue(instance),
      },
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`${ANNOTATIONS}${key}`, value]),
      ),
      ...(terms.ownerUid === undefined
        ? {}
        : { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: pod, uid: terms.ownerUid }] }),
    },
    spec: {
      holderIdentity: uid,
      leaseDurationSeconds: Math.max(1, Math.round(terms.durationSeconds)),
      renewTime: microTime(terms.renewedAt),
    },
  };
}

/** The registration that a Lease holds. Problems name the annotation, the label or the field. */
export function registrationOf(lease: RawObject): Parsed<Registration> {
  const metadata = metadataOf(lease);
  const name = textOf(metadata['name']) ?? '';
  const labels = part(metadata, 'labels');
  const annotations = part(metadata, 'annotations');
  const annotated = (key: string): string | undefined =>
    textOf(annotations[`${ANNOTATIONS}${key}`]);
  const pod = annotated('pod') ?? (name.startsWith(PREFIX) ? name.slice(PREFIX.length) : '');
  if (leaseName(pod) !== name) return refused('name', `want ${leaseName(pod)}, got ${name}`);
  const held = annotated('held');
  return checkRegistration({
    pod,
    uid: holderOf(lease),
    namespace: textOf(metadata['namespace']),
    role: labels['role'],
    cluster: annotated('cluster') ?? labels['cluster'],
    instance: annotated('instance') ?? labels['instance'],
    ips: annotated('ips')
      ?.split(',')
      .filter((each) => each !== ''),
    dnsPort: numberOf(annotated('dns-port')),
    httpPort: numberOf(annotated('http-port')),
    labels: fromJson(annotated('labels')),
    version: annotated('version'),
    keys: fromJson(annotated('keys')),
    draining: flagOf(annotated('draining')),
    ...(held === undefined ? {} : { held }),
  });
}

/** The uid of the pod that holds the Lease. */
export const holderOf = (lease: RawObject): string | undefined =>
  textOf(part(lease, 'spec')['holderIdentity']);

/** Differs from one renewal to the next, and from one holder to the next. */
export const renewalOf = (lease: RawObject): string =>
  `${holderOf(lease)} ${String(part(lease, 'spec')['renewTime'])}`;

/** When the API server took the last write of the Lease, by the server's own clock; in ms since 1970. */
export function writtenAt(lease: RawObject): number | undefined {
  const { managedFields } = metadataOf(lease);
  if (!Array.isArray(managedFields)) return undefined;
  const times = managedFields.map((each) => Date.parse(isObject(each) ? String(each['time']) : ''));
  const known = times.filter((time) => !Number.isNaN(time));
  return known.length === 0 ? undefined : Math.max(...known);
}

/** A time as the API server wants it in a MicroTime: six digits, no more and no less. */
export const microTime = (ms: number): string => new Date(ms).toISOString().replace(/Z$/, '000Z');

const isLabelValue = (text: string): boolean =>
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/.test(text);

const labelValue = (text: string): string => (isLabelValue(text) ? text : hashOf(text));

const hashOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 32);

/** What is no number, or no flag, is passed on as it is, for the check to name it. */
const numberOf = (text: string | undefined): number | string | undefined =>
  /^\d+$/.test(text ?? '') ? Number(text) : text;

const flagOf = (text: string | undefined): boolean | string | undefined =>
  text === 'true' || text === 'false' ? text === 'true' : text;

function fromJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}
