import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import { canonicalRRsets, compareRRsets, type RRset } from '../../agent/dns/rrset.ts';

function name(text: string): DomainName {
  const parsed = parseName(text);
  if (!parsed.ok) throw new Error(text);
  return parsed.value;
}

const a = (owner: string, ttl: number, ...rdata: string[]): RRset => ({
  owner: name(owner),
  type: 'A',
  ttl,
  rdata,
});

describe('canonical record sets', () => {
  test('have each owner and type once, with the lowest TTL and no duplicate', () => {
    const merged = canonicalRRsets([
      a('www.example', 300, '192.0.2.2', '192.0.2.1'),
      { ...a('www.example', 10, 'x'), type: 'TXT' },
      a('example', 300, '192.0.2.9'),
      a('www.example', 60, '192.0.2.1', '192.0.2.3'),
    ]);
    expect(merged).toEqual([
      a('example', 300, '192.0.2.9'),
      a('www.example', 60, '192.0.2.1', '192.0.2.2', '192.0.2.3'),
      { ...a('www.example', 10, 'x'), type: 'TXT' },
    ]);
  });

  test('are the same whatever the order they came in', () => {
    const set = fc.record({
      owner: fc.constantFrom('a.example', 'b.a.example', 'example', '*.example').map(name),
      type: fc.constantFrom('A', 'TXT', 'TYPE65534'),
      ttl: fc.integer({ min: 0, max: 10 }),
      rdata: fc.array(fc.constantFrom('1', '2', '3'), { minLength: 1, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(set, { maxLength: 12 }), (list) => {
        const canonical = canonicalRRsets(list);
        expect(canonicalRRsets([...list].reverse())).toEqual(canonical);
        expect(canonicalRRsets(canonical)).toEqual(canonical);
        expect([...canonical].sort(compareRRsets)).toEqual(canonical);
      }),
    );
  });

  test('of 10,000 records on one name are one', () => {
    const many = Array.from({ length: 10_000 }, (_, i) =>
      a('example', 1, `10.0.${i >> 8}.${i & 255}`),
    );
    expect(canonicalRRsets(many)).toHaveLength(1);
    expect(canonicalRRsets(many)[0]?.rdata).toHaveLength(10_000);
  });
});
