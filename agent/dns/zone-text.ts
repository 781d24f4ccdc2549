import { hash } from 'node:crypto';
import { type DomainName, parseName } from './name.ts';
import { canonicalRRsets, type RRset } from './rrset.ts';
import type { Serial } from './serial.ts';
import { formatSoa, parseSoa, type SoaData } from './soa.ts';

/** The records of a zone, one by one. */
export interface ZoneRecords {
  readonly zone: DomainName;
  readonly soa: SoaData;
  /** Seconds. */
  readonly soaTtl: number;
  /** Any order is taken; the canonical one is given (`canonicalRRsets`). The SOA is not among them. */
  readonly rrsets: readonly RRset[];
}

/**
 * What a primary serves of a zone, apart from the serial that it is served under. Text, since each agent keeps that of
 * thousands of zones and looks into few of them (`recordsOf`).
 */
export interface ZoneContent {
  /**
   * One record a line, all fields written, in canonical order; the SOA first, with the serial 0. After the first word, the zone's
   * name is a NUL: half of the text is that name.
   */
  readonly short: string;
  /** Of the whole text: `sha256:` and 64 hex digits. Equal for equal records, however they were written. */
  readonly hash: string;
  /** How many records, the SOA not counted. */
  readonly records: number;
}

/** The zone's master file (RFC 1035 section 5): absolute names, one record a line, no directive but `$TTL`. */
export function renderZone(content: ZoneContent, serial: Serial): string {
  const text = textOf(content);
  const { zone, soa, soaTtl } = startOf(text);
  const records = text.slice(endOfLine(text, 0));
  const start = soaLine({ zone, soa, soaTtl }, serial);
  return `; written by bind9-agent\n$TTL ${soaTtl}\n${start}${records}\n`;
}

/** The zone's content with its hash and number of records. */
export function zoneContentOf({ zone, soa, soaTtl, rrsets }: ZoneRecords): ZoneContent {
  const lines = [soaLine({ zone, soa, soaTtl }, 0)];
  for (const { owner, ttl, type, rdata } of canonicalRRsets(rrsets)) {
    const start = `${owner} ${ttl} IN ${type} `;
    for (const data of rdata) lines.push(start + data);
  }
  const text = lines.join('\n');
  const digest = hash('sha256', text);
  const short = [zone, text.slice(zone.length).replaceAll(zone, OWN_NAME)].join('');
  return { short, hash: ['sha256', digest].join(':'), records: lines.length - 1 };
}

/** In no text of a record: what does not print is written by its number. */
const OWN_NAME = '\0';

function textOf({ short }: ZoneContent): string {
  const zone = short.slice(0, short.indexOf(' '));
  return short.split(OWN_NAME).join(zone);
}

const soaLine = ({ zone, soa, soaTtl }: Omit<ZoneRecords, 'rrsets'>, serial: Serial): string =>
  `${zone} ${soaTtl} IN SOA ${formatSoa(soa, serial)}`;

/** The other way round. */
export function recordsOf(content: ZoneContent): ZoneRecords {
  const text = textOf(content);
  const rrsets: (RRset & { readonly rdata: string[] })[] = [];
  for (let at = endOfLine(text, 0) + 1; at < text.length; at = endOfLine(text, at) + 1) {
    const { owner, ttl, type, rdata } = readLine(text, at);
    const last = rrsets.at(-1);
    if (last?.owner === owner && last.type === type) last.rdata.push(rdata);
    else rrsets.push({ owner, type, ttl, rdata: [rdata] });
  }
  return { ...startOf(text), rrsets };
}

/** What the first line says. */
function startOf(text: string): Omit<ZoneRecords, 'rrsets'> {
  const { owner, ttl, rdata } = readLine(text, 0);
  const soa = parseSoa(rdata)?.soa;
  if (soa === undefined) throw new Error(`not an SOA: ${rdata.slice(0, 200)}`);
  return { zone: owner, soa, soaTtl: ttl };
}

interface Line {
  readonly owner: DomainName;
  readonly ttl: number;
  readonly type: string;
  readonly rdata: string;
}

/** Reads a line as it is written above: no name holds a space. */
function readLine(text: string, from: number): Line {
  const [owner = '', ttl = '', , type = '', ...rdata] = text
    .slice(from, endOfLine(text, from))
    .split(' ');
  return { owner: owner as DomainName, ttl: Number(ttl), type, rdata: rdata.join(' ') };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf('\n', from);
  return end < 0 ? text.length : end;
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
