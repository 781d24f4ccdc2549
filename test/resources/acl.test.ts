import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { run } from '../../agent/process.ts';
import { type AclElement, parseAclElement, parseListenElement } from '../../agent/resources/acl.ts';
import { parseEndpoint } from '../../agent/resources/endpoint.ts';

const textOf = (text: string): string | undefined => {
  const element = parseAclElement(text);
  return element.ok ? element.value.text : undefined;
};

describe('an access rule', () => {
  test.each([
    ['10.0.0.1', '10.0.0.1'],
    ['!10.0.0.1', '!10.0.0.1'],
    [' ! 10.0.0.0/8 ', '!10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['::/0', '::/0'],
    ['2001:DB8:0:0::/32', '2001:db8::/32'],
    ['1:2:3:4:5:6:7:8/128', '1:2:3:4:5:6:7:8/128'],
    ['Any', 'any'],
    ['!localnets', '!localnets'],
    ['key transfer.example', 'key "transfer.example"'],
    ['! key "transfer"', '!key "transfer"'],
  ])('%j stands in named.conf as %j', (text, canonical) => {
    expect(textOf(text)).toBe(canonical);
  });

  test.each([
    ...['', '!', 'any;', 'any; };', '{ any; }', '!!any', 'internal', '10/8', '10.0.0', '010.0.0.1'],
    ...[
      '10.0.0.0/33',
      '10.0.0.1/8',
      '::1/64',
      '::/129',
      '10.0.0.0/',
      '10.0.0.0/8/8',
      'fe80::1%eth0',
    ],
    ...[
      'key',
      'key "',
      'key "a',
      'key a"',
      'key "a b"',
      'key a; }',
      'keyname',

      '"any"',
    ],
    ...['acl x', '10.0.0.1 port 53', 'key "";', '/* any */', 'any # all'],
  ])('%j is refused', (text) => {
    expect(parseAclElement(text).ok).toBe(false);
  });

  test('with bits beyond its prefix is told the network that was meant', () => {
    expect(parseAclElement('2001:db8::1/33')).toEqual({
      ok: false,
      problems: [
        {
          path: '',
          problem: 'want 2001:db8::/33 (no bits beyond the prefix), got "2001:db8::1/33"',
        },
      ],
    });
  });

  test('tells the key that it names', () => {
    const element = parseAclElement('!key k.1');
    const expected: AclElement = { kind: 'key', negated: true, text: '!key "k.1"', key: 'k.1' };
    expect(element).toEqual({ ok: true, value: expected });
  });

  test('for listening is an address, any or none', () => {
    expect(parseListenElement('!10.0.0.1')).toMatchObject({ value: { text: '!10.0.0.1' } });
    expect(parseListenElement('key a').ok).toBe(false);
    expect(parseListenElement('localnets').ok).toBe(false);
  });

  test('of any kind and form is one that named takes', async () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    const network = fc.oneof(
      fc.tuple(fc.ipV4(), fc.nat(32)).map(([ip, length]) => `${ip}/${length}`),
      fc.tuple(fc.ipV6(), fc.nat(128)).map(([ip, length]) => `${ip}/${length}`),
    );
    const word = fc.constantFrom('any', 'none', 'localhost', 'LOCALNETS', 'key k', 'key "k.-_2"');
    const written = fc
      .tuple(fc.constantFrom('', '!', ' ! '), fc.oneof(address, network, word))
      .map((parts) => parts.join(''));
    const elements = fc.sample(written, 500).flatMap((text) => {
      const element = parseAclElement(text);
      if (element.ok) return [element.value.text];
      // The network that the refusal proposes has to be right too.
      return /want (\S+\/\d+) /.exec(element.problems[0]?.problem ?? '')?.slice(1) ?? [];
    });
    expect(elements.length).toBeGreaterThan(400);
    const folder = await mkdtemp(join(tmpdir(), 'acl-'));
    try {
      const file = join(folder, 'named.conf');
      await writeFile(
        file,
        `options { allow-query { ${elements.map((each) => `${each};`).join('\n')} }; };`,
      );
      const checked = await run('named-checkconf', [file], { timeoutMs: 10_000 });
      expect(checked).toMatchObject({ ok: true, stdout: '' });
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a server', () => {
  test.each([
    ['192.0.2.1', '192.0.2.1', 53],
    ['192.0.2.1:5353', '192.0.2.1', 5353],
    ['2001:DB8:0::1', '2001:db8::1', 53],
    ['[2001:db8::1]', '2001:db8::1', 53],
    ['[2001:db8::1]:5353', '2001:db8::1', 5353],
    ['::ffff:192.0.2.1', '::ffff:c000:201', 53],
  ])('%j is %s at port %i', (text, address, port) => {
    expect(parseEndpoint(text)).toEqual({ ok: true, value: { address, port } });
  });

  test.each([
    ...[
      '',
      ':53',
      'ns1.example.com',
      '192.0.2.1:',
      '192.0.2.1:0',
      '192.0.2.1:65536',
      '192.0.2.1:x',
    ],
    ...['192.0.2.1:053', '[192.0.2.1]:53', '[::1', '::1]:53', '[::1]53', '192.0.2.1 port 53'],
    ...['192.0.2.1:53; }', '192.0.2.1\n', 'fe80::1%eth0', '[fe80::1%eth0]:53', '2001:db8::1:x'],
  ])('%j is none', (text) => {
    expect(parseEndpoint(text)).toEqual({
      ok: false,
      problems: [
        { path: '', problem: `want an IP, ip:port or [ipv6]:port, got ${JSON.stringify(text)}` },
      ],
    });
  });

  test('may have another port where it names none', () => {
    expect(parseEndpoint('::1', 8053)).toEqual({ ok: true, value: { address: '::1', port: 8053 } });
  });
});
