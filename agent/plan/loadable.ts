import { whyOwnerRefused, whyTargetRefused } from '../dns/check-names.ts';
import type { DomainName } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import type { Problem } from '../problem.ts';
import { type Candidate, distinct, leftOut, setLeftOut } from './candidate.ts';
import { usableNameServers } from './name-servers.ts';

/** named's `max-records-per-type` and `max-types-per-name`; 0 is no limit. */
export interface ContentLimits {
  readonly maxRecordsPerType: number;
  readonly maxTypesPerName: number;
}

/**
 * The records that named will load of those wanted: it refuses a zone whole for any of the others, and so a single one
 * of them would take the zone down. What is left out is told. As measured with named 9.18.49:
 *
 * | refused                                                          | left out             |
 * |------------------------------------------------------------------|----------------------|
 * | a CNAME beside other data, or at the apex, where the SOA is      | the CNAME            |
 * | two CNAMEs, or two DNAMEs, of one name                           | all but the oldest   |
 * | names that `check-names` refuses; NSEC3PARAM but with SHA-1      | these records        |
 * | DS at the apex; CDS, CDNSKEY there without DNSKEY                | the set              |
 * | more records in a set, or more octets in it, than named takes    | the set              |
 * | more types at a name than `max-types-per-name`                   | the last by alphabet |
 * | a name server of the zone itself without an address in it        | these NS records     |
 */
export function loadable(
  zone: DomainName,
  candidates: readonly Candidate[],
  limits: ContentLimits,
): { rrsets: RRset[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const kept = new Map<DomainName, readonly Candidate[]>();
  for (const [owner, members] of byOwner(candidates, problems)) {
    const [first] = members;
    const alone = members.length === 1 && first !== undefined && first.rdata.length === 1;
    const staying =
      alone && owner !== zone && isShort(first)
        ? members
        : together(owner, zone, members, limits, problems);
    if (staying.length > 0) kept.set(owner, staying);
  }
  const nameServers = usableNameServers(zone, kept);
  problems.push(...nameServers.problems);
  const rrsets: RRset[] = [...nameServers.records];
  for (const [owner, members] of kept) {
    for (const member of members) if (owner !== zone || member.type !== 'NS') rrsets.push(member);
  }
  return { rrsets, problems: distinct(problems) };
}

/** The candidates by name, those left out that named refuses by themselves. */
function byOwner(
  candidates: readonly Candidate[],
  problems: Problem[],
): Map<DomainName, Candidate[]> {
  const found = new Map<DomainName, Candidate[]>();
  for (const candidate of candidates) {
    const good = withoutRefused(candidate, problems);
    if (good.rdata.length === 0) continue;
    const members = found.get(good.owner);
    if (members === undefined) found.set(good.owner, [good]);
    else members.push(good);
  }
  return found;
}

/** Those of one name's records that named takes together. */
function together(
  owner: DomainName,
  zone: DomainName,
  members: readonly Candidate[],
  limits: ContentLimits,
  problems: Problem[],
): Candidate[] {
  const types = new Map<string, Candidate[]>();
  for (const member of members) {
    const set = types.get(member.type);
    if (set === undefined) types.set(member.type, [member]);
    else set.push(member);
  }
  for (const type of refusedTogether(owner, types, zone, problems)) types.delete(type);
  refuseTooMany(owner === zone, types, limits, problems);
  return [...types.values()].flat();
}

function withoutRefused(candidate: Candidate, problems: Problem[]): Candidate {
  const { owner, type, rdata } = candidate;
  const whyOwner = whyOwnerRefused(owner, type);
  if (whyOwner !== undefined) {
    problems.push(leftOut(candidate, 'owner', whyOwner));
    return { ...candidate, rdata: [] };
  }
  const good = rdata.filter((data) => {
    const why = whyDataRefused(owner, type, data);
    if (why !== undefined) problems.push(leftOut(candidate, 'data', why));
    return why === undefined;
  });
  return good.length === rdata.length ? candidate : { ...candidate, rdata: good };
}

function whyDataRefused(owner: DomainName, type: string, data: string): string | undefined {
  if (type === 'NSEC3PARAM' && !data.startsWith('1 ')) return 'want the hash algorithm 1 (SHA-1)';
  return whyTargetRefused(owner, type, data);
}

/** Types that may stand beside a CNAME (RFC 4034 section 2.5, RFC 2181 section 10.1). */
const besideCname = new Set(['RRSIG', 'NSEC', 'KEY', 'SIG', 'NXT']);

/** The types of one name that named refuses because of what else stands there. */
function refusedTogether(
  owner: DomainName,
  types: Map<string, Candidate[]>,
  zone: DomainName,
  problems: Problem[],
): string[] {
  const refused: string[] = [];
  const refuse = (type: string, wantedAndGot: string) => {
    for (const member of types.get(type) ?? [])
      problems.push(leftOut(member, 'owner', wantedAndGot));
    refused.push(type);
  };
  keepOldest(types, 'CNAME', problems);
  keepOldest(types, 'DNAME', problems);
  const others = [...types.keys()].filter((type) => type !== 'CNAME' && !besideCname.has(type));
  if (owner === zone) others.unshift('SOA');
  if (types.has('CNAME') && others.length > 0) {
    refuse('CNAME', `want nothing beside a CNAME, got ${others.slice(0, 5).join(', ')}`);
  }
  if (owner !== zone) return refused;
  if (types.has('DS')) refuse('DS', 'want DS in the parent zone, got it at the top of the zone');
  for (const type of ['CDS', 'CDNSKEY']) {
    if (types.has(type) && !types.has('DNSKEY')) refuse(type, 'want it beside DNSKEY, got none');
  }
  return refused;
}

/** A name has one CNAME and one DNAME (RFC 1034 section 3.6.2, RFC 6672 section 2.4). */
function keepOldest(types: Map<string, Candidate[]>, type: string, problems: Problem[]): void {
  const members = types.get(type);
  if (members === undefined) return;
  const [oldest, ...younger] = [...members].sort(byAge);
  const data = oldest?.rdata[0];
  if (oldest === undefined || data === undefined) return;
  types.set(type, [{ ...oldest, rdata: [data] }]);
  for (const rival of [oldest, ...younger]) {
    const other = rival.rdata.find((each) => each !== data);
    if (other !== undefined) {
      problems.push(leftOut(rival, 'data', `want one ${type}, got ${other} beside ${data}`));
    }
  }
}

const byAge = (a: Candidate, b: Candidate): number =>
  compare(a.origin.since, b.origin.since) || compare(a.origin.path, b.origin.path);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function refuseTooMany(
  isApex: boolean,
  types: Map<string, Candidate[]>,
  limits: ContentLimits,
  problems: Problem[],
): void {
  const refuse = (type: string, members: readonly Candidate[], wantedAndGot: string) => {
    problems.push(...setLeftOut(members, 'data', wantedAndGot));
    types.delete(type);
  };
  for (const [type, members] of types) {
    const why = whyTooLarge(type, members, limits.maxRecordsPerType);
    if (why !== undefined) refuse(type, members, why);
  }
  const max = limits.maxTypesPerName;
  // The apex has an SOA besides, and cannot do without NS.
  const room = isApex ? max - 1 : max;
  if (max === 0 || types.size <= room) return;
  const inOrder = [...types.keys()].sort((a, b) =>
    isApex && a === 'NS' ? -1 : isApex && b === 'NS' ? 1 : compare(a, b),
  );
  const got = isApex ? types.size + 1 : types.size;
  for (const type of inOrder.slice(room)) {
    refuse(type, types.get(type) ?? [], `want at most ${max} types at a name, got ${got}`);
  }
}

/** named takes 65,512 octets, each record counted with two more (9.18.49); a little is left for other versions. */
const mostOctets = 65_000;

function whyTooLarge(
  type: string,
  members: readonly Candidate[],
  maxRecords: number,
): string | undefined {
  const first = members[0];
  if (first === undefined) return undefined;
  const rdata = new Set(members.flatMap((member) => member.rdata));
  if (maxRecords > 0 && rdata.size > maxRecords) {
    return `want at most ${maxRecords} records, got ${rdata.size}`;
  }
  let octets = 0;
  for (const data of rdata) octets += octetsOf(type, data) + 2;
  return octets > mostOctets
    ? `want at most ${mostOctets} octets of record data at a name, got ${octets}`
    : undefined;
}

const isShort = (candidate: Candidate): boolean =>
  (candidate.rdata[0] ?? '').length < mostOctets / 2;

/** Octets of rdata on the wire; of types that are shown in hex or base64 it is more than they take. */
function octetsOf(type: string, rdata: string): number {
  if (type === 'A') return 4;
  if (type === 'AAAA') return 16;
  const written = rdata.includes('\\') ? rdata.replace(/\\(?:[0-9]{3}|.)/g, '_') : rdata;
  return written.length + 1;
}
