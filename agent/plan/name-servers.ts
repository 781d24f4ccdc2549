import { type DomainName, displayName, isWithin, parentOf, parseName, root } from '../dns/name.ts';
import type { RRset } from '../dns/rrset.ts';
import type { Problem } from '../problem.ts';
import { type Candidate, leftOut } from './candidate.ts';

type Records = ReadonlyMap<DomainName, readonly Candidate[]>;

/**
 * Stands in where no name server is usable: without NS named refuses the zone. It resolves nowhere (RFC 6761 section
 * 6.4), so that nobody is sent to a wrong server, and direct queries are answered all the same.
 */
const placeholder = 'no-usable-name-server.invalid.' as DomainName;

/**
 * The NS records of the zone itself that named accepts: those whose host is outside of the zone, delegated, or has an
 * address. (`zone_check_ns` in BIND; `check-integrity no` does not change it.) Never none.
 */
export function usableNameServers(
  zone: DomainName,
  records: Records,
): { records: RRset[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const usable: RRset[] = [];
  const lookUp = new Lookup(zone, records);
  for (const candidate of records.get(zone) ?? []) {
    if (candidate.type !== 'NS') continue;
    const rdata = candidate.rdata.filter((host) => {
      const why = lookUp.whyNoNameServer(host as DomainName);
      if (why !== undefined) problems.push(leftOut(candidate, 'data', why));
      return why === undefined;
    });
    if (rdata.length > 0) usable.push({ ...candidate, rdata });
  }
  if (usable.length > 0) return { records: usable, problems };
  problems.push({
    path: 'spec.nameServers',
    problem: `want a name server with an address, got none: ${displayName(zone)} is served with ${displayName(placeholder)} in its place`,
  });
  return { records: [{ owner: zone, type: 'NS', ttl: 300, rdata: [placeholder] }], problems };
}

const has = (records: readonly Candidate[] | undefined, type: string): boolean =>
  records?.some((each) => each.type === type) ?? false;

/** Finds addresses as named does for a query, wildcards and zone cuts included. */
class Lookup {
  readonly #zone: DomainName;
  readonly #records: Records;
  /** All names that exist, those included that only have names below them. */
  #existing: Set<DomainName> | undefined;

  constructor(zone: DomainName, records: Records) {
    this.#zone = zone;
    this.#records = records;
  }

  whyNoNameServer(host: DomainName): string | undefined {
    if (!isWithin(host, this.#zone)) return undefined;
    const above = this.#ancestors(host);
    for (const name of above) {
      const here = this.#records.get(name);
      if (has(here, 'NS') && name !== this.#zone) return undefined;
      if (has(here, 'DNAME') && name !== host) {
        return `want a name server with an address, got ${displayName(host)} below the DNAME ${displayName(name)}`;
      }
    }
    return this.#whyNoAddress(host, this.#records.get(host) ?? this.#wildcardOf(host, above));
  }

  #whyNoAddress(host: DomainName, records: readonly Candidate[] | undefined): string | undefined {
    if (has(records, 'A') || has(records, 'AAAA')) return undefined;
    const got = has(records, 'CNAME') ? 'a CNAME' : 'no address';
    return `want a name server with an address (an ARecord, an AAAARecord, or spec.nameServers), got ${got} at ${displayName(host)}`;
  }

  /** From the zone's own name down to the host. */
  #ancestors(host: DomainName): DomainName[] {
    const names = [host];
    for (let name = host; name !== this.#zone && name !== root; ) {
      name = parentOf(name);
      names.unshift(name);
    }
    return names;
  }

  #wildcardOf(host: DomainName, above: readonly DomainName[]): readonly Candidate[] | undefined {
    this.#existing ??= this.#allExisting();
    if (this.#existing.has(host)) return undefined;
    const encloser = above.findLast((name) => this.#existing?.has(name)) ?? this.#zone;
    const wildcard = parseName('*', encloser);
    return wildcard.ok ? this.#records.get(wildcard.value) : undefined;
  }

  #allExisting(): Set<DomainName> {
    const existing = new Set<DomainName>([this.#zone]);
    for (const owner of this.#records.keys()) {
      for (let name = owner; !existing.has(name); name = parentOf(name)) existing.add(name);
    }
    return existing;
  }
}
