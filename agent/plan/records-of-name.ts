import { fitsNone } from '../dns/child-keys.ts';
import type { DomainName } from '../dns/name.ts';
import type { Problem } from '../problem.ts';
import { type Candidate, leftOut, setLeftOut } from './candidate.ts';
import type { ContentLimits } from './loadable.ts';

/** All records of one name, by type, while they are sifted. */
interface AtName {
  readonly owner: DomainName;
  readonly isApex: boolean;
  readonly types: Map<string, Candidate[]>;
  readonly problems: Problem[];
}

/** Of a name's records, those that named takes together; see the table at `loadable`. */
export function together(
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
  const name = { owner, isApex: owner === zone, types, problems };
  keepOldest(name, 'CNAME');
  keepOldest(name, 'DNAME');
  refuseBesideCname(name);
  refuseTooMany(name, limits);
  refuseTooManyTypes(name, limits.maxTypesPerName);
  refuseLoneKeys(name);
  return [...types.values()].flat();
}

/** Are these records ones that none of the rules can touch? Most names have one address and no more. */
export function isSimple(members: readonly Candidate[]): boolean {
  const [only] = members;
  const [data, ...more] = only?.rdata ?? [];
  return (
    members.length === 1 &&
    only?.type !== 'DS' &&
    more.length === 0 &&
    (data?.length ?? 0) < mostOctets / 2
  );
}

function refuse(
  { types, problems }: AtName,
  type: string,
  field: 'owner' | 'data',
  wantedAndGot: string,
): void {
  problems.push(...setLeftOut(types.get(type) ?? [], field, wantedAndGot));
  types.delete(type);
}

/** A name has one CNAME and one DNAME (RFC 1034 section 3.6.2, RFC 6672 section 2.4). */
function keepOldest({ types, problems }: AtName, type: string): void {
  const [oldest, ...younger] = [...(types.get(type) ?? [])].sort(byAge);
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

/** Types that may stand beside a CNAME (RFC 4034 section 2.5, RFC 2181 section 10.1). */
const besideCname = new Set(['CNAME', 'RRSIG', 'NSEC', 'KEY', 'SIG', 'NXT']);

function refuseBesideCname(name: AtName): void {
  if (!name.types.has('CNAME')) return;
  const others = [...name.types.keys()].filter((type) => !besideCname.has(type));
  if (name.isApex) others.unshift('SOA');
  if (others.length === 0) return;
  refuse(
    name,
    'CNAME',
    'owner',
    `want nothing beside a CNAME, got ${others.slice(0, 5).join(', ')}`,
  );
}

function refuseTooMany(name: AtName, limits: ContentLimits): void {
  for (const [type, members] of name.types) {
    const why = whyTooLarge(type, members, limits.maxRecordsPerType);
    if (why !== undefined) refuse(name, type, 'data', why);
  }
}

function refuseTooManyTypes(name: AtName, max: number): void {
  const { isApex, types } = name;
  // The apex has an SOA besides, and cannot do without NS.
  const room = isApex ? max - 1 : max;
  if (max === 0 || types.size <= room) return;
  const got = isApex ? types.size + 1 : types.size;
  const place = (type: string) => (isApex && type === 'NS' ? '' : type);
  const inOrder = [...types.keys()].sort((a, b) => compare(place(a), place(b)));
  for (const type of inOrder.slice(room)) {
    refuse(name, type, 'data', `want at most ${max} types at a name, got ${got}`);
  }
}

/** What stands for keys of a child zone, or of this zone to its parent. */
function refuseLoneKeys(name: AtName): void {
  const { owner, isApex, types } = name;
  if (isApex)
    refuse(name, 'DS', 'owner', 'want DS in the parent zone, got it at the top of the zone');
  else if (!types.has('NS'))
    refuse(name, 'DS', 'owner', 'want DS where a zone is delegated, got no NS');
  if (!isApex) return;
  const rdataOf = (type: string) => (types.get(type) ?? []).flatMap(({ rdata }) => rdata);
  for (const type of ['CDS', 'CDNSKEY'] as const) {
    const alien = fitsNone(owner, type, rdataOf(type), rdataOf('DNSKEY'));
    if (alien !== undefined) refuse(name, type, 'data', `want it to fit a DNSKEY, got ${alien}`);
  }
}

/** named takes 65,512 octets, each record counted with two more (9.18.49); a little is left for other versions. */
const mostOctets = 65_000;

function whyTooLarge(
  type: string,
  members: readonly Candidate[],
  maxRecords: number,
): string | undefined {
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

/** Octets of rdata on the wire; of types that are shown in hex or base64 it is more than they take. */
function octetsOf(type: string, rdata: string): number {
  if (type === 'A') return 4;
  if (type === 'AAAA') return 16;
  const written = rdata.includes('\\') ? rdata.replace(/\\(?:[0-9]{3}|.)/g, '_') : rdata;
  return written.length + 1;
}
