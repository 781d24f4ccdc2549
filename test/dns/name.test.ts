import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  compareNames,
  type DomainName,
  displayName,
  fileNameOf,
  isWithin,
  labels,
  parentOf,
  parseName,
  sortKey,
} from '../../agent/dns/name.ts';

const zone = name('example.com');

function name(text: string, origin?: DomainName): DomainName {
  const parsed = parseName(text, origin);
  if (!parsed.ok) throw new Error(parsed.problems[0]?.problem);
  return parsed.value;
}

const problem = (text: string, origin?: DomainName): string | undefined => {
  const parsed = parseName(text, origin);
  return parsed.ok ? undefined : parsed.problems[0]?.problem;
};

/** A name of any octets, as canonical text. */
const anyName = () =>
  fc
    .array(fc.uint8Array({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 6 })
    .map((octets) => octets.map((label) => [...label].map(ddd).join('')).join('.'))
    .map((text) => name(text));

const ddd = (octet: number): string => `\\${String(octet).padStart(3, '0')}`;

describe('a name', () => {
  test.each([
    ['www', 'www.example.com.'],
    ['@', 'example.com.'],
    ['WWW.Example.COM.', 'www.example.com.'],
    ['a.b', 'a.b.example.com.'],
    ['*', '*.example.com.'],
    ['*.apps', '*.apps.example.com.'],
    ['_dmarc', '_dmarc.example.com.'],
    ['_sip._tcp', '_sip._tcp.example.com.'],
    ['.', '.'],
    ['john\\.doe', 'john\\.doe.example.com.'],
    ['john\\046doe', 'john\\.doe.example.com.'],
    ['\\065bc', 'abc.example.com.'],
    ['a\\032b', 'a\\032b.example.com.'],
    ['a\\;b\\"c\\(d\\)', 'a\\;b\\"c\\(d\\).example.com.'],
    ['a@b$c', 'a\\@b\\$c.example.com.'],
    ['a\\255', 'a\\255.example.com.'],
    ['a\\\\', 'a\\\\.example.com.'],
    ['a\\.', 'a\\..example.com.'],
    ['a\\\\.', 'a\\\\.'],
    ['0/25', '0/25.example.com.'],
  ])('%s in example.com is %s', (text, canonical) => {
    expect(name(text, zone)).toBe(canonical);
  });

  test('without an origin is absolute', () => {
    expect(name('www.example.com')).toBe('www.example.com.');
    expect(name('com', name('.'))).toBe('com.');
  });

  test.each([
    ['müller', 'xn--mller-kva.example.com.'],
    ['_dmarc.Müller', '_dmarc.xn--mller-kva.example.com.'],
    ['*.例え', '*.xn--r8jz45g.example.com.'],
    ['faß', 'xn--fa-hia.example.com.'],
    ['例え。テスト', 'xn--r8jz45g.xn--zckzah.example.com.'],
    ['_spf_ü', 'xn--_spf_-ova.example.com.'],
  ])('%s is taken by its A-labels', (text, canonical) => {
    expect(name(text, zone)).toBe(canonical);
  });

  test.each([
    ['', 'want a name, got ""'],
    ['a..b', 'an empty one in "a..b"'],
    ['.a', 'an empty one'],
    ['a b', 'got " "'],
    ['a\nb', 'got "\\n"'],
    ['a;b', 'got ";"'],
    ['a"b', 'got "\\""'],
    ['(a)', 'got "("'],
    ['a\0', 'got "\\u0000"'],
    ['a\x7f', 'got'],
    ['a\\256', 'got "\\\\256"'],
    ['a\\12', 'got "\\\\1"'],
    ['a\\', 'got "\\\\"'],
    ['a\\\n', 'got "\\\\\\n"'],
    ['ü/x', 'want letters, digits and hyphens'],
    ['ü\\.x', 'want letters, digits and hyphens'],
    ['１', 'want letters, digits and hyphens'],
    ['%\u0000ü', 'got'],
    ['x'.repeat(64), 'want labels of at most 63 octets, got 64'],
    ['ü'.repeat(63), 'want labels of at most 63 octets'],
    [`${'x.'.repeat(127)}xy`, 'want a name of at most 255 octets, got 258'],
  ])('%j is refused', (text, why) => {
    expect(problem(text)).toContain(why);
  });

  test('may have labels of 63 and a length of 255 octets, and no more', () => {
    const longest = `${'x'.repeat(63)}.${'y'.repeat(63)}.${'z'.repeat(63)}.${'w'.repeat(61)}.`;
    expect(name(longest)).toBe(longest);
    expect(problem(longest.replace('w', 'ww'))).toContain(
      'want a name of at most 255 octets, got 256',
    );
    expect(problem(longest.slice(0, -1), zone)).toContain('got 267');
    expect(name(`${'\\000'.repeat(63)}.a`)).toContain('\\000');
  });

  test('keeps its canonical text when it is read again', () => {
    fc.assert(fc.property(anyName(), (each) => name(each) === each));
  });

  test('is read or refused, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const parsed = parseName(text, zone);
        if (!parsed.ok) return parsed.problems.length > 0;
        return /^(?:\.|(?:(?:[!#%&'*+,\-/0-9:<=>?[\]^_`a-z{|}~]|\\[0-9]{3}|\\["$().;@\\])+\.)+)$/.test(
          parsed.value,
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('is within its zone by labels, not by letters', () => {
    expect(isWithin(zone, zone)).toBe(true);
    expect(isWithin(name('a.example.com'), zone)).toBe(true);
    expect(isWithin(name('badexample.com'), zone)).toBe(false);
    expect(isWithin(name('a\\.example.com'), zone)).toBe(false);
    expect(isWithin(name('a\\\\.example.com'), zone)).toBe(true);
    expect(isWithin(name('com'), zone)).toBe(false);
    expect(isWithin(zone, name('.'))).toBe(true);
  });

  test('comes apart into labels with their escapes', () => {
    expect(labels(name('a\\.b.c\\032d.e'))).toEqual(['a\\.b', 'c\\032d', 'e']);
    expect(labels(name('.'))).toEqual([]);
    expect(parentOf(name('a\\.b.c'))).toBe('c.');
    expect(parentOf(name('c'))).toBe('.');
    expect(displayName(zone)).toBe('example.com');
    expect(displayName(name('.'))).toBe('.');
  });

  test('sorts as RFC 4034 section 6.1 has it', () => {
    const sorted = [
      'example.',
      'a.example.',
      'yljkjljk.a.example.',
      'z.a.example.',
      'zabc.a.example.',
      'z.example.',
      '\\001.z.example.',
      '*.z.example.',
      '\\200.z.example.',
    ].map((text) => name(text));
    expect([...sorted].reverse().sort(compareNames)).toEqual(sorted);
  });

  test('sorts by octets, whatever they are', () => {
    const octets = (each: DomainName) =>
      labels(each)
        .reverse()
        .map((label) =>
          Buffer.from(
            label.replace(/\\([0-9]{3}|.)/gs, (_, code: string) =>
              code.length === 3 ? String.fromCharCode(Number(code)) : code,
            ),
            'latin1',
          ),
        );
    const reference = (a: DomainName, b: DomainName): number => {
      const [left, right] = [octets(a), octets(b)];
      for (const [i, label] of left.entries()) {
        const other = right[i];
        if (other === undefined) return 1;
        const order = Buffer.compare(label, other);
        if (order !== 0) return order;
      }
      return left.length === right.length ? 0 : -1;
    };
    const small = () =>
      fc
        .array(fc.array(fc.constantFrom(0, 1, 2, 97, 98, 255), { minLength: 1, maxLength: 3 }), {
          minLength: 1,
          maxLength: 3,
        })
        .map((found) => name(found.map((label) => label.map(ddd).join('')).join('.')));
    fc.assert(
      fc.property(small(), small(), (a, b) => compareNames(a, b) === reference(a, b)),
      { numRuns: 3000 },
    );
    expect(sortKey(name('b.a'))).toBe('a\0b');
  });
});

describe("a zone's file name", () => {
  test.each([
    ['example.com', 'example.com.zone'],
    ['.', '=2e.zone'],
    ['0/25.2.0.192.in-addr.arpa', '0=2f25.2.0.192.in-addr.arpa.zone'],
    ['a\\.b.c', 'a=5c.b.c.zone'],
    ['_tcp.example', '_tcp.example.zone'],
    ['*.a', '=2a.a.zone'],
  ])('of %s is %s', (text, file) => {
    expect(fileNameOf(name(text))).toBe(file);
  });

  test('is safe, short enough, and its own', () => {
    const seen = new Map<string, DomainName>();
    fc.assert(
      fc.property(anyName(), (each) => {
        const file = fileNameOf(each);
        const other = seen.get(file) ?? each;
        seen.set(file, each);
        return /^[a-z0-9=_-][a-z0-9._=-]*\.zone$/.test(file) && file.length < 256 && other === each;
      }),
      { numRuns: 1000 },
    );
    const long = (last: string) => name(`${`${'/'.repeat(60)}.`.repeat(4)}${last}`);
    expect(fileNameOf(long('a')).length).toBeLessThan(220);
    expect(fileNameOf(long('a'))).not.toBe(fileNameOf(long('b')));
  });
});
