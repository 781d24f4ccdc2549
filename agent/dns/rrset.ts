import { type DomainName, sortKey } from './name.ts';

/** All records of one name and type. */
export interface RRset {
  readonly owner: DomainName;
  /** In upper case: `A`, or `TYPE65534` where it has no name. */
  readonly type: string;
  /** Seconds, 0 to 2^31-1. */
  readonly ttl: number;
  /** Canonical presentation form, sorted, no duplicates, never empty. */
  readonly rdata: readonly string[];
}

/** Canonical order: by owner as DNSSEC orders names (RFC 4034 section 6.1), then by type. */
export function compareRRsets(a: RRset, b: RRset): number {
  return byText(sortKey(a.owner), sortKey(b.owner)) || byText(a.type, b.type);
}

/** The same records in canonical order, each owner and type once. Of differing TTLs the lowest holds (RFC 2181, 5.2). */
export function canonicalRRsets(list: Iterable<RRset>): RRset[] {
  // Sorting by keys made once: comparing names themselves would take them apart again each time.
  const keyed = Array.from(list, (rrset) => ({ key: sortKey(rrset.owner), rrset }));
  keyed.sort((a, b) => byText(a.key, b.key) || byText(a.rrset.type, b.rrset.type));
  const sets: RRset[] = [];
  for (let at = 0; at < keyed.length; ) {
    const first = at;
    do at += 1;
    while (isSameSet(keyed[first]?.rrset, keyed[at]?.rrset));
    sets.push(...merged(keyed.slice(first, at).map(({ rrset }) => rrset)));
  }
  return sets;
}

const isSameSet = (a: RRset | undefined, b: RRset | undefined): boolean =>
  a?.owner === b?.owner && a?.type === b?.type;

/** Always a new object: the parts may hold more than an RRset. */
function merged(parts: readonly RRset[]): RRset[] {
  const [first] = parts;
  if (first === undefined) return [];
  const { owner, type } = first;
  if (parts.length === 1 && first.rdata.length === 1) {
    return [{ owner, type, ttl: first.ttl, rdata: first.rdata }];
  }
  const ttl = parts.reduce((lowest, part) => Math.min(lowest, part.ttl), first.ttl);
  return [{ owner, type, ttl, rdata: [...new Set(parts.flatMap(({ rdata }) => rdata))].sort() }];
}

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
