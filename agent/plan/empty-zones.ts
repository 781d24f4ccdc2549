import type { DomainName } from '../dns/name.ts';

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);

const reversed4 = [
  '0',
  '10',
  '127',
  '254.169',
  '2.0.192',
  '168.192',
  '100.51.198',
  '113.0.203',
  '255.255.255.255',
  ...range(16, 31).map((octet) => `${octet}.172`),
  ...range(64, 127).map((octet) => `${octet}.100`),
];

const reversed6 = [
  '0.'.repeat(32).slice(0, -1),
  `1.${'0.'.repeat(31).slice(0, -1)}`,
  '8.b.d.0.1.0.0.2',
  'd.f',
  '8.e.f',
  '9.e.f',
  'a.e.f',
  'b.e.f',
];

const emptyZones: ReadonlySet<string> = new Set([
  ...reversed4.map((labels) => `${labels}.in-addr.arpa.`),
  ...reversed6.map((labels) => `${labels}.ip6.arpa.`),
  'empty.as112.arpa.',
  'home.arpa.',
  'resolver.arpa.',
]);

/**
 * Whether a named that resolves names makes this zone by itself, empty, so that such questions stay in the house (RFC
 * 6303; as BIND 9.18 and 9.20 have it). One that is there already keeps ours from being added.
 */
export const isEmptyZone = (zone: DomainName): boolean => emptyZones.has(zone);
