import { isIPv4 } from 'node:net';
import { type Parsed, parsed, refused } from '../problem.ts';
import { parseAddress } from './endpoint.ts';
import { oneOf, quoted } from './got.ts';
import { keyNamePattern } from './patterns.ts';

/** One entry of an access list. `text` is canonical, and safe to stand in named.conf as it is, without a semicolon. */
export interface AclElement {
  readonly kind: 'address' | 'network' | 'word' | 'key';
  readonly negated: boolean;
  readonly text: string;
  /** The key's name, of a `key`. named accepts names of keys that it does not have, and fails at run time. */
  readonly key?: string;
}

const words: readonly string[] = ['any', 'none', 'localhost', 'localnets'];
const keyName = new RegExp(keyNamePattern);

/**
 * An entry of `allowQuery` or `allowTransfer`: an IP, a network, a word that named knows, or `key name`, each negated by
 * a leading `!`. Nothing else, least of all nested lists: these texts end up in named.conf.
 */
export function parseAclElement(text: string): Parsed<AclElement> {
  return parseElement(text, words, true);
}

/** An entry of `listenOn` or `listenOnV6`. */
export function parseListenElement(text: string): Parsed<AclElement> {
  return parseElement(text, ['any', 'none'], false);
}

function parseElement(text: string, allowed: readonly string[], keys: boolean): Parsed<AclElement> {
  const negated = /^\s*!/.test(text);
  const match = text.replace(negated ? /^\s*!\s*/ : /^\s*/, '').trimEnd();
  const sign = negated ? '!' : '';
  const element = (kind: AclElement['kind'], canonical: string): Parsed<AclElement> =>
    parsed({ kind, negated, text: `${sign}${canonical}` });

  const address = parseAddress(match);
  if (address !== undefined) return element('address', address);
  const word = match.toLowerCase();
  if (allowed.includes(word)) return element('word', word);
  const key = keys
    ? /^key\s+(?<quote>"?)(?<name>[^"]*)\k<quote>$/i.exec(match)?.groups?.['name']
    : undefined;
  if (key !== undefined && keyName.test(key))
    return parsed({ kind: 'key', negated, text: `${sign}key "${key}"`, key });

  const wanted = oneOf(['an IP', 'a network', ...allowed, ...(keys ? ['key "name"'] : [])]);
  const network = parseNetwork(match);
  if (network === undefined) return refused('', `want ${wanted}, got ${quoted(text)}`);
  if (!network.exact)
    return refused('', `want ${network.text} (no bits beyond the prefix), got ${quoted(text)}`);
  return element('network', network.text);
}

/** `exact`: no bit is set beyond the prefix. named refuses the whole configuration where one is. */
function parseNetwork(text: string): { text: string; exact: boolean } | undefined {
  const [, base = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const v4 = isIPv4(address);
  const prefix = Number(length);
  if (prefix > (v4 ? 32 : 128)) return undefined;
  const width = v4 ? 8 : 16;
  const groups = v4 ? address.split('.').map(Number) : ipv6Groups(address);
  const masked = groups.map((group, index) => group & mask(prefix - index * width, width));
  const first = v4 ? masked.join('.') : masked.map((group) => group.toString(16)).join(':');
  return {
    text: `${parseAddress(first) ?? first}/${prefix}`,
    exact: masked.every((group, index) => group === groups[index]),
  };
}

/** The eight groups of a canonical IPv6 address. */
function ipv6Groups(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const parse = (part: string) =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const [before, after] = [parse(head), parse(tail ?? '')];
  return [...before, ...Array(8 - before.length - after.length).fill(0), ...after];
}

/** The mask of one group of `width` bits of which the first `bits` belong to the network. */
function mask(bits: number, width: number): number {
  const kept = Math.max(0, Math.min(width, bits));
  return ((1 << width) - 1) & ~((1 << (width - kept)) - 1);
}
