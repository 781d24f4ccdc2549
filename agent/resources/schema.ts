import type { TSchema } from 'typebox';
import { bind9ClusterSpec, bind9InstanceSpec } from './instance-schema.ts';
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
}

const record = (kind: keyof typeof recordSpecs, ...shortNames: readonly string[]): KindSchema => ({
  plural: `${kind.toLowerCase()}s`,
  shortNames,
  spec: recordSpecs[kind],
  status: recordStatus,
});

/** All kinds of the group. Types, validation and CRDs come from here. */
export const kindSchemas: { readonly [Kind in ResourceKind]: KindSchema } = {
  DNSZone: {
    plural: 'dnszones',
    shortNames: ['zone', 'zones', 'dz', 'dzs'],
    spec: dnsZoneSpec,
    status: dnsZoneStatus,
  },
  Bind9Instance: {
    plural: 'bind9instances',
    shortNames: ['b9', 'b9s'],
    spec: bind9InstanceSpec,
    status: bind9InstanceStatus,
  },
  Bind9Cluster: {
    plural: 'bind9clusters',
    shortNames: ['b9c', 'b9cs'],
    spec: bind9ClusterSpec,
    status: bind9ClusterStatus,
  },
  ARecord: record('ARecord', 'a'),
  AAAARecord: record('AAAARecord', 'aaaa'),
  CNAMERecord: record('CNAMERecord', 'cname'),
  MXRecord: record('MXRecord', 'mx'),
  NSRecord: record('NSRecord', 'ns'),
  TXTRecord: record('TXTRecord', 'txt'),
  SRVRecord: record('SRVRecord', 'srv'),
  CAARecord: record('CAARecord', 'caa'),
  PTRRecord: record('PTRRecord', 'ptr'),
  DNSRecord: record('DNSRecord'),
};
