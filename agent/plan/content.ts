import { isHostname, isMailbox } from '../dns/check-names.ts';
import { type DomainName, displayName, parseName } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import { newest, type Serial } from '../dns/serial.ts';
import type { SoaData } from '../dns/soa.ts';
import { checkZoneFile, plainLines } from '../dns/zone-file.ts';
import { type ZoneContent, zoneContentOf } from '../dns/zone-text.ts';
import type { Parsed, Problem } from '../problem.ts';
import type { DNSZone, DnsRecord } from '../resources/types.ts';
import { orNone } from './alike.ts';
import { apexOf } from './apex.ts';
import type { Candidate } from './candidate.ts';
import { compiledCandidates } from './generic-records.ts';
import { type ContentLimits, loadable } from './loadable.ts';
import { candidatesOf, objectOf } from './record-candidates.ts';

/** Zone text for named-compilezone to read. Equal requests have equal results: they may be kept. */
export interface CompileRequest {
  readonly zone: DomainName;
  readonly text: string;
}

/** What named-compilezone made of it. */
export interface CompiledZone {
  readonly soa: SoaData;
  readonly serial: Serial;
  /** Seconds. */
  readonly soaTtl: number;
  /** Canonical, the SOA not among them. */
  readonly rrsets: readonly RRset[];
  /** Records that it read past, or read otherwise than they were written. `path`: `line 12`. */
  readonly ignored: readonly Problem[];
}

/**
 * Results that are known already. A request that failed must be known for as long as the resources stay as they are: a
 * further request is made from what its problems say.
 */
export interface CompiledLookup {
  /** Undefined: not compiled yet. Problems on a line have the path `line 12`. */
  get(request: CompileRequest): Parsed<CompiledZone> | undefined;
}

export type ContentResult =
  /** Ask again when these are compiled. */
  | { readonly kind: 'pending'; readonly requests: readonly CompileRequest[] }
  /** `problems`: what of the resources is not in it, and why. */
  | {
      readonly kind: 'content';
      readonly content: ZoneContent;
      /** The serial that the user wrote: it is served with this one or a newer one. */
      readonly floor?: Serial;
      readonly problems: readonly Problem[];
    }
  /** The zone itself is wrong: what is served stays. */
  | { readonly kind: 'unusable'; readonly problems: readonly Problem[] };

/**
 * What a primary serves of a zone. Named will load it: what named would refuse is left out and told in `problems`.
 *
 * @param zoneFileText text of `zoneFile`, or of the ConfigMap entry that `zoneFileFrom` names; it stands in the place
 *   of the records. Undefined: there is none.
 */
export function zoneContent(
  zone: DNSZone,
  records: readonly DnsRecord[],
  compiled: CompiledLookup,
  limits: ContentLimits,
  zoneFileText?: string,
): ContentResult {
  const name = parseName(zone.spec.zoneName);
  if (!name.ok) {
    const problems = name.problems.map(({ problem }) => ({ path: 'spec.zoneName', problem }));
    return { kind: 'unusable', problems };
  }
  const { zoneFile, zoneFileFrom } = zone.spec;
  if (zoneFileText !== undefined) {
    return contentOfFile(zone, name.value, records, compiled, limits, zoneFileText);
  }
  if (zoneFile === undefined && zoneFileFrom === undefined) {
    return contentOfRecords(zone, name.value, records, compiled, limits);
  }
  // Records alone would be another zone than the one that was asked for.
  const { name: map, key } = zoneFileFrom?.configMapKeyRef ?? { name: '', key: '' };
  const problem = `want the key ${key} in the ConfigMap ${map}, got none: it is not there, or this agent could not read it`;
  return { kind: 'unusable', problems: [{ path: 'spec.zoneFileFrom.configMapKeyRef', problem }] };
}

function contentOfRecords(
  zone: DNSZone,
  name: DomainName,
  records: readonly DnsRecord[],
  compiled: CompiledLookup,
  limits: ContentLimits,
): ContentResult {
  const apex = apexOf(zone.spec, name);
  if (!apex.ok) return { kind: 'unusable', problems: apex.problems };
  const { soa, ttl, fallback } = apex.value;
  const plain = candidatesOf(records, name, ttl);
  const generic = compiledCandidates(plain.generic, name, compiled);
  if (generic.requests.length > 0) return { kind: 'pending', requests: generic.requests };
  const candidates = [...apex.value.candidates, ...plain.candidates, ...generic.candidates];
  const hasNs = candidates.some(({ type, owner }) => type === 'NS' && owner === name);
  const served = loadable(name, hasNs ? candidates : [...fallback, ...candidates], limits);
  const floor = zone.spec.soaRecord?.serial;
  return {
    kind: 'content',
    content: zoneContentOf({ zone: name, soa, soaTtl: ttl, rrsets: served.rrsets }),
    ...(floor === undefined ? {} : { floor }),
    problems: orNone([...plain.problems, ...generic.problems, ...served.problems]),
  };
}

function contentOfFile(
  zone: DNSZone,
  name: DomainName,
  records: readonly DnsRecord[],
  compiled: CompiledLookup,
  limits: ContentLimits,
  zoneFileText: string,
): ContentResult {
  const field = zone.spec.zoneFileFrom === undefined ? 'spec.zoneFile' : 'spec.zoneFileFrom';
  const inField = ({ path, problem }: Problem): Problem => ({
    path: path === '' ? field : `${field} ${path}`,
    problem,
  });
  const text = plainLines(zoneFileText);
  const forbidden = checkZoneFile(text);
  if (forbidden.length > 0) return { kind: 'unusable', problems: forbidden.map(inField) };
  const request = { zone: name, text };
  const result = compiled.get(request);
  if (result === undefined) return { kind: 'pending', requests: [request] };
  if (!result.ok) return { kind: 'unusable', problems: result.problems.map(inField) };

  const { soa, soaTtl, serial, rrsets, ignored } = result.value;
  const wrong = whySoaRefused(soa);
  if (wrong.length > 0) return { kind: 'unusable', problems: wrong.map(inField) };
  const origin = { path: field, since: '' };
  const candidates = rrsets.map((rrset): Candidate => ({ ...rrset, origin }));
  const served = loadable(name, candidates, limits);
  const floor = newest(serial, zone.spec.soaRecord?.serial);
  return {
    kind: 'content',
    content: zoneContentOf({ zone: name, soa, soaTtl, rrsets: served.rrsets }),
    ...(floor === undefined ? {} : { floor }),
    problems: orNone([...ignored.map(inField), ...besideFile(records, field), ...served.problems]),
  };
}

/** By `check-names`, as named does when it loads a primary zone. */
function whySoaRefused({ mname, rname }: SoaData): Problem[] {
  const problems: Problem[] = [];
  if (!isHostname(mname)) {
    problems.push({ path: 'SOA', problem: `want a host name as MNAME, got ${displayName(mname)}` });
  }
  if (!isMailbox(rname)) {
    problems.push({ path: 'SOA', problem: `want a mailbox as RNAME, got ${displayName(rname)}` });
  }
  return problems;
}

function besideFile(records: readonly DnsRecord[], field: string): Problem[] {
  if (records.length === 0) return [];
  const some = records.slice(0, 5).map(objectOf).join(', ');
  const names = records.length > 5 ? `${some} and ${records.length - 5} more` : some;
  const problem = `want no record objects beside a zone file, got ${names}: they are not served`;
  return [{ path: field, problem }];
}
