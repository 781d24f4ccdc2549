import { isDeepStrictEqual } from 'node:util';
import { kindSchemas } from '../../agent/resources/schema.ts';
import type { ResourceKind } from '../../agent/resources/types.ts';

/** Of whatever came through, this is part. */
export const evil = 'evil';

/** Texts that would mean something in a zone file, in named.conf, or to a program, if they came there as they are. */
export const hostileTexts: readonly string[] = [
  ';',
  'x; evil',
  '"',
  'x" "evil',
  "'evil'",
  'evil\n',
  'x\nevil A 192.0.2.66\n$INCLUDE /etc/passwd',
  'x\r\nevil 300 IN A 192.0.2.66',
  '$INCLUDE /etc/passwd',
  '$ORIGIN evil.',
  'x)\nevil A 192.0.2.66 (',
  'evil { any; }',
  'any; }; evil { any',
  'x"; }; zone "evil.example" { type primary; file "/etc/passwd"; }; //',
  '/* evil',
  '../../evil',
  '-evil',
  'evil\\',
  '\\"evil',
  'evil\0evil',
  '\u2028evil A 192.0.2.66',
];

type Value = string | number | boolean | readonly Value[] | { readonly [field: string]: Value };
export type SpecSample = { readonly [field: string]: Value };

const selector = {
  matchLabels: { role: 'primary' },
  matchExpressions: [{ key: 'role', operator: 'In', values: ['primary'] }],
};

const namedConfig = {
  allowQuery: ['any'],
  allowTransfer: ['192.0.2.0/24'],
  forwarders: ['192.0.2.7:53'],
  listenOn: ['any'],
  listenOnV6: ['none'],
};

const place = { name: 'www', zone: 'records.example', zoneRef: 'records-example' };

/** Specs in which every field of text that there is has one. Not all fields stand well together, hence several. */
const samples: { readonly [Kind in ResourceKind]: readonly SpecSample[] } = {
  DNSZone: [
    {
      zoneName: 'zone.example',
      type: 'primary',
      clusterRef: 'demo',
      clusterProviderRef: 'provider',
      globalClusterRef: 'global',
      soaRecord: { primaryNs: 'ns1', adminEmail: 'admin@example.com' },
      nameServers: [{ hostname: 'ns1', ipv4Address: '192.0.2.53', ipv6Address: '2001:db8::53' }],
      nameServerIps: { ns2: '192.0.2.54' },
      recordsFrom: [{ selector }],
      dnssecPolicy: 'default',
      updates: { allow: ['cluster'] },
      transfer: {
        alsoNotify: ['192.0.2.9:53'],
        allowTransfer: ['192.0.2.9'],
        tsigKeyRef: 'cluster',
        tls: 'ephemeral',
      },
    },
    { zoneName: 'zone.example', instanceSelector: selector, bind9InstancesFrom: [{ selector }] },
    {
      zoneName: 'zone.example',
      clusterRef: 'demo',
      zoneFile: '@ 300 SOA ns1 admin 1 3600 600 604800 300\n@ 300 NS ns1\nns1 300 A 192.0.2.53\n',
    },
    {
      zoneName: 'zone.example',
      clusterRef: 'demo',
      zoneFileFrom: { configMapKeyRef: { name: 'texts', key: 'zone' } },
    },
    {
      zoneName: 'zone.example',
      type: 'secondary',
      clusterRef: 'demo',
      secondaryConfig: { primaryServers: ['192.0.2.8:53'] },
    },
  ],
  Bind9Instance: [
    {
      clusterRef: 'demo',
      role: 'primary',
      version: '9.18',
      config: namedConfig,
      primaryServers: ['192.0.2.8'],
    },
  ],
  Bind9Cluster: [{ version: '9.18', global: namedConfig }],
  ARecord: [{ ...place, ipv4Address: '192.0.2.1', ipv4Addresses: ['192.0.2.2'] }],
  AAAARecord: [{ ...place, ipv6Address: '2001:db8::1', ipv6Addresses: ['2001:db8::2'] }],
  CNAMERecord: [{ ...place, target: 'mail' }],
  MXRecord: [{ ...place, priority: 1, mailServer: 'mail' }],
  NSRecord: [{ ...place, name: 'child', nameserver: 'ns1' }],
  TXTRecord: [{ ...place, text: ['text'] }],
  SRVRecord: [{ ...place, priority: 1, weight: 1, port: 1, target: 'mail' }],
  CAARecord: [{ ...place, flags: 0, tag: 'issue', value: 'ca.example.net' }],
  PTRRecord: [{ ...place, target: 'mail' }],
  DNSRecord: [{ ...place, type: 'HINFO', data: ['"cpu" "os"'] }],
};

/** A spec with one hostile text in it. */
export interface Variant {
  readonly kind: ResourceKind;
  readonly path: string;
  readonly text: string;
  readonly spec: SpecSample;
}

/** Every field of text of a kind with every hostile text, as a value and at the end of one, and as the key of a map. */
export function variantsOf(kind: ResourceKind): Variant[] {
  const variants = samples[kind].flatMap((sample) =>
    leavesOf(sample).flatMap((leaf) =>
      hostileTexts.flatMap((text) =>
        [text, `${leaf.value}${text}`].map((whole) => ({
          kind,
          path: leaf.path,
          text: whole,
          spec: leaf.replaced(whole) as SpecSample,
        })),
      ),
    ),
  );
  return variants.filter(
    (each, index) =>
      variants.findIndex((other) => isDeepStrictEqual(each.spec, other.spec)) === index,
  );
}

interface Leaf {
  /** `nameServers[].hostname`; `{}` is any key of a map, `{key}` that key itself. */
  readonly path: string;
  readonly value: string;
  readonly replaced: (text: string) => Value;
}

const maps = ['matchLabels', 'nameServerIps'];

function leavesOf(value: Value, path = ''): Leaf[] {
  if (typeof value === 'string') return [{ path, value, replaced: (text) => text }];
  if (typeof value !== 'object') return [];
  if (Array.isArray(value))
    return value.flatMap((item: Value, index) =>
      leavesOf(item, `${path}[]`).map((leaf) => ({
        ...leaf,
        replaced: (text: string) => value.with(index, leaf.replaced(text)),
      })),
    );
  const isMap = maps.some((map) => path === map || path.endsWith(`.${map}`));
  return Object.entries(value).flatMap(([field, item]) => {
    const inner = leavesOf(item, isMap ? `${path}{}` : path === '' ? field : `${path}.${field}`);
    const replaced = inner.map((leaf) => ({
      ...leaf,
      replaced: (text: string) => ({ ...value, [field]: leaf.replaced(text) }),
    }));
    if (!isMap) return replaced;
    const { [field]: _, ...others } = value as Record<string, Value>;
    const key = {
      path: `${path}{key}`,
      value: field,
      replaced: (text: string) => ({ ...others, [text]: item }),
    };
    return [...replaced, key];
  });
}

/** The paths of all fields of text that a kind's schema has, but those of other people that are only kept. */
export function textFieldsOf(kind: ResourceKind): string[] {
  return [...new Set(fieldsOf(kindSchemas[kind].spec, ''))].sort();
}

/** Those that the samples have. */
export const sampledFieldsOf = (kind: ResourceKind): string[] =>
  [...new Set(samples[kind].flatMap((sample) => leavesOf(sample).map(({ path }) => path)))].sort();

function fieldsOf(schema: unknown, path: string): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, properties, items, additionalProperties } = schema as Record<string, unknown>;
  if (type === 'string') return [path];
  if (type === 'array') return fieldsOf(items, `${path}[]`);
  if (typeof additionalProperties === 'object')
    return [`${path}{key}`, ...fieldsOf(additionalProperties, `${path}{}`)];
  return Object.entries(properties ?? {}).flatMap(([field, inner]) =>
    fieldsOf(inner, path === '' ? field : `${path}.${field}`),
  );
}
