import Type from 'typebox';
import {
  address,
  choice,
  configMapKey,
  domainName,
  flag,
  kept,
  keptList,
  keyName,
  labelSelector,
  list,
  mapList,
  object,
  openObject,
  optional,
  policyName,
  selection,
  serial,
  text,
  textMap,
  time,
  ttl,
  whole,
} from './schema-parts.ts';

const maxTimer = 2_147_483_647;
/** The API server stores objects of up to 1.5 MiB; larger zones come as a ConfigMap each or by transfer. */
const maxZoneFile = 1_500_000;

const soaRecord = object('The start of authority. Each field has a default.', {
  primaryNs: optional(
    domainName(
      'The primary name server, for instance ns1.example.com. Default: the first of nameServers.',
    ),
  ),
  adminEmail: optional(
    domainName(
      'The mailbox of the administrator, as a name (admin.example.com.) or as an address (admin@example.com). Default: hostmaster in the zone.',
    ),
  ),
  serial: optional(serial('A floor: the zone is served with this serial or a newer one.')),
  refresh: optional(
    whole('Seconds between two checks by a secondary. Default: 3600.', 1, maxTimer),
  ),
  retry: optional(whole('Seconds until a failed check is repeated. Default: 600.', 1, maxTimer)),
  expire: optional(
    whole(
      'Seconds after which a secondary that hears nothing stops serving. Default: 604800.',
      1,
      maxTimer,
    ),
  ),
  negativeTtl: optional(ttl('Seconds that an answer of absence may be cached. Default: 300.')),
});

const nameServer = object('A name server of the zone.', {
  hostname: domainName('Its host name.'),
  ipv4Address: optional(address('Its IPv4 address, served as glue where the host is in the zone.')),
  ipv6Address: optional(address('Its IPv6 address, served as glue where the host is in the zone.')),
});

const zoneFileFrom = object('Where the text of the zone is kept.', {
  configMapKeyRef: object('A key of a ConfigMap in the namespace of the zone.', {
    name: text('The name of the ConfigMap.', { maxLength: 253 }),
    key: configMapKey('The key that holds the text.'),
  }),
});

const updates = object(
  'Records come as signed DNS UPDATEs (RFC 2136), for instance from external-dns. The agent never overwrites them.',
  {
    allow: list('Names of the TSIG keys that may update.', keyName('The name of a TSIG key.'), {
      maxItems: 32,
    }),
  },
);

const transfer = object('Transfers to and from parties outside the cluster.', {
  alsoNotify: optional(
    list(
      'Servers that are told of each change: an IP, ip:port or [ipv6]:port.',
      address('A server.'),
      { maxItems: 100 },
    ),
  ),
  allowTransfer: optional(
    list(
      'Who may transfer the zone: an IP, a network, any, none, localhost, localnets or "key name"; a leading ! excludes. Default: what the instance allows; [] is nobody.',
      address('An access rule.'),
      { maxItems: 100 },
    ),
  ),
  tsigKeyRef: optional(
    keyName('The name of the TSIG key that signs notifies and transfers with these parties.'),
  ),
  tls: optional(
    keyName(
      'Transfers over TLS: "ephemeral", or the name of a tls block of the adopted named.conf.',
    ),
  ),
});

/** `DNSZone.spec`, the superset of both API versions. */
export const dnsZoneSpec = object('A DNS zone, and who serves it.', {
  zoneName: domainName('The name of the zone, for instance example.com.'),
  type: optional(
    choice(
      'primary: the content stands in the resources. secondary: it comes by transfer. Default: primary.',
      ['primary', 'secondary'],
    ),
  ),
  clusterRef: optional(
    text(
      'The cluster whose instances serve the zone: a Bind9Cluster, or the value of their label cluster.',
      {
        maxLength: 253,
      },
    ),
  ),
  instanceSelector: optional(labelSelector('Instances that serve the zone, by their labels.')),
  bind9InstancesFrom: optional(selection('Instances that serve the zone, by their labels.')),
  secondaryConfig: optional(
    object('Where a secondary zone comes from.', {
      primaryServers: optional(
        list(
          'Its primaries: an IP, ip:port or [ipv6]:port. Default: the primaries of the cluster.',
          address('A primary server.'),
          { maxItems: 32 },
        ),
      ),
    }),
  ),
  soaRecord: optional(soaRecord),
  ttl: optional(ttl('Seconds: the TTL of records that name none. Default: 3600.')),
  nameServers: optional(list('The name servers of the zone.', nameServer, { maxItems: 100 })),
  nameServerIps: optional(
    textMap('Addresses of name servers by host name; the older form of nameServers.'),
  ),
  recordsFrom: optional(selection('Records that belong to the zone, by their labels.')),
  dnssecPolicy: optional(
    policyName('The dnssec-policy that signs the zone, for instance default.'),
  ),
  zoneFile: optional(
    Type.String({
      description:
        'The whole zone as text (RFC 1035). The timers of its SOA are kept; its serial is a floor.',
      minLength: 1,
      maxLength: maxZoneFile,
    }),
  ),
  zoneFileFrom: optional(zoneFileFrom),
  updates: optional(updates),
  transfer: optional(transfer),
  suspend: optional(
    flag('Leaves the zone as it is served now: changes wait until this is false again.'),
  ),
});

const condition = object('The state of one aspect.', {
  type: text('The aspect.', { maxLength: 316 }),
  status: choice('Whether it holds.', ['True', 'False', 'Unknown']),
  observedGeneration: optional(
    whole('The generation that it speaks of.', 0, Number.MAX_SAFE_INTEGER),
  ),
  reason: optional(Type.String({ description: 'Why, in one word.', maxLength: 1024 })),
  message: optional(Type.String({ description: 'Why, in a sentence.', maxLength: 32_768 })),
  lastTransitionTime: optional(time('When the status last changed.')),
});

export const conditions = mapList('What holds and what does not.', 'type', condition);

export const observedGeneration = whole(
  'The generation that this status speaks of.',
  0,
  Number.MAX_SAFE_INTEGER,
);

const transferReport = object("One pod's copy of the zone.", {
  pod: text('The pod.', { maxLength: 253 }),
  instance: optional(Type.String({ description: 'Its instance.', maxLength: 253 })),
  role: optional(choice('Its role.', ['primary', 'secondary'])),
  ip: optional(address('Its address.')),
  state: choice('How its copy stands.', [
    'Pending',
    'Transferring',
    'Current',
    'Lagging',
    'Failing',
    'Expired',
  ]),
  serial: optional(serial('The serial that it serves.')),
  from: optional(address('The address that it transferred from.')),
  method: optional(choice('How it got its copy.', ['AXFR', 'IXFR', 'Seed'])),
  lastTransferTime: optional(time('When it got its copy.')),
  expiresAt: optional(time('When it stops serving, if nothing is heard of a primary.')),
  reason: optional(
    choice('Why it is not current.', [
      'Refused',
      'NotAuthoritative',
      'Unreachable',
      'UnreachableCached',
      'TsigUnknownKey',
      'TsigBadSignature',
      'TsigBadTime',
      'QuotaDeferred',
      'SerialBehind',
      'Timeout',
      'FormErr',
      'BadData',
      'Expired',
      'NoPrimaries',
      'NotLoaded',
    ]),
  ),
  message: optional(Type.String({ description: 'Why, and what to do.', maxLength: 32_768 })),
});

const allocated = object('What the primaries agreed to serve.', {
  serial: serial('The serial.'),
  contentHash: text('The hash of the canonical records.', { maxLength: 128 }),
  by: text('The pod that allocated it.', { maxLength: 253 }),
  view: optional(
    whole('The version of the resources that it was rendered from.', 0, Number.MAX_SAFE_INTEGER),
  ),
});

/** `DNSZone.status`: the agent's fields, and those that Bindy writes. */
export const dnsZoneStatus = openObject('What is served, as seen on the wire.', {
  observedGeneration: optional(observedGeneration),
  secondaryIps: optional(list('The live secondaries of the zone, sorted.', address('An address.'))),
  serial: optional(serial('The newest serial seen served by a primary.')),
  allocated: optional(allocated),
  writer: optional(
    Type.String({ description: 'The pod that takes updates or signs.', maxLength: 253 }),
  ),
  secondaryCount: optional(whole('The number of live secondaries.', 0, maxTimer)),
  reportedBy: optional(Type.String({ description: 'The pod that reported.', maxLength: 253 })),
  reportedTime: optional(time('When it reported.')),
  transfers: optional(mapList("Each pod's copy of the zone.", 'pod', transferReport)),
  conditions: optional(conditions),
  records: optional(keptList('The records of the zone, as Bindy lists them.')),
  recordsCount: optional(whole('Their number.', 0, maxTimer)),
  bind9Instances: optional(keptList('The instances of the zone, as Bindy lists them.')),
  bind9InstancesCount: optional(whole('Their number.', 0, maxTimer)),
  dnssec: optional(kept('The state of signing, as Bindy tells it.')),
});
