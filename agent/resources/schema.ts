import type { TSchema } from 'typebox';
import {
  bind9ClusterSpec,
  bind9InstanceSpec,
  clusterBind9ProviderSpec,
} from './instance-schema.ts';
import {
  clusterColumns,
  instanceColumns,
  type PrinterColumn,
  type RecordColumn,
  recordColumns,
  zoneColumns,
} from './printer-columns.ts';
import { recordSpecs } from './record-schema.ts';
import {
  bind9ClusterStatus,
  bind9InstanceStatus,
  dnsZoneStatus,
  recordStatus,
} from './status-schema.ts';
import type { ResourceKind } from './types.ts';
import { dnsZoneSpec } from './zone-schema.ts';

/** One kind of resource: its names in the API, and its schemas, the same in each API version. */
export interface KindSchema {
  readonly plural: string;
  readonly shortNames: readonly string[];
  readonly spec: TSchema;
  readonly status: TSchema;
  /** What `kubectl get` shows. */
  readonly columns: readonly PrinterColumn[];
}

const record = (
  kind: keyof typeof recordSpecs,
  shortNames: readonly string[],
  ...data: readonly RecordColumn[]
): KindSchema => ({
  plural: `${kind.toLowerCase()}s`,
  shortNames,
  spec: recordSpecs[kind],
  status: recordStatus,
  columns: recordColumns(data),
});

const data = (name: string, ...fields: readonly string[]): RecordColumn => ({ name, fields });
const count = (name: string, field: string): RecordColumn => ({
  name,
  fields: [field],
  type: 'integer',
});

/** All kinds of the group. Types, validation and CRDs come from here. */
export const kindSchemas: { readonly [Kind in ResourceKind]: KindSchema } = {
  DNSZone: {
    plural: 'dnszones',
    shortNames: ['zone', 'zones', 'dz', 'dzs'],
    spec: dnsZoneSpec,
    status: dnsZoneStatus,
    columns: zoneColumns,
  },
  Bind9Instance: {
    plural: 'bind9instances',
    shortNames: ['b9', 'b9s'],
    spec: bind9InstanceSpec,
    status: bind9InstanceStatus,
    columns: instanceColumns,
  },
  Bind9Cluster: {
    plural: 'bind9clusters',
    shortNames: ['b9c', 'b9cs'],
    spec: bind9ClusterSpec,
    status: bind9ClusterStatus,
    columns: clusterColumns,
  },
  ARecord: record('ARecord', ['a'], data('Addresses', 'ipv4Addresses', 'ipv4Address')),
  AAAARecord: record('AAAARecord', ['aaaa'], data('Addresses', 'ipv6Addresses', 'ipv6Address')),
  CNAMERecord: record('CNAMERecord', ['cname'], data('Target', 'target')),
  MXRecord: record(
    'MXRecord',
    ['mx'],
    count('Priority', 'priority'),
    data('Mail Server', 'mailServer'),
  ),
  NSRecord: record('NSRecord', ['ns'], data('Nameserver', 'nameserver')),
  TXTRecord: record('TXTRecord', ['txt'], data('Text', 'text')),
  SRVRecord: record('SRVRecord', ['srv'], data('Target', 'target'), count('Port', 'port')),
  CAARecord: record('CAARecord', ['caa'], data('Tag', 'tag'), data('Value', 'value')),
  PTRRecord: record('PTRRecord', ['ptr'], data('Target', 'target')),
  DNSRecord: record('DNSRecord', [], data('Type', 'type'), data('Data', 'data')),
};

/** Kinds of Bindy's that manifests may hold and the agent does not use. They are not bound to a namespace. */
export const unusedKindSchemas: Readonly<Record<string, KindSchema>> = {
  ClusterBind9Provider: {
    plural: 'clusterbind9providers',
    shortNames: ['cb9p', 'cb9ps'],
    spec: clusterBind9ProviderSpec,
    status: bind9ClusterStatus,
    columns: clusterColumns,
  },
};
