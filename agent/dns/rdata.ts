import { isIPv4, isIPv6 } from 'node:net';
import { type Parsed, parsed, refused } from '../problem.ts';
import { quoted, quotedStrings } from './character-string.ts';
import { ipv6FromWire, ipv6ToWire } from './ip-wire.ts';
import { type DomainName, parseName } from './name.ts';

/** The data of one record as resources hold it. Fields are named as there, so that a problem's path is theirs. */
export type RdataFields =
  | { readonly type: 'A' | 'AAAA'; readonly address: string }
  | { readonly type: 'CNAME' | 'PTR'; readonly target: string }
  | { readonly type: 'NS'; readonly nameserver: string }
  | { readonly type: 'MX'; readonly priority: number; readonly mailServer: string }
  | { readonly type: 'TXT'; readonly text: readonly string[] }
  | {
      readonly type: 'SRV';
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | {
      readonly type: 'CAA';
      readonly flags: number;
      readonly tag: string;
      readonly value: string;
    };

/** Rdata in canonical presentation form: what BIND prints for the same record, names in lower case. */
export function formatRdata(fields: RdataFields, origin: DomainName): Parsed<string> {
  switch (fields.type) {
    case 'A':
      return formatIPv4(fields.address);
    case 'AAAA':
      return formatIPv6(fields.address);
    case 'CNAME':
    case 'PTR':
      return formatTarget('target', fields.target, origin);
    case 'NS':
      return formatTarget('nameserver', fields.nameserver, origin);
    case 'MX':
      return joined(
        whole('priority', fields.priority, 65_535),
        formatTarget('mailServer', fields.mailServer, origin),
      );
    case 'TXT':
      return fields.text.length === 0
        ? refused('text', 'want at least one string, got none')
        : parsed(fields.text.map(quotedStrings).join(' '));
    case 'SRV':
      return joined(
        whole('priority', fields.priority, 65_535),
        whole('weight', fields.weight, 65_535),
        whole('port', fields.port, 65_535),
        formatTarget('target', fields.target, origin),
      );
    case 'CAA':
      return joined(
        whole('flags', fields.flags, 255),
        formatTag(fields.tag),
        parsed(quoted(Buffer.from(fields.value, 'utf8'))),
      );
  }
}

/**
 * A host that a record points at. "mail" is in the zone, "mail.example.net" is taken as written, with or without its
 * trailing dot: resources are not zone files, and nobody who writes a whole name there means one below the zone.
 */
export function parseTarget(text: string, origin: DomainName): Parsed<DomainName> {
  return /[.\u3002\uff0e\uff61]/.test(text.replace(/\\./g, ''))
    ? parseName(text)
    : parseName(text, origin);
}

function formatTarget(path: string, text: string, origin: DomainName): Parsed<string> {
  const name = parseTarget(text, origin);
  return name.ok ? name : refused(path, firstProblem(name));
}

export function formatIPv4(address: string): Parsed<string> {
  return isIPv4(address)
    ? parsed(address)
    : refused('address', `want an IPv4 address, got ${JSON.stringify(address)}`);
}

/** RFC 5952, as BIND prints it: `::ffff:192.0.2.1` keeps its dotted quad. */
export function formatIPv6(address: string): Parsed<string> {
  return isIPv6(address) && !address.includes('%')
    ? parsed(ipv6FromWire(ipv6ToWire(address)))
    : refused('address', `want an IPv6 address, got ${JSON.stringify(address)}`);
}

function formatTag(tag: string): Parsed<string> {
  return /^[A-Za-z0-9]{1,255}$/.test(tag)
    ? parsed(tag)
    : refused('tag', `want letters and digits, got ${JSON.stringify(tag)}`);
}

function whole(path: string, value: number, highest: number): Parsed<string> {
  return Number.isInteger(value) && value >= 0 && value <= highest
    ? parsed(String(value))
    : refused(path, `want 0 to ${highest}, got ${value}`);
}

/** All fields, or the problems of all. */
function joined(...fields: readonly Parsed<string>[]): Parsed<string> {
  const problems = fields.flatMap((field) => (field.ok ? [] : field.problems));
  if (problems.length > 0) return { ok: false, problems };
  return parsed(fields.map((field) => (field.ok ? field.value : '')).join(' '));
}

const firstProblem = (failed: Extract<Parsed<unknown>, { ok: false }>): string =>
  failed.problems[0]?.problem ?? 'want a name';
