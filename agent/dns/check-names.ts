import { type DomainName, displayName, labels, root } from './name.ts';

/**
 * What named refuses in a primary zone by `check-names`, which is `fail` there unless configured otherwise: a single
 * such record keeps the whole zone from loading. As measured with BIND 9.18.49.
 */
export function whyOwnerRefused(owner: DomainName, type: string): string | undefined {
  switch (type) {
    case 'A':
    case 'AAAA':
      return isHostOrWildcard(owner) || isExempt(owner, type) ? undefined : badOwner(owner);
    case 'MX':
    case 'A6':
    case 'WKS':
      return isHostOrWildcard(owner) ? undefined : badOwner(owner);
    case 'MB':
    case 'MG':
      return isMailbox(owner) ? undefined : badOwner(owner);
    case 'NSEC3':
      return /^[0-9a-v]{32}\./.test(owner)
        ? undefined
        : `want a hash as owner, got ${displayName(owner)}`;
    case 'NS':
      return owner.startsWith('*.')
        ? `want no wildcard as owner of NS, got ${displayName(owner)}`
        : undefined;
    default:
      return undefined;
  }
}

/** The same for names within the rdata. */
export function whyTargetRefused(
  owner: DomainName,
  type: string,
  rdata: string,
): string | undefined {
  if (type === 'RP') {
    const mailbox = rdata.split(' ')[0] as DomainName;
    return isMailbox(mailbox) ? undefined : `want a mailbox, got ${displayName(mailbox)}`;
  }
  if (type === 'SVCB' && isDnsService(owner)) {
    const why = whyNoDnsService(rdata);
    if (why !== undefined) return why;
  }
  const place = placeOfHostname(owner, type, rdata);
  if (place === undefined) return undefined;
  const target = (rdata.split(' ', place + 1)[place] ?? '').toLowerCase() as DomainName;
  return isHostname(target)
    ? undefined
    : `want ${wantHostname} as target, got ${displayName(target)}`;
}

/** A host name (RFC 1123): letters, digits and inner hyphens. The root is one too. */
export const isHostname = (name: DomainName): boolean =>
  name === root || /^(?:[a-z0-9](?:-*[a-z0-9])*\.)+$/.test(name);

/** A mailbox as a name (RFC 1035 section 8): anything printable, then a host name. */
export function isMailbox(name: DomainName): boolean {
  const [first = '', ...rest] = labels(name);
  return !/\\[0-9]/.test(first) && isHostname((rest.join('.') + root) as DomainName);
}

const wantHostname = 'a host name (letters, digits, inner hyphens)';

const badOwner = (owner: DomainName): string =>
  `want ${wantHostname} as owner, got ${displayName(owner)}`;

const isHostOrWildcard = (owner: DomainName): boolean =>
  isHostname((owner.startsWith('*.') ? owner.slice(2) || root : owner) as DomainName);

/** Names that SPF macros and Active Directory look up although they are no host names. */
const isExempt = (owner: DomainName, type: string): boolean =>
  (type === 'A' && /(?:^|\.)_spf(?:_verify|_rate)?\./.test(owner)) ||
  (owner.startsWith('gc._msdcs.') && isHostname(owner.slice(10) as DomainName));

/** Which word of the rdata must be a host name. */
const hostnameWord: Readonly<Record<string, number>> = { NS: 0, MX: 1, AFSDB: 1, RT: 1, SRV: 3 };

function placeOfHostname(owner: DomainName, type: string, rdata: string): number | undefined {
  if (type === 'PTR') return isReverse(owner) ? 0 : undefined;
  // Priority 0 is an alias to any name (RFC 9460 section 2.4.2).
  if (type === 'SVCB' || type === 'HTTPS') return rdata.startsWith('0 ') ? undefined : 1;
  return Object.hasOwn(hostnameWord, type) ? hostnameWord[type] : undefined;
}

const isReverse = (owner: DomainName): boolean => /\.(?:in-addr|ip6)\.arpa\.$/.test(owner);

/** `_dns`, also behind a port: how a resolver is found (RFC 9461). */
const isDnsService = (owner: DomainName): boolean =>
  /^(?:_(?:0|[1-9][0-9]{0,4})\.)?_dns\./.test(owner);

/** `check-svcb` of BIND 9.20; 9.18 does not have it. */
function whyNoDnsService(rdata: string): string | undefined {
  const protocols = / alpn="?([^" ]+)/.exec(rdata)?.[1];
  if (protocols === undefined) return 'want alpn in the SVCB of a DNS server, got none';
  const isHttp = protocols.split(',').some((protocol) => protocol.startsWith('h'));
  // BIND 9.18 prints it by its number.
  return isHttp && !/ (?:dohpath|key7)=/.test(rdata)
    ? `want dohpath beside the alpn ${protocols}, got none`
    : undefined;
}
