import { hostKeysRule, zoneRule, zoneValidations } from './object-rules.ts';
import {
  access,
  choice,
  configMapKey,
  domainName,
  endpoint,
  flag,
  ip,
  ipv4,
  ipv6,
  keyName,
  labelSelector,
  list,
  mailbox,
  object,
  optional,
  policyName,
  selection,
  serial,
  text,
  textMap,
  ttl,
  whole,
  zoneName,
  zoneText,
} from './schema-parts.ts';

const maxTimer = 2_147_483_647;

/** What a zone has where it says nothing; seconds. */
export const zoneDefaults = {
  ttl: 3600,
  refresh: 3600,
  retry: 600,
  expire: 604_800,
  negativeTtl: 300,
} as const;

const soaRecord = object('The start of authority. Each field has a default.', {
  primaryNs: optional(
    domainName(
      'The primary name server, for instance ns1.example.com. Default: the first of nameServers.',
    ),
  ),
  adminEmail: optional(
    mailbox(
      'The mailbox of the administrator, as a name (admin.example.com.) or as an address (admin@example.com). Default: hostmaster in the zone.',
    ),
  ),
  serial: optional(serial('A floor: the zone is served with this serial or a newer one.')),
  refresh: optional(
    whole(
      `Seconds between two checks by a secondary. Default: ${zoneDefaults.refresh}.`,
      1,
      maxTimer,
    ),
  ),
  retry: optional(
    whole(`Seconds until a failed check is repeated. Default: ${zoneDefaults.retry}.`, 1, maxTimer),
  ),
  expire: optional(
    whole(
      `Seconds after which a secondary that hears nothing stops serving. Default: ${zoneDefaults.expire}.`,
      1,
      maxTimer,
    ),
  ),
  negativeTtl: optional(
    ttl(`Seconds that an answer of absence may be cached. Default: ${zoneDefaults.negativeTtl}.`),
  ),
});

const nameServer = object('A name server of the zone.', {
  hostname: domainName('Its host name.'),
  ipv4Address: optional(ipv4('Its IPv4 address, served as glue where the host is in the zone.')),
  ipv6Address: optional(ipv6('Its IPv6 address, served as glue where the host is in the zone.')),
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
      endpoint('A server.'),
      { maxItems: 100 },
    ),
  ),
  allowTransfer: optional(
    list(
      'Who may transfer the zone: an IP, a network, any, none, localhost, localnets or "key name"; a leading ! excludes. Default: what the instance allows; [] is nobody.',
      access('An access rule.'),
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
export const dnsZoneSpec = object(
  'A DNS zone, and who serves it.',
  {
    zoneName: zoneName('The name of the zone, for instance example.com.'),
    type: optional(
      choice(
        'primary: the content stands in the resources. secondary: it comes by transfer. Default: primary.',
        ['primary', 'secondary'],
        { default: 'primary' },
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
    clusterProviderRef: optional(
      text('A ClusterBind9Provider, as Bindy has them. The agent does not use it.', {
        maxLength: 253,
      }),
    ),
    globalClusterRef: optional(
      text('The older name of clusterProviderRef. The agent does not use it.', { maxLength: 253 }),
    ),
    instanceSelector: optional(labelSelector('Instances that serve the zone, by their labels.')),
    bind9InstancesFrom: optional(selection('Instances that serve the zone, by their labels.')),
    secondaryConfig: optional(
      object('Where a secondary zone comes from.', {
        primaryServers: optional(
          list(
            'Its primaries: an IP, ip:port or [ipv6]:port. Default: the primaries of the cluster.',
            endpoint('A primary server.'),
            { maxItems: 32 },
          ),
        ),
      }),
    ),
    soaRecord: optional(soaRecord),
    ttl: optional(ttl(`Seconds: the TTL of records that name none. Default: ${zoneDefaults.ttl}.`)),
    nameServers: optional(list('The name servers of the zone.', nameServer, { maxItems: 100 })),
    nameServerIps: optional(
      textMap('Addresses of name servers by host name; the older form of nameServers.', {
        items: ip('An address.'),
        rule: hostKeysRule,
      }),
    ),
    recordsFrom: optional(selection('Records that belong to the zone, by their labels.')),
    dnssecPolicy: optional(
      policyName('The dnssec-policy that signs the zone, for instance default.'),
    ),
    zoneFile: optional(
      zoneText(
        'The whole zone as text (RFC 1035). The timers of its SOA are kept; its serial is a floor.',
      ),
    ),
    zoneFileFrom: optional(zoneFileFrom),
    updates: optional(updates),
    transfer: optional(transfer),
    suspend: optional(
      flag('Leaves the zone as it is served now: changes wait until this is false again.'),
    ),
  },
  zoneRule,
  zoneValidations,
);
