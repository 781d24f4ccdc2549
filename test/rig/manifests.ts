import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Role } from '../../agent/plan/registration.ts';

const apiVersion = 'bindy.firestoned.io/v1beta1';

/** Owner (relative to the zone, `@` the apex) to address or addresses: A records, AAAA where there is a colon. */
export type HostRecords = Readonly<Record<string, string | readonly string[]>>;

export interface ZoneManifest {
  readonly zone: string;
  readonly cluster: string;
  readonly hosts?: HostRecords;
  /** Merged into the DNSZone's `spec`; what is undefined is left out. */
  readonly spec?: Readonly<Record<string, unknown>>;
}

/** A DNSZone and its records as one multi-document YAML text, as one would `kubectl apply` it. */
export function zoneManifest({ zone, cluster, hosts = {}, spec = {} }: ZoneManifest): string {
  const nameServers = [{ hostname: `ns1.${zone}.`, ipv4Address: '192.0.2.53' }];
  const dnsZone = object('DNSZone', objectName(zone), {
    zoneName: zone,
    clusterRef: cluster,
    ttl: 300,
    nameServers,
    ...spec,
  });
  const records = Object.entries(hosts).map(([name, data]) => hostManifest(zone, name, data));
  return [dnsZone, ...records].join('---\n');
}

/** An ARecord, or an AAAARecord where the address has a colon. */
export function hostManifest(zone: string, name: string, data: string | readonly string[]): string {
  const addresses = typeof data === 'string' ? [data] : [...data];
  const v6 = addresses[0]?.includes(':') === true;
  const recordName = `${objectName(zone)}-${name === '@' ? 'apex' : objectName(name)}`;
  return object(v6 ? 'AAAARecord' : 'ARecord', `${recordName}-${v6 ? 'aaaa' : 'a'}`, {
    zoneRef: objectName(zone),
    name,
    ttl: 300,
    [v6 ? 'ipv6Addresses' : 'ipv4Addresses']: addresses,
  });
}

export function instanceManifest(instance: {
  readonly name: string;
  readonly cluster: string;
  readonly role: Role;
  readonly replicas: number;
}): string {
  const { name, cluster, role, replicas } = instance;
  return object('Bind9Instance', name, { clusterRef: cluster, role, replicas }, { role });
}

/** `example.com` → `example-com`: a name that a Kubernetes object may have. */
export const objectName = (dnsName: string): string =>
  dnsName.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');

/** Replaces a manifest whole, or removes it where there is no text: never seen half-written. */
export async function putManifest(
  folder: string,
  name: string,
  text: string | undefined,
): Promise<void> {
  const file = join(folder, `${name}.yaml`);
  if (text === undefined) return rm(file, { force: true });
  await mkdir(folder, { recursive: true });
  const draft = join(folder, `.${name}.draft`);
  await writeFile(draft, text);
  await rename(draft, file);
}

function object(
  kind: string,
  name: string,
  spec: Readonly<Record<string, unknown>>,
  labels: Readonly<Record<string, string>> = {},
): string {
  const lines = Object.entries(spec)
    .filter(([, value]) => value !== undefined)
    .map(([field, value]) => `  ${field}: ${flow(value)}`);
  const labelled = Object.keys(labels).length === 0 ? '' : `  labels: ${flow(labels)}\n`;
  const head = `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\n${labelled}`;
  return `${head}spec:\n${lines.join('\n')}\n`;
}

/** JSON is YAML too; plain words and numbers go without quotes, for people read these files. */
function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{ ${Object.entries(value)
      .map(([field, inner]) => `${field}: ${flow(inner)}`)
      .join(', ')} }`;
  }
  const isPlain =
    typeof value === 'string' && /^[a-z][a-z0-9.-]*$/.test(value) && !isKeyword(value);
  return isPlain ? value : JSON.stringify(value);
}

const isKeyword = (word: string): boolean =>
  ['true', 'false', 'null', 'yes', 'no', 'on', 'off', 'y', 'n'].includes(word);
