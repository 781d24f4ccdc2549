import { joined } from '../texts.ts';
import type { bind9ClusterSpec, bind9InstanceSpec } from './instance-schema.ts';
import type { recordSpecs } from './record-schema.ts';
import type { Read } from './schema-parts.ts';
import type { dnsZoneStatus } from './status-schema.ts';
import type { dnsZoneSpec } from './zone-schema.ts';

/** What an object is known by: `namespace/name`, or `kind/namespace/name` of a record, as those of all kinds stand together. */
export type ObjectKey = string & { readonly __brand: 'ObjectKey' };

/** Of anything but a record. */
export const objectKey = (namespace: string, name: string): ObjectKey =>
  joined([namespace, name]) as ObjectKey;

export const keyOfKind = (kind: string, namespace: string, name: string): ObjectKey =>
  isRecord(kind) ? (joined([kind, namespace, name]) as ObjectKey) : objectKey(namespace, name);

export const isRecord = (kind: string): boolean => kind.endsWith('Record');

/** Of anything but a record. */
export function partsOfKey(key: ObjectKey): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/');
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export const apiGroup = 'bindy.firestoned.io';

/** Versions of the API that are read, the one that is written first. Their schemas are the same. */
export const apiVersions = ['bindy.firestoned.io/v1beta1', 'bindy.firestoned.io/v1alpha1'] as const;

export type ApiVersion = (typeof apiVersions)[number];

export interface Metadata {
  readonly name: string;
  readonly namespace: string;
  readonly uid?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** RFC 3339, as written. */
  readonly creationTimestamp?: string;
  readonly generation?: number;
}

export type DNSZoneSpec = Read<typeof dnsZoneSpec>;
export type DNSZoneStatus = Read<typeof dnsZoneStatus>;
export type Bind9InstanceSpec = Read<typeof bind9InstanceSpec>;
export type Bind9ClusterSpec = Read<typeof bind9ClusterSpec>;
/** The options of named: an instance's `config`, a cluster's `global`. */
export type NamedConfig = NonNullable<Bind9InstanceSpec['config']>;
export type LabelSelector = NonNullable<DNSZoneSpec['instanceSelector']>;

interface Resource<Kind extends string, Spec> {
  readonly kind: Kind;
  readonly apiVersion: ApiVersion;
  readonly key: ObjectKey;
  readonly metadata: Metadata;
  readonly spec: Spec;
}

export type DNSZone = Resource<'DNSZone', DNSZoneSpec>;
export type Bind9Instance = Resource<'Bind9Instance', Bind9InstanceSpec>;
export type Bind9Cluster = Resource<'Bind9Cluster', Bind9ClusterSpec>;

export interface ConfigMap {
  readonly kind: 'ConfigMap';
  readonly key: ObjectKey;
  readonly metadata: Metadata;
  readonly data: Readonly<Record<string, string>>;
}

export type RecordKind = keyof typeof recordSpecs;

/** The spec of each record kind as users write it. */
export type WrittenSpecs = { [Kind in RecordKind]: Read<(typeof recordSpecs)[Kind]> };

/** Both API versions' address fields as one sorted list without doubles. */
type Addresses<Spec, Written extends PropertyKey> = Omit<Spec, Written> & {
  readonly addresses: readonly string[];
};

/** The spec of each record kind, the same whichever API version it was written in. */
export interface RecordSpecs {
  ARecord: Addresses<WrittenSpecs['ARecord'], 'ipv4Address' | 'ipv4Addresses'>;
  AAAARecord: Addresses<WrittenSpecs['AAAARecord'], 'ipv6Address' | 'ipv6Addresses'>;
  CNAMERecord: WrittenSpecs['CNAMERecord'];
  MXRecord: WrittenSpecs['MXRecord'];
  NSRecord: WrittenSpecs['NSRecord'];
  TXTRecord: WrittenSpecs['TXTRecord'];
  SRVRecord: WrittenSpecs['SRVRecord'];
  CAARecord: WrittenSpecs['CAARecord'];
  PTRRecord: WrittenSpecs['PTRRecord'];
  /** `type` is in upper case. */
  DNSRecord: WrittenSpecs['DNSRecord'];
}

export type RecordOf<Kind extends RecordKind> = Resource<Kind, RecordSpecs[Kind]>;

export type DnsRecord = { [Kind in RecordKind]: RecordOf<Kind> }[RecordKind];

/** The kinds of our group. */
export type ResourceKind = 'DNSZone' | 'Bind9Instance' | 'Bind9Cluster' | RecordKind;

export type ResourceObject = DNSZone | Bind9Instance | Bind9Cluster | ConfigMap | DnsRecord;
