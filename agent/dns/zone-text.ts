import { createHash } from 'node:crypto';
import { type DomainName, parseName } from './name.ts';
import { canonicalRRsets, type RRset } from './rrset.ts';
import type { Serial } from './serial.ts';
import { formatSoa, type SoaData } from './soa.ts';

/** What a primary serves of a zone, apart from the serial that it is served under. */
export interface ZoneContent {
  readonly zone: DomainName;
  readonly soa: SoaData;
  /** Seconds. */
  readonly soaTtl: number;
  /** In canonical order (`canonicalRRsets`), the SOA not among them. */
  readonly rrsets: readonly RRset[];
  /** Of all of the above: `sha256:` and 64 hex digits. Equal for equal records, however they were written. */
  readonly hash: string;
  /** How many records, the SOA not counted. */
  readonly records: number;
}

/** The zone's master file (RFC 1035 section 5): absolute names, one record a line, no directive but `$TTL`. */
export function renderZone(zone: DomainName, content: ZoneContent, serial: Serial): string {
  const { soa, soaTtl, rrsets } = content;
  const lines = [
    '; written by bind9-agent',
    `$TTL ${soaTtl}`,
    `${zone} ${soaTtl} IN SOA ${formatSoa(soa, serial)}`,
  ];
  pushRecords(lines, rrsets);
  lines.push('');
  return lines.join('\n');
}

function pushRecords(lines: string[], rrsets: readonly RRset[]): void {
  for (const { owner, ttl, type, rdata } of rrsets) {
    const start = `${owner} ${ttl} IN ${type} `;
    for (const data of rdata) lines.push(start + data);
  }
}

/** The zone's content with its hash and number of records. `rrsets` in any order. */
export function zoneContentOf(parts: {
  readonly zone: DomainName;
  readonly soa: SoaData;
  readonly soaTtl: number;
  readonly rrsets: Iterable<RRset>;
}): ZoneContent {
  const rrsets = canonicalRRsets(parts.rrsets);
  const records = rrsets.reduce((sum, { rdata }) => sum + rdata.length, 0);
  const content = { ...parts, rrsets, records };
  return { ...content, hash: contentHash(content) };
}

/** Over the canonical records and the SOA without its serial: the same content under two serials has one hash. */
export function contentHash(content: Omit<ZoneContent, 'hash' | 'records'>): string {
  const { zone, soa, soaTtl, rrsets } = content;
  const lines = [`${zone} ${soaTtl} IN SOA ${formatSoa(soa, 0)}`];
  pushRecords(lines, rrsets);
  return `sha256:${createHash('sha256').update(lines.join('\n')).digest('hex')}`;
}

/**
 * Reads records of class IN that stand one a line with all fields written: what `named-compilezone -s full` and
 * `dig axfr` print. Comments and empty lines are skipped; any other line is an Error, for then the whole is not what
 * we take it for.
 */
export function parseCompiled(text: string): RRset[] {
  const records: RRset[] = [];
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith(';')) continue;
    const fields = /^(\S+)\s+(\d+)\s+IN\s+(\S+)\s+(\S.*)$/.exec(line);
    if (fields === null) throw new Error(`not a record: ${line.slice(0, 200)}`);
    const [, owner = '', ttl = '', type = '', rdata = ''] = fields;
    const name = canonicalName(owner);
    records.push({ owner: name, type, ttl: Number(ttl), rdata: [canonicalRdata(type, rdata)] });
  }
  return canonicalRRsets(records);
}

/**
 * Where in the rdata names stand that are the same in upper and lower case (RFC 4034 section 6.2, as corrected by RFC
 * 6840 section 5.1), counted in words; negative from the end.
 */
const nameWords: Readonly<Record<string, readonly number[]>> = {
  NS: [0],
  MD: [0],
  MF: [0],
  CNAME: [0],
  SOA: [0, 1],
  MB: [0],
  MG: [0],
  MR: [0],
  PTR: [0],
  MINFO: [0, 1],
  MX: [1],
  RP: [0, 1],
  AFSDB: [1],
  RT: [1],
  PX: [1, 2],
  NAPTR: [-1],
  KX: [1],
  SRV: [3],
  DNAME: [0],
};

function canonicalRdata(type: string, rdata: string): string {
  const places = Object.hasOwn(nameWords, type) ? nameWords[type] : undefined;
  if (places === undefined) return rdata;
  const words = rdata.split(' ');
  for (const place of places) {
    const at = place < 0 ? words.length + place : place;
    const word = words[at];
    if (word !== undefined) words[at] = canonicalName(word);
  }
  return words.join(' ');
}

function canonicalName(text: string): DomainName {
  if (/^(?:[a-z0-9_*/-]+\.)+$/.test(text)) return text as DomainName;
  const name = parseName(text);
  if (!name.ok) throw new Error(`not a name: ${text.slice(0, 200)}`);
  return name.value;
}
