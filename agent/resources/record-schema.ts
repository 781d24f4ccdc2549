import { someAddressRule, someAddressValidations } from './object-rules.ts';
import {
  alphanumeric,
  domainName,
  ipv4,
  ipv6,
  list,
  object,
  oneLine,
  optional,
  recordData,
  recordType,
  text,
  ttl,
  whole,
  zoneName,
} from './schema-parts.ts';

/** What all records say: where they stand. A record reaches its zone by `zone`, `zoneRef`, or the zone's `recordsFrom`. */
const place = {
  name: domainName('The owner, relative to the zone; @ is the zone itself.'),
  zone: optional(zoneName('The zone that the record belongs to, by its zoneName.')),
  zoneRef: optional(
    text('The zone that the record belongs to, by the name of its DNSZone.', { maxLength: 253 }),
  ),
  ttl: optional(ttl('Seconds that the record may be cached. Default: that of the zone.')),
};

const u16 = (description: string) => whole(description, 0, 65_535);

/** `spec` of every record kind, the superset of both API versions. */
export const recordSpecs = {
  ARecord: object(
    'IPv4 addresses of a name.',
    {
      ...place,
      ipv4Address: optional(ipv4('The address.')),
      ipv4Addresses: optional(list('The addresses.', ipv4('An IPv4 address.'))),
    },
    someAddressRule('ipv4'),
    someAddressValidations('ipv4'),
  ),
  AAAARecord: object(
    'IPv6 addresses of a name.',
    {
      ...place,
      ipv6Address: optional(ipv6('The address.')),
      ipv6Addresses: optional(list('The addresses.', ipv6('An IPv6 address.'))),
    },
    someAddressRule('ipv6'),
    someAddressValidations('ipv6'),
  ),
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
    text: list(
      'The strings of one record.',
      text('A string.', { minLength: 0, maxLength: 65_535 }),
      {
        minItems: 1,
        maxItems: 256,
      },
    ),
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
    data: list(
      'The data of each record, as in a zone file.',
      recordData('One line of record data.'),
      {
        minItems: 1,
      },
    ),
  }),
};
