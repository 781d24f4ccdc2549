import { createHash } from 'node:crypto';
import type { DomainName } from './name.ts';
import { nameToWire } from './wire.ts';

/** What withdraws the zone's DS from its parent (RFC 8078 section 4). It stands alone. */
const withdrawal: Readonly<Record<'CDS' | 'CDNSKEY', RegExp>> = {
  CDS: /^0 0 0 00$/,
  CDNSKEY: /^0 3 0 AA==$/,
};

const digests: Readonly<Record<string, string>> = { '1': 'sha1', '2': 'sha256', '4': 'sha384' };

/**
 * The first of a zone's CDS or CDNSKEY records that fits none of its DNSKEYs; undefined where all do. For one that
 * does not, named refuses the zone ("CDS/CDNSKEY consistency checks failed").
 */
export function fitsNone(
  zone: DomainName,
  type: 'CDS' | 'CDNSKEY',
  rdata: readonly string[],
  dnskeys: readonly string[],
): string | undefined {
  if (rdata.length === 1 && withdrawal[type].test(rdata[0] ?? '')) return undefined;
  const keys = new Set(dnskeys.map(withoutSpaces));
  return rdata.find((data) =>
    type === 'CDNSKEY'
      ? !keys.has(withoutSpaces(data))
      : !dnskeys.some((key) => isDigestOf(zone, data, key)),
  );
}

/** The key is in base64, the digest in hex; BIND parts both with spaces where they are long. */
function withoutSpaces(rdata: string): string {
  const [first, second, third, ...rest] = rdata.split(' ');
  return `${first} ${second} ${third} ${rest.join('')}`;
}

/** RFC 4034 section 5.1.4: over the owner and the DNSKEY's rdata. */
function isDigestOf(zone: DomainName, cds: string, dnskey: string): boolean {
  const [, algorithm, digestType = '', digest = ''] = withoutSpaces(cds).split(' ');
  const [flags, protocol, keyAlgorithm, key = ''] = withoutSpaces(dnskey).split(' ');
  const hash = digests[digestType];
  if (hash === undefined || algorithm !== keyAlgorithm) return false;
  const rdata = Buffer.concat([
    Buffer.from([Number(flags) >> 8, Number(flags) & 255, Number(protocol), Number(keyAlgorithm)]),
    Buffer.from(key, 'base64'),
  ]);
  const made = createHash(hash).update(nameToWire(zone)).update(rdata).digest('hex');
  return made === digest.toLowerCase();
}
