/** The 4 octets of an address that `isIPv4` accepts. */
export const ipv4ToWire = (address: string): Buffer => Buffer.from(address.split('.').map(Number));

export const ipv4FromWire = (octets: Buffer): string => octets.join('.');

/** The 16 octets of an address that `isIPv6` accepts (without a scope). */
export function ipv6ToWire(address: string): Buffer {
  const [head = '', tail] = withoutDottedQuad(address).split('::');
  const before = groupsOf(head);
  const after = tail === undefined ? [] : groupsOf(tail);
  const gap = Array.from({ length: 8 - before.length - after.length }, () => 0);
  const octets = Buffer.alloc(16);
  for (const [index, group] of [...before, ...gap, ...after].entries()) {
    octets.writeUInt16BE(group, index * 2);
  }
  return octets;
}

/**
 * The text of 16 octets as named prints it (RFC 5952, with a dotted quad at the end of what maps or embeds an IPv4
 * address).
 */
export function ipv6FromWire(octets: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => octets.readUInt16BE(index * 2));
  const gap = longestGap(groups);
  const quad = ipv4FromWire(octets.subarray(12));
  if (gap.start === 0 && gap.length === 6) return `::${quad}`;
  if (gap.start === 0 && gap.length === 5 && groups[5] === 0xffff) return `::ffff:${quad}`;
  const texts = groups.map((group) => group.toString(16));
  if (gap.length < 2) return texts.join(':');
  const before = texts.slice(0, gap.start).join(':');
  return `${before}::${texts.slice(gap.start + gap.length).join(':')}`;
}

function withoutDottedQuad(address: string): string {
  const start = address.lastIndexOf(':') + 1;
  const quad = address.slice(start);
  if (!quad.includes('.')) return address;
  const octets = ipv4ToWire(quad);
  const groups = [octets.readUInt16BE(0), octets.readUInt16BE(2)];
  return address.slice(0, start) + groups.map((group) => group.toString(16)).join(':');
}

const groupsOf = (text: string): number[] =>
  text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));

/** The first of the longest runs of zero groups. */
function longestGap(groups: readonly number[]): { start: number; length: number } {
  let longest = { start: 0, length: 0 };
  let run = 0;
  for (const [index, group] of groups.entries()) {
    run = group === 0 ? run + 1 : 0;
    if (run > longest.length) longest = { start: index + 1 - run, length: run };
  }
  return longest;
}
