import {
  address,
  alphanumeric,
  domainName,
  kept,
  list,
  object,
  oneLine,
  openObject,
  optional,
  recordType,
  text,
  ttl,
  whole,
} from './schema-parts.ts';
import { conditions, observedGeneration } from './zone-schema.ts';

/** What all records say: where they stand. A record reaches its zone by `zone`, `zoneRef`, or the zone's `recordsFrom`. */
const place = {
  name: domainName('The owner, relative to the zone; @ is the zone itself.'),
  zone: optional(domainName('The zone that the record belongs to, by its zoneName.')),
  zoneRef: optional(
    text('The zone that the record belongs to, by the name of its DNSZone.', { maxLength: 253 }),
  ),
  ttl: optional(ttl('Seconds that the record may be cached. Default: that of the zone.')),
};

const u16 = (description: string) => whole(description, 0, 65_535);

/** `spec` of every record kind, the superset of both API versions. */
export const recordSpecs = {
  ARecord: object('IPv4 addresses of a name.', {
    ...place,
    ipv4Address: optional(address('The address.')),
    ipv4Addresses: optional(list('The addresses.', address('An IPv4 address.'))),
  }),
  AAAARecord: object('IPv6 addresses of a name.', {
    ...place,
    ipv6Address: optional(address('The address.')),
    ipv6Addresses: optional(list('The addresses.', address('An IPv6 address.'))),
  }),
  CNAMERecord: object('Another name for a name.', {
    ...place,
    target: domainName('The name that it stands for.'),
  }),
  MXRecord: object('A mail server of a name.', {
    ...place,
    priority: u16('Lower ones are tried first.'),
    mailServer: domainName('The mail server.'),
  }),
  NSRecord: object('A name server that a name is delegated to.', {
    ...place,
    nameserver: domainName('The name server.'),
  }),
  TXTRecord: object('Text at a name.', {
    ...place,
    text: list('The strings of one record.', text('A string.', { maxLength: 65_535 }), {
      minItems: 1,
      maxItems: 256,
    }),
  }),
  SRVRecord: object('A server of a service (RFC 2782).', {
    ...place,
    priority: u16('Lower ones are tried first.'),
    weight: u16('The share among servers of one priority.'),
    port: u16('The port of the service.'),
    target: domainName('The server.'),
  }),
  CAARecord: object('Who may issue certificates for a name (RFC 8659).', {
    ...place,
    flags: whole('128: critical.', 0, 255),
    tag: alphanumeric('The property, for instance issue.'),
    value: oneLine('Its value, for instance letsencrypt.org.'),
  }),
  PTRRecord: object('The name of an address.', {
    ...place,
    target: domainName('The name.'),
  }),
  DNSRecord: object('Records of any type.', {
    ...place,
    type: recordType('The type, for instance SSHFP, or TYPE65534.'),
    data: list('The data of each record, as in a zone file.', oneLine('One line of record data.'), {
      minItems: 1,
    }),
  }),
};

/** `status` of every record kind, written by Bindy where it runs. */
export const recordStatus = openObject('The state of the record.', {
  observedGeneration: optional(observedGeneration),
  conditions: optional(conditions),
  zoneRef: optional(kept('The zone of the record.')),
});
