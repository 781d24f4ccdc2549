import { createHash } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { type Parsed, parsed, refused } from '../problem.ts';

/**
 * A domain name in canonical text: lower case, absolute, with its trailing dot; the root is ".". What needs an escape
 * (RFC 1035 section 5.1) is escaped as BIND prints it, so that equal names are equal strings.
 */
export type DomainName = string & { readonly __brand: 'DomainName' };

export const root = '.' as DomainName;

const longestLabel = 63;
const longestName = 255;

/** Names that need no closer look: no escape, no letter outside ASCII, no label too long. */
const plain = /^[A-Za-z0-9_*/-]{1,63}(?:\.[A-Za-z0-9_*/-]{1,63})*\.?$/;
const plainLabel = /^[a-z0-9_*/-]+$/;

/**
 * Reads a name as people and zone files write it. Without a trailing dot it is relative to `origin`, "@" is the origin
 * itself; without an origin every name is absolute. Labels in other scripts are taken as their A-labels (IDNA).
 */
export function parseName(text: string, origin?: DomainName): Parsed<DomainName> {
  if (text === '@' && origin !== undefined) return parsed(origin);
  if (text === '.') return parsed(root);
  if (plain.test(text)) return limited(text, text.toLowerCase(), origin);
  const read = readLabels(text);
  if (!read.ok) return read;
  const { labels: raw, absolute } = read.value;
  const ascii: string[] = [];
  for (const label of raw) {
    const canonical = labelText(label);
    if (canonical.problem !== undefined) return refused('', canonical.problem);
    ascii.push(canonical.text);
  }
  return limited(text, `${ascii.join('.')}${absolute ? '.' : ''}`, origin);
}

function limited(
  written: string,
  text: string,
  origin: DomainName | undefined,
): Parsed<DomainName> {
  const isAbsolute = text.endsWith('.') && !endsEscaped(text);
  // Joined, and so in one piece: it is kept for each of thousands of zones.
  const name = (isAbsolute ? text : [text, origin === root ? '' : origin].join('.')) as DomainName;
  const octets = wireLength(name);
  return octets > longestName
    ? refused(
        '',
        `want a name of at most ${longestName} octets, got ${octets} in "${cut(written)}"`,
      )
    : parsed(name);
}

/** One label, its escapes undone: octets as characters 0 to 255, or, where it is `foreign`, text outside ASCII. */
interface Label {
  readonly text: string;
  readonly escaped: boolean;
  readonly foreign: boolean;
}

function readLabels(text: string): Parsed<{ labels: Label[]; absolute: boolean }> {
  const bad = (problem: string) => refused('', `${problem} in "${cut(text)}"`);
  // The other full stops that IDNA knows (UTS 46 section 4).
  const pieces = text.replace(/[\u3002\uff0e\uff61]/g, '.').match(/\\[0-9]{3}|\\.|./gsu) ?? [];
  if (pieces.length === 0) return refused('', 'want a name, got ""');
  const found: Label[] = [];
  let label = empty;
  for (const piece of pieces) {
    if (piece !== '.') {
      const char = readPiece(piece);
      if (char === undefined)
        return bad(`want a letter, a digit or an escape, got ${JSON.stringify(piece)}`);
      label = {
        text: label.text + char,
        escaped: label.escaped || piece.startsWith('\\'),
        foreign: label.foreign || piece > '\x7f',
      };
    } else if (label === empty) {
      return bad('want labels between the dots, got an empty one');
    } else {
      found.push(label);
      label = empty;
    }
  }
  const absolute = label === empty;
  return parsed({ labels: absolute ? found : [...found, label], absolute });
}

const empty: Label = { text: '', escaped: false, foreign: false };

/** The octet, or the character outside ASCII; undefined for what would end a word, a record or a string in a zone file. */
function readPiece(piece: string): string | undefined {
  if (piece.length === 4) {
    const code = Number(piece.slice(1));
    return code > 255 ? undefined : String.fromCharCode(code);
  }
  if (piece.startsWith('\\')) return /^[!-/:-~]$/.test(piece.slice(1)) ? piece.slice(1) : undefined;
  return /^[!#-'*-:<-~\u0080-\u{10ffff}]$/u.test(piece) ? piece : undefined;
}

type LabelText = { readonly text: string; readonly problem?: undefined } | { problem: string };

function labelText({ text, escaped, foreign }: Label): LabelText {
  const ascii = !foreign ? text : escaped ? undefined : international(text);
  if (ascii === undefined)
    return { problem: `want letters, digits and hyphens, got "${cut(text)}"` };
  if (ascii.length > longestLabel)
    return {
      problem: `want labels of at most ${longestLabel} octets, got ${ascii.length} in "${cut(text)}"`,
    };
  return { text: escapeLabel(ascii) };
}

/** The A-label of a label in another script, by the rules of UTS 46 as Node.js has them. */
function international(label: string): string | undefined {
  // domainToASCII reads a host of a URL: of ASCII, let pass only what means nothing there.
  if (!/^(?:[A-Za-z0-9_-]|[^\0-\x7f])+$/.test(label)) return undefined;
  const ascii = domainToASCII(label);
  return /^[a-z0-9_-]+$/.test(ascii) ? ascii : undefined;
}

/** Canonical text of a label given as characters 0 to 255. Anything above that is left out by `parseName` before. */
function escapeLabel(label: string): string {
  if (plainLabel.test(label)) return label;
  return label
    .replace(/[A-Z]/g, (letter) => letter.toLowerCase())
    .replace(/[^!#%&'*+,\-/0-9:<=>?A-Z[\]^_`a-z{|}~]/g, (char) =>
      char > ' ' && char < '\x7f'
        ? `\\${char}`
        : `\\${String(char.charCodeAt(0)).padStart(3, '0')}`,
    );
}

/** Octets of the name on the wire, uncompressed. */
function wireLength(name: string): number {
  if (name === root) return 1;
  const text = name.includes('\\') ? name.replace(/\\(?:[0-9]{3}|.)/g, '_') : name;
  return text.length + 1;
}

/** Does the text's last character stand behind a backslash that escapes it? */
function endsEscaped(text: string): boolean {
  let slashes = 0;
  while (text.charAt(text.length - 2 - slashes) === '\\') slashes += 1;
  return slashes % 2 === 1;
}

const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 80)}…` : text);

/** The name for people: without the trailing dot; the root is ".". */
export const displayName = (name: DomainName): string => (name === root ? '.' : name.slice(0, -1));

/** Is `name` the zone's own name, or below it? */
export function isWithin(name: DomainName, zone: DomainName): boolean {
  if (name === zone || zone === root) return true;
  if (!name.endsWith(zone)) return false;
  const before = name.slice(0, name.length - zone.length);
  return before.endsWith('.') && !endsEscaped(before);
}

/** The labels from left to right, escapes kept; none for the root. */
export function labels(name: DomainName): string[] {
  if (name === root) return [];
  if (!name.includes('\\')) return name.slice(0, -1).split('.');
  return name.match(/(?:\\[0-9]{3}|\\.|[^.\\])+/gs) ?? [];
}

/** The name without its first label; the root's is the root. */
export function parentOf(name: DomainName): DomainName {
  const rest = labels(name).slice(1);
  return rest.length === 0 ? root : (`${rest.join('.')}.` as DomainName);
}

/** Orders names as DNSSEC does (RFC 4034 section 6.1): by labels from the right, each compared as octets. */
export function compareNames(a: DomainName, b: DomainName): number {
  const left = sortKey(a);
  const right = sortKey(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * A string by which names sort in that order with `<`. NUL parts the labels, so that a label sorts before those that
 * go on; an octet NUL or 1 within a label becomes two characters that keep their place.
 */
export function sortKey(name: DomainName): string {
  if (!name.includes('\\')) return labels(name).reverse().join('\0');
  return labels(name)
    .map((label) => octetsOf(label).replaceAll('\x01', '\x01b').replaceAll('\0', '\x01a'))
    .reverse()
    .join('\0');
}

const octetsOf = (label: string): string =>
  label.replace(/\\([0-9]{3}|.)/gs, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped,
  );

/** File systems take names of 255 bytes; what is written beside the file has a suffix of its own. */
const longestFileName = 200;

/** The zone's file name: no two zones share one, and nothing in it means anything to a shell, a path or named. */
export function fileNameOf(zone: DomainName): string {
  const text = zone === root ? '=2e' : displayName(zone).replace(/[^a-z0-9._-]/g, hex);
  if (text.length <= longestFileName) return `${text}.zone`;
  const hash = createHash('sha256').update(zone).digest('hex').slice(0, 40);
  // "=." stands in no shorter name, so that a cut one is never taken for another.
  return `${text.slice(0, longestFileName - 50)}=.${hash}.zone`;
}

const hex = (char: string): string => `=${char.charCodeAt(0).toString(16).padStart(2, '0')}`;
