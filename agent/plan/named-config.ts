import { parseEndpoint } from '../resources/endpoint.ts';
import type { Bind9Cluster, Bind9Instance } from '../resources/types.ts';

/** The `config` of an instance, over its cluster's `global`, over what is safe. */
export type InstanceConfig = NonNullable<Bind9Instance['spec']['config']>;

/** What named's configuration is made from besides the agent's options. */
export type WantedConfig = InstanceConfig & {
  /** Zones of ours that named would make by itself, empty, where it resolves names. */
  readonly ownEmptyZones?: readonly string[];
};

export function effectiveConfig(
  instance: Bind9Instance | undefined,
  cluster: Bind9Cluster | undefined,
): InstanceConfig {
  return { ...cluster?.spec.global, ...instance?.spec.config };
}

/** Everything of named's own configuration that is not a zone. Paths are absolute, addresses and keys are valid. */
export interface ServerSettings {
  readonly folders: { readonly state: string; readonly newZones: string };
  readonly dnsPort: number;
  /** From the option; empty: the instance's `listenOn`, else any address. */
  readonly listenOn: readonly string[];
  readonly control: { readonly address: string; readonly port: number };
  readonly statisticsPort: number;
  readonly rateLimit: number;
  readonly ednsSize: number;
  readonly maxRecordsPerType: number;
  readonly maxTypesPerName: number;
  /** Name of the key that pods share, if any. */
  readonly clusterKey?: string;
  readonly localKey: string;
  readonly controlKey: string;
  /** `key` statements, secrets included. */
  readonly keys: readonly string[];
  /** BIND's version as `[9, 18, 49]`; undefined: not known, then only what every version takes is written. */
  readonly version: readonly number[] | undefined;
}

/** File name → text; `named.conf` is the one that named is started with. */
export type ConfigFiles = ReadonlyMap<string, string>;

/** The file that says, among other things, where named keeps added zones. */
export const OPTIONS_FILE = 'options.conf';

const HEADER = '// Written by bind9-agent; changes made here are overwritten.\n';

/**
 * named.conf and what it includes, for a pod whose configuration is ours alone.
 *
 * @param folder where the files will lie
 */
export function renderNamedConf(
  settings: ServerSettings,
  config: WantedConfig,
  folder: string,
): ConfigFiles {
  const include = (file: string) => `include "${folder}/${file}";\n`;
  return new Map([
    [
      'named.conf',
      HEADER + ['keys.conf', 'controls.conf', 'channels.conf', OPTIONS_FILE].map(include).join(''),
    ],
    ['keys.conf', `${HEADER}${settings.keys.join('\n')}\n`],
    ['controls.conf', HEADER + renderControls(settings)],
    ['channels.conf', HEADER + renderLogging(settings)],
    [OPTIONS_FILE, `${HEADER}options {\n${block(ownOptions(settings, config))}};\n`],
  ]);
}

export function renderControls({ control, controlKey, statisticsPort }: ServerSettings): string {
  const allow = `allow { ${callersOf(control.address).join(' ')} }`;
  return [
    'controls {',
    `  inet ${control.address} port ${control.port} ${allow} keys { "${controlKey}"; };`,
    '};',
    'statistics-channels {',
    `  inet ${control.address} port ${statisticsPort} ${allow};`,
    '};',
    '',
  ].join('\n');
}

/** Who connects to another address of 127.0.0.0/8 comes from 127.0.0.1, unless an interface has that address. */
const callersOf = (address: string): string[] =>
  address.startsWith('127.') && address !== '127.0.0.1'
    ? [`${address};`, '127.0.0.1;']
    : [`${address};`];

/** Categories that tell how transfers went. `security` too: only the verifying side knows BADKEY, BADSIG, BADTIME. */
export const LOG_CATEGORIES = [
  'default',
  'general',
  'security',
  'xfer-in',
  'xfer-out',
  'notify',
  'zoneload',
  'update',
  'update-security',
] as const;

export const TRANSFER_LOG = 'transfers.log';

/** The channel that the agent follows, and stderr beside it, so that `kubectl logs` shows the same. */
export function loggingChannels({ folders }: ServerSettings): string[] {
  // In UTC, with its zone: the agent's container need not share the local time of named's.
  const time = 'print-time iso8601-utc; print-category yes; print-severity yes; severity info;';
  const file = `file "${folders.state}/${TRANSFER_LOG}" versions 2 size 5m;`;
  return [
    `channel bind9_agent { ${file} ${time} };`,
    `channel bind9_agent_stderr { stderr; ${time} };`,
  ];
}

const loggingStatements = (settings: ServerSettings): string[] => [
  ...loggingChannels(settings),
  ...LOG_CATEGORIES.map((each) => `category ${each} { bind9_agent; bind9_agent_stderr; };`),
];

const renderLogging = (settings: ServerSettings): string =>
  `logging {\n${block(loggingStatements(settings))}};\n`;

/** The options without which the agent cannot do its work, in whichever configuration. */
export function neededOptions({ folders }: ServerSettings): [string, string][] {
  return [
    ['allow-new-zones', 'yes'],
    ['new-zones-directory', `"${folders.newZones}"`],
    // The default map holds a few thousand zones with long stanzas, then addzone fails.
    ['lmdb-mapsize', '256M'],
    ['notify-delay', '0'],
    ['serial-query-rate', '10000'],
    ['notify-rate', '10000'],
    ['startup-notify-rate', '10000'],
    ['transfers-in', '200'],
    ['transfers-per-ns', '200'],
    ['transfers-out', '1000'],
    ['tcp-clients', '5000'],
    // In a burst of transfers the default of 10 drops connections, each of which costs its client a second and more.
    ['tcp-listen-queue', '1000'],
    // So does a full receive buffer with the answers to a burst of SOA queries.
    ['udp-receive-buffer', '4194304'],
  ];
}

function ownOptions(settings: ServerSettings, config: WantedConfig): string[] {
  const { folders, ednsSize } = settings;
  const pairs: [string, string][] = [
    ['directory', `"${folders.state}"`],
    ['managed-keys-directory', `"${folders.state}"`],
    ...neededOptions(settings),
    ['pid-file', 'none'],
    ['session-keyfile', 'none'],
    ['version', 'none'],
    ['server-id', 'none'],
    ['dnssec-validation', config.dnssec?.validation === true ? 'auto' : 'no'],
    ['masterfile-format', 'text'],
    ['notify', 'explicit'],
    ['allow-transfer', '{ none; }'],
    ['allow-query', addressList(queryKeys(settings), config.allowQuery ?? ['any'])],
    ['edns-udp-size', String(ednsSize)],
    ['max-udp-size', String(ednsSize)],
    ['max-records-per-type', String(settings.maxRecordsPerType)],
    ['max-types-per-name', String(settings.maxTypesPerName)],
    ['try-tcp-refresh', 'no'],
    // Written only for the version that has it: 9.20 refuses to start on it.
    ...(isVersion(settings.version, 9, 18) ? [pair('use-alt-transfer-source', 'no')] : []),
    ...recursionOptions(config),
    ...listenOptions(settings, config),
    ...rateLimitOptions(settings),
  ];
  return pairs.map(([name, value]) => `${name} ${value};`);
}

const pair = (name: string, value: string): [string, string] => [name, value];

export const isVersion = (
  version: readonly number[] | undefined,
  major: number,
  minor: number,
): boolean => version?.[0] === major && version[1] === minor;

export const queryKeys = ({ clusterKey, localKey }: ServerSettings): string[] =>
  clusterKey === undefined ? [localKey] : [clusterKey, localKey];

function recursionOptions(config: WantedConfig): [string, string][] {
  const forwarders = (config.forwarders ?? []).flatMap((each) => {
    const endpoint = parseEndpoint(each);
    return endpoint.ok ? [`${endpoint.value.address} port ${endpoint.value.port};`] : [];
  });
  return [
    pair('recursion', config.recursion === true ? 'yes' : 'no'),
    ...(forwarders.length === 0 ? [] : [pair('forwarders', `{ ${forwarders.join(' ')} }`)]),
    ...(config.recursion === true
      ? [...recursionAccess(config), ...disabledEmptyZones(config)]
      : []),
  ];
}

/** named lets recurse whoever may query. Where nothing was said of that, it is anybody: no pod is to be an open resolver. */
const recursionAccess = ({ allowQuery }: WantedConfig): [string, string][] =>
  allowQuery === undefined ? [pair('allow-recursion', '{ localhost; localnets; }')] : [];

export const disabledEmptyZones = ({ ownEmptyZones = [] }: WantedConfig): [string, string][] =>
  ownEmptyZones.map((zone) => pair('disable-empty-zone', `"${zone}"`));

function listenOptions(settings: ServerSettings, config: InstanceConfig): [string, string][] {
  const { dnsPort, listenOn } = settings;
  const v4 = listenOn.filter((each) => !each.includes(':'));
  const v6 = listenOn.filter((each) => each.includes(':'));
  const given = listenOn.length > 0;
  // The agent asks named over loopback, wherever else the user lets it listen.
  const wanted4 = config.listenOn === undefined ? ['any'] : ['127.0.0.1', ...config.listenOn];
  const on4 = given ? v4 : wanted4;
  const on6 = given ? v6 : (config.listenOnV6 ?? (config.listenOn === undefined ? ['any'] : []));
  return [
    pair(`listen-on port ${dnsPort}`, addressList([], on4.length > 0 ? on4 : ['none'])),
    pair(`listen-on-v6 port ${dnsPort}`, addressList([], on6.length > 0 ? on6 : ['none'])),
    ...sourceOptions(v4, v6),
  ];
}

/** One address to listen on is also the one to speak from, so that peers can tell who is asking. */
function sourceOptions(v4: readonly string[], v6: readonly string[]): [string, string][] {
  const [address4] = v4.length === 1 ? v4 : [];
  const [address6] = v6.length === 1 ? v6 : [];
  return [
    ...(address4 === undefined || address4 === 'any'
      ? []
      : [pair('transfer-source', address4), pair('notify-source', address4)]),
    ...(address6 === undefined || address6 === 'any'
      ? []
      : [pair('transfer-source-v6', address6), pair('notify-source-v6', address6)]),
  ];
}

/** Loopback is exempt: the agent's own checks come from there. (The exemption looks at addresses only, not at keys.) */
const rateLimitOptions = ({ rateLimit }: ServerSettings): [string, string][] =>
  rateLimit === 0
    ? []
    : [
        pair(
          'rate-limit',
          `{ responses-per-second ${rateLimit}; exempt-clients { 127.0.0.0/8; ::1; }; }`,
        ),
      ];

const addressList = (keys: readonly string[], elements: readonly string[]): string =>
  `{ ${[...keys.map((key) => `key "${key}";`), ...elements.map((each) => `${each};`)].join(' ')} }`;

const block = (statements: readonly string[]): string =>
  statements.map((statement) => `  ${statement}\n`).join('');
