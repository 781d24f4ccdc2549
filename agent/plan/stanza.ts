import { type DomainName, fileNameOf } from '../dns/name.ts';
import type { Endpoint } from './topology.ts';

/** What one `zone` block of ours says. Strings are already validated: names of keys, address match elements, paths. */
export interface StanzaInput {
  readonly role: 'primary' | 'secondary';
  /** Where the zone's file is; never changed once the zone exists, named would drop its data. */
  readonly folder: string;
  /** Secondary: where to transfer from. Never empty in the text: named refuses to start on `primaries { }`. */
  readonly primaries: readonly Endpoint[];
  /** Who is told of a new serial. */
  readonly notify: readonly Endpoint[];
  /** The key that pods share; absent: access between pods is by address. */
  readonly clusterKey?: string;
  /** The key that never leaves this pod, for updates and checks over loopback. */
  readonly localKey: string;
  /** Keys that may update the zone (RFC 2136) besides the agent. */
  readonly updateKeys: readonly string[];
  /** Addresses of peers, for access by address. */
  readonly peerAddresses: readonly string[];
  /** With a key as well as from a peer's address, where that is asked for. */
  readonly narrowByAddress: boolean;
  /** Outsiders that may transfer; address match elements. */
  readonly allowTransfer: readonly string[];
  /** Who may query; address match elements. */
  readonly allowQuery: readonly string[];
  readonly maxRecordsPerType: number;
  readonly maxTypesPerName: number;
}

/** Nobody answers there, at once: named gets a refusal instead of a silence. */
const NO_PRIMARY: Endpoint = { address: '127.255.255.254', port: 9 };

/** Stands for the name of the zone's file. */
const FILE = '$file';

/**
 * The body of a `zone` statement, braces included and on one line, but for the name of the zone's file: of thousands of zones
 * most then have one text in memory. Nothing in it depends on BIND's version, since named keeps it across an upgrade.
 */
export function renderStanza(input: StanzaInput): string {
  const lines = input.role === 'primary' ? primaryLines(input) : secondaryLines(input);
  return `{ ${lines.join(' ')} };`;
}

/** The other way round than `stanzaOf`. */
export const withoutFile = (zone: DomainName, stanza: string): string =>
  stanza.replace(`/${fileNameOf(zone)}";`, () => `/${FILE}";`);

/** What `addzone` and `modzone` take. */
export const stanzaOf = (zone: DomainName, stanza: string): string =>
  stanza.replace(`/${FILE}";`, () => `/${fileNameOf(zone)}";`);

function primaryLines(input: StanzaInput): string[] {
  const grants = [input.localKey, ...input.updateKeys].map((key) => `grant "${key}" zonesub ANY;`);
  return ['type primary;', ...commonLines(input), `update-policy { ${grants.join(' ')} };`];
}

function secondaryLines(input: StanzaInput): string[] {
  const primaries = input.primaries.length === 0 ? [NO_PRIMARY] : input.primaries;
  const allowNotify =
    input.clusterKey === undefined ? [] : [`allow-notify { key "${input.clusterKey}"; };`];
  return [
    'type secondary;',
    ...commonLines(input),
    `primaries { ${primaries.map(showEndpoint).join(' ')} };`,
    ...allowNotify,
    'try-tcp-refresh no;',
  ];
}

function commonLines(input: StanzaInput): string[] {
  const notify =
    input.notify.length === 0
      ? []
      : [`also-notify { ${input.notify.map(showEndpoint).join(' ')} };`];
  return [
    `file "${input.folder}/${FILE}";`,
    'masterfile-format text;',
    'notify explicit;',
    ...notify,
    `allow-transfer { ${transferElements(input).join(' ')} };`,
    `allow-query { ${queryElements(input).join(' ')} };`,
    `max-records-per-type ${input.maxRecordsPerType};`,
    `max-types-per-name ${input.maxTypesPerName};`,
    'max-ixfr-ratio unlimited;',
  ];
}

const showEndpoint = ({ address, port, key }: Endpoint): string =>
  `${address} port ${port}${key === undefined ? '' : ` key "${key}"`};`;

/** The keys come first: a first match decides, and a negated address of the user's must not lock our own checks out. */
function queryElements({ clusterKey, localKey, allowQuery }: StanzaInput): string[] {
  const keys = clusterKey === undefined ? [localKey] : [clusterKey, localKey];
  return [...keys.map((key) => `key "${key}";`), ...allowQuery.map((element) => `${element};`)];
}

function transferElements(input: StanzaInput): string[] {
  const { clusterKey, peerAddresses, narrowByAddress, localKey } = input;
  const outsiders = input.allowTransfer.filter((each) => each !== 'none').map((each) => `${each};`);
  const local = `key "${localKey}";`;
  const peers = peerAddresses.map((address) => `${address};`);
  if (clusterKey === undefined) return [local, ...peers, ...outsiders];
  const key = `key "${clusterKey}";`;
  if (!narrowByAddress) return [local, key, ...outsiders];
  // A list of its own: who does not match it may still be one of the outsiders.
  return [local, `{ !{ !{ ${peers.join(' ')} }; any; }; ${key} };`, ...outsiders];
}
