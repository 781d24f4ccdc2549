import { spawnSync } from 'node:child_process';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import type { RRset } from '../../agent/dns/rrset.ts';
import { parseCompiled, renderZone, zoneContentOf } from '../../agent/dns/zone-text.ts';

export function name(text: string, origin?: DomainName): DomainName {
  const parsed = parseName(text, origin);
  if (!parsed.ok) throw new Error(parsed.problems[0]?.problem ?? text);
  return parsed.value;
}

export const example = name('example.com');

const soa = {
  mname: name('ns1.example.net'),
  rname: name('hostmaster.example.net'),
  refresh: 3600,
  retry: 600,
  expire: 604_800,
  minimum: 300,
};

/** A zone of these records, and of an NS outside of it. */
export const contentOf = (rrsets: readonly RRset[], zone = example) =>
  zoneContentOf({
    zone,
    soa,
    soaTtl: 3600,
    rrsets: [{ owner: zone, type: 'NS', ttl: 3600, rdata: ['ns1.example.net.'] }, ...rrsets],
  });

/** What BIND itself reads: named-compilezone with the checks of names off, for they are told apart elsewhere. */
export function readByBind(text: string, zone = example): RRset[] {
  const args = ['-k', 'ignore', '-i', 'none', '-r', 'ignore', '-W', 'ignore', '-s', 'full'];
  const ran = spawnSync('named-compilezone', [...args, '-o', '-', zone, '-'], {
    input: text,
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (ran.status !== 0) throw new Error(ran.stderr.slice(0, 2000));
  return parseCompiled(ran.stdout);
}

/** Renders, lets BIND read it, and gives what it read without the SOA and the apex NS. */
export function throughBind(rrsets: readonly RRset[]): RRset[] {
  const text = renderZone(contentOf(rrsets), 1);
  return readByBind(text).filter(
    ({ type, owner }) => type !== 'SOA' && !(type === 'NS' && owner === example),
  );
}
