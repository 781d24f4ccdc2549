import { type DomainName, displayName, isWithin, parseName } from '../dns/name.ts';
import { formatRdata, type RdataFields } from '../dns/rdata.ts';
import type { Problem } from '../problem.ts';
import type { DnsRecord, RecordOf } from '../resources/types.ts';
import { readSeconds } from './apex.ts';
import type { Candidate, Origin } from './candidate.ts';

/** Where a record stands in the zone. */
export interface Place {
  readonly owner: DomainName;
  readonly ttl: number;
}

/** A `DNSRecord`: its data has to be compiled before it is known. */
export interface GenericRecord extends Place {
  readonly record: RecordOf<'DNSRecord'>;
}

/** What the record objects of a zone come to. An object with a mistake in it is left out, and told. */
export function candidatesOf(
  records: readonly DnsRecord[],
  zone: DomainName,
  defaultTtl: number,
): { candidates: Candidate[]; generic: GenericRecord[]; problems: Problem[] } {
  const candidates: Candidate[] = [];
  const generic: GenericRecord[] = [];
  const problems: Problem[] = [];
  for (const record of records) {
    const found: Problem[] = [];
    const place = placeOf(record, zone, defaultTtl, found);
    if (record.kind === 'DNSRecord') {
      if (place !== undefined && found.length === 0) generic.push({ ...place, record });
    } else {
      const rdata = rdataOf(record, zone, found);
      if (place !== undefined && found.length === 0) {
        const origin = originOf(record, dataField(record));
        candidates.push({ ...place, type: typeOf[record.kind], rdata, origin });
      }
    }
    for (const each of found) {
      problems.push({ path: `${objectOf(record)} ${each.path}`, problem: each.problem });
    }
  }
  return { candidates, generic, problems };
}

export const originOf = (record: DnsRecord, data: string): Origin => ({
  path: objectOf(record),
  fields: { owner: 'spec.name', data },
  since: record.metadata.creationTimestamp ?? '',
});

/** What the user would look for. */
export const objectOf = ({ kind, metadata }: DnsRecord): string => `${kind} ${metadata.name}`;

const typeOf = {
  ARecord: 'A',
  AAAARecord: 'AAAA',
  CNAMERecord: 'CNAME',
  MXRecord: 'MX',
  NSRecord: 'NS',
  TXTRecord: 'TXT',
  SRVRecord: 'SRV',
  CAARecord: 'CAA',
  PTRRecord: 'PTR',
} as const;

function placeOf(
  { spec }: DnsRecord,
  zone: DomainName,
  defaultTtl: number,
  problems: Problem[],
): Place | undefined {
  const ttl = spec.ttl === undefined ? undefined : readSeconds(spec.ttl, 0);
  if (ttl?.ok === false) problems.push(...inField('spec.ttl', ttl.problems));
  const owner = parseOwner(spec.name, zone);
  if (!owner.ok) {
    problems.push(...inField('spec.name', owner.problems));
    return undefined;
  }
  if (!isWithin(owner.value, zone)) {
    const problem = `want a name in ${displayName(zone)}, got ${displayName(owner.value)}`;
    problems.push({ path: 'spec.name', problem });
    return undefined;
  }
  return { owner: owner.value, ttl: ttl?.ok ? ttl.value : defaultTtl };
}

const inField = (path: string, problems: readonly Problem[]): Problem[] =>
  problems.map(({ problem }) => ({ path, problem }));

/**
 * An owner is relative to the zone, as in a zone file; but who writes "www.example.com" in the zone example.com without
 * the trailing dot does not mean www.example.com.example.com.
 */
function parseOwner(text: string, zone: DomainName): ReturnType<typeof parseName> {
  if (text === '@' || !displayName(zone).includes('.')) return parseName(text, zone);
  const asWritten = parseName(text);
  return asWritten.ok && isWithin(asWritten.value, zone) ? asWritten : parseName(text, zone);
}

function rdataOf(
  record: Exclude<DnsRecord, { kind: 'DNSRecord' }>,
  zone: DomainName,
  problems: Problem[],
): string[] {
  const wanted = fieldsOf(record);
  if (wanted.length === 0)
    problems.push({ path: dataField(record), problem: 'want at least one address, got none' });
  const rdata: string[] = [];
  for (const fields of wanted) {
    const formatted = formatRdata(fields, zone);
    if (formatted.ok) rdata.push(formatted.value);
    else {
      for (const { path, problem } of formatted.problems) {
        problems.push({
          path: path === 'address' ? dataField(record) : `spec.${path}`,
          problem,
        });
      }
    }
  }
  return rdata;
}

/** The field that holds the data, or what of it is most likely to be wrong. */
function dataField({ kind }: Exclude<DnsRecord, { kind: 'DNSRecord' }>): string {
  switch (kind) {
    case 'ARecord':
      return 'spec.ipv4Addresses';
    case 'AAAARecord':
      return 'spec.ipv6Addresses';
    case 'MXRecord':
      return 'spec.mailServer';
    case 'NSRecord':
      return 'spec.nameserver';
    case 'TXTRecord':
      return 'spec.text';
    case 'CAARecord':
      return 'spec.value';
    case 'CNAMERecord':
    case 'PTRRecord':
    case 'SRVRecord':
      return 'spec.target';
  }
}

function fieldsOf(record: Exclude<DnsRecord, { kind: 'DNSRecord' }>): RdataFields[] {
  switch (record.kind) {
    case 'ARecord':
      return record.spec.addresses.map((address) => ({ type: 'A', address }));
    case 'AAAARecord':
      return record.spec.addresses.map((address) => ({ type: 'AAAA', address }));
    case 'CNAMERecord':
      return [{ type: 'CNAME', target: record.spec.target }];
    case 'PTRRecord':
      return [{ type: 'PTR', target: record.spec.target }];
    case 'NSRecord':
      return [{ type: 'NS', nameserver: record.spec.nameserver }];
    case 'MXRecord':
      return [{ ...record.spec, type: 'MX' }];
    case 'TXTRecord':
      return [{ type: 'TXT', text: record.spec.text }];
    case 'SRVRecord':
      return [{ ...record.spec, type: 'SRV' }];
    case 'CAARecord':
      return [{ ...record.spec, type: 'CAA' }];
  }
}
