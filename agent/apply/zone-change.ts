import type { DomainName } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import { formatSoa } from '../dns/soa.ts';
import { recordsOf } from '../dns/zone-text.ts';
import type { Target } from '../plan/action.ts';

/** Without `rdata` the whole record set goes. */
export interface Removal {
  readonly owner: DomainName;
  readonly type: string;
  readonly rdata?: string;
}

/** What is to change in a zone that is served. All rdata in canonical presentation form. */
export interface ZoneChange {
  readonly zone: DomainName;
  /** The rdata of the SOA that must be served still, serial included; else nothing is changed. */
  readonly known: string;
  /** The SOA afterwards, with a newer serial. */
  readonly next: { readonly ttl: number; readonly rdata: string };
  readonly remove: readonly Removal[];
  readonly add: readonly RRset[];
}

/** What makes one content of a zone into another. Costs as much as both are long. */
export function zoneChange(zone: DomainName, from: Target, to: Target): ZoneChange {
  const [was, is] = [recordsOf(from.content), recordsOf(to.content)];
  const before = new Map(was.rrsets.map((rrset) => [keyOf(rrset), rrset]));
  const remove: Removal[] = [];
  const add: RRset[] = [];
  for (const rrset of is.rrsets) {
    const key = keyOf(rrset);
    const old = before.get(key);
    before.delete(key);
    remove.push(...gone(old, rrset));
    const fresh = freshOf(old, rrset);
    if (fresh.rdata.length > 0) add.push(fresh);
  }
  for (const { owner, type } of before.values()) remove.push({ owner, type });
  return {
    zone,
    known: formatSoa(was.soa, from.serial),
    next: { ttl: is.soaTtl, rdata: formatSoa(is.soa, to.serial) },
    remove,
    add,
  };
}

const keyOf = ({ owner, type }: RRset): string => `${owner} ${type}`;

function gone(old: RRset | undefined, rrset: RRset): Removal[] {
  if (old === undefined) return [];
  const { owner, type } = rrset;
  const kept = new Set(rrset.rdata);
  return old.rdata.filter((rdata) => !kept.has(rdata)).map((rdata) => ({ owner, type, rdata }));
}

/** A record that is added again under another TTL takes that (BIND; RFC 2136 section 3.4.2.2). */
function freshOf(old: RRset | undefined, rrset: RRset): RRset {
  if (old === undefined || old.ttl !== rrset.ttl) return rrset;
  const known = new Set(old.rdata);
  return { ...rrset, rdata: rrset.rdata.filter((rdata) => !known.has(rdata)) };
}
