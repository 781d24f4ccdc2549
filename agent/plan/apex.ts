import { isHostname, isMailbox } from '../dns/check-names.ts';
import { type DomainName, displayName, isWithin, parentOf, parseName, root } from '../dns/name.ts';
import { formatIPv4, formatIPv6, parseTarget } from '../dns/rdata.ts';
import type { SoaData } from '../dns/soa.ts';
import { type Parsed, type Problem, parsed, refused } from '../problem.ts';
import type { DNSZoneSpec } from '../resources/types.ts';
import type { Candidate } from './candidate.ts';

/** What a DNSZone itself says of its content. */
export interface Apex {
  readonly soa: SoaData;
  /** Seconds: of the SOA, of the name servers, and of records that name none. */
  readonly ttl: number;
  /** NS and glue of `nameServers`, and the glue of `nameServerIps`. */
  readonly candidates: readonly Candidate[];
  /** NS for a zone that gets none from there or from its records. */
  readonly fallback: readonly Candidate[];
}

/** Reads it; every field has a default. One wrong field and there is none: it is for the user to put right. */
export function apexOf(spec: DNSZoneSpec, zone: DomainName): Parsed<Apex> {
  const fields = new Fields();
  const ttl = fields.seconds('spec.ttl', spec.ttl, 3600, 0);
  const servers = (spec.nameServers ?? []).map((server, index) =>
    readServer(server, `spec.nameServers[${index}]`, zone, fields),
  );
  const olderServers = Object.entries(spec.nameServerIps ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([host, address]) => readOlderServer(host, address, zone, fields));
  const all = [...servers, ...olderServers];
  const soa = readSoa(spec.soaRecord ?? {}, all[0]?.host, zone, fields);
  if (fields.problems.length > 0) return { ok: false, problems: fields.problems };

  const nsOf = (host: DomainName, path: string): Candidate => ({
    owner: zone,
    type: 'NS',
    ttl,
    rdata: [host],
    origin: { path, since: '' },
  });
  return parsed({
    soa,
    ttl,
    candidates: [
      ...servers.map(({ host, path }) => nsOf(host, path)),
      ...all.flatMap((server) => glueOf(server, zone, ttl)),
    ],
    fallback: [
      nsOf(soa.mname, 'spec.soaRecord.primaryNs'),
      ...olderServers.map(({ host, path }) => nsOf(host, path)),
    ],
  });
}

/** Reads fields of a spec and gathers every problem in them. What stands in for a wrong field is never used. */
class Fields {
  readonly problems: Problem[] = [];

  take<T>(path: string, read: Parsed<T>, otherwise: T): T {
    if (read.ok) return read.value;
    for (const { problem } of read.problems) this.problems.push({ path, problem });
    return otherwise;
  }

  seconds(path: string, value: number | undefined, otherwise: number, least: number): number {
    return value === undefined ? otherwise : this.take(path, readSeconds(value, least), otherwise);
  }
}

interface NameServer {
  readonly host: DomainName;
  readonly path: string;
  readonly ipv4?: string;
  readonly ipv6?: string;
}

function readServer(
  server: NonNullable<DNSZoneSpec['nameServers']>[number],
  path: string,
  zone: DomainName,
  fields: Fields,
): NameServer {
  const { hostname, ipv4Address, ipv6Address } = server;
  const ipv4 = ipv4Address && fields.take(`${path}.ipv4Address`, formatIPv4(ipv4Address), '');
  const ipv6 = ipv6Address && fields.take(`${path}.ipv6Address`, formatIPv6(ipv6Address), '');
  return {
    host: fields.take(`${path}.hostname`, readHost(hostname, zone), zone),
    path,
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
  };
}

function readOlderServer(
  hostname: string,
  address: string,
  zone: DomainName,
  fields: Fields,
): NameServer {
  const path = `spec.nameServerIps["${hostname}"]`;
  const host = fields.take(path, readHost(hostname, zone), zone);
  return address.includes(':')
    ? { host, path, ipv6: fields.take(path, formatIPv6(address), '') }
    : { host, path, ipv4: fields.take(path, formatIPv4(address), '') };
}

/** Addresses of hosts outside of the zone are for another zone to tell. */
function glueOf(
  { host, path, ipv4, ipv6 }: NameServer,
  zone: DomainName,
  ttl: number,
): Candidate[] {
  if (!isWithin(host, zone)) return [];
  const glue = (type: string, address: string | undefined): Candidate[] =>
    address === undefined
      ? []
      : [{ owner: host, type, ttl, rdata: [address], origin: { path, since: '' } }];
  return [...glue('A', ipv4), ...glue('AAAA', ipv6)];
}

function readSoa(
  soa: NonNullable<DNSZoneSpec['soaRecord']>,
  firstServer: DomainName | undefined,
  zone: DomainName,
  fields: Fields,
): SoaData {
  const path = 'spec.soaRecord';
  const above = hostnameAbove(zone);
  const mname =
    soa.primaryNs === undefined && firstServer !== undefined
      ? firstServer
      : fields.take(`${path}.primaryNs`, readHost(soa.primaryNs ?? `ns1.${above}`, zone), zone);
  return {
    mname,
    rname: fields.take(
      `${path}.adminEmail`,
      readMailbox(soa.adminEmail ?? `hostmaster.${above}`, zone),
      zone,
    ),
    refresh: fields.seconds(`${path}.refresh`, soa.refresh, 3600, 1),
    retry: fields.seconds(`${path}.retry`, soa.retry, 600, 1),
    expire: fields.seconds(`${path}.expire`, soa.expire, 604_800, 1),
    minimum: fields.seconds(`${path}.negativeTtl`, soa.negativeTtl, 300, 0),
  };
}

/** The zone, or what of it named takes for a host name: 0/25.2.0.192.in-addr.arpa (RFC 2317) is none. */
function hostnameAbove(zone: DomainName): string {
  let name = zone;
  while (!isHostname(name)) name = parentOf(name);
  return name === root ? '' : name;
}

/** TTLs and timers have 31 bits (RFC 2181 section 8). */
const mostSeconds = 2_147_483_647;

export function readSeconds(value: number, least: number): Parsed<number> {
  return Number.isInteger(value) && value >= least && value <= mostSeconds
    ? parsed(value)
    : refused('', `want ${least} to ${mostSeconds}, got ${value}`);
}

function readHost(text: string, zone: DomainName): Parsed<DomainName> {
  const name = parseTarget(text, zone);
  if (!name.ok || isHostname(name.value)) return name;
  return refused(
    '',
    `want a host name (letters, digits, inner hyphens), got ${displayName(name.value)}`,
  );
}

/** `john.doe@example.com`, or the same as a name: `john\.doe.example.com.` */
function readMailbox(text: string, zone: DomainName): Parsed<DomainName> {
  const at = text.lastIndexOf('@');
  const name =
    at === -1
      ? parseTarget(text, zone)
      : parseName(`${escapeLocalPart(text.slice(0, at))}.${text.slice(at + 1)}`);
  if (!name.ok || isMailbox(name.value)) return name;
  return refused('', `want a mailbox such as hostmaster@example.com, got ${JSON.stringify(text)}`);
}

/** The local part of an address is one label, dots and all (RFC 1035 section 8). */
const escapeLocalPart = (text: string): string =>
  text.replace(/[^A-Za-z0-9_-]/g, (char) => `\\${char}`);
