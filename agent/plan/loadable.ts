import { whyOwnerRefused, whyTargetRefused } from '../dns/check-names.ts';
import type { DomainName } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import type { Problem } from '../problem.ts';
import { type Candidate, distinct, leftOut } from './candidate.ts';
import { usableNameServers } from './name-servers.ts';
import { isSimple, together } from './records-of-name.ts';

/** named's `max-records-per-type` and `max-types-per-name`; 0 is no limit. */
export interface ContentLimits {
  readonly maxRecordsPerType: number;
  readonly maxTypesPerName: number;
}

/**
 * The records that named will load of those wanted: it refuses a zone whole for any of the others, and so a single one
 * of them would take the zone down. What is left out is told. As measured with named 9.18.49 and
 * 9.20.23 (both alike, so that pods of either version serve the same):
 *
 * | refused                                                          | left out             |
 * |------------------------------------------------------------------|----------------------|
 * | a CNAME beside other data, or at the apex, where the SOA is      | the CNAME            |
 * | two CNAMEs, or two DNAMEs, of one name                           | all but the oldest   |
 * | names that `check-names` refuses; NSEC3PARAM but with SHA-1      | these records        |
 * | DS at the apex, or (9.20) elsewhere without NS                   | the set              |
 * | CDS and CDNSKEY of the zone itself that fit none of its DNSKEYs  | the set              |
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
    const staying =
      owner !== zone && isSimple(members)
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
