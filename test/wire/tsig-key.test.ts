import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseKeyFile, renderKey, type TsigKey } from '../../agent/dns/tsig-key.ts';

const secret = 'c2VjcmV0LXNlY3JldC1zZWNyZXQ=';

/** With the secrets in sight: keys without them are all alike to `toEqual`. */
const readBack = (text: string) => {
  const result = parseKeyFile(text);
  if (!result.ok) return result.problems;
  return result.value.map((key) => ({ ...key, secret: key.secret.export().toString('base64') }));
};

const problemsOf = (text: string): string[] => {
  const result = parseKeyFile(text);
  return result.ok ? [] : result.problems.map(({ path, problem }) => `${path}: ${problem}`);
};

describe('a key file', () => {
  test('is read in the syntax of named.conf, with its comments, and all its keys', () => {
    const text = `
      # made by tsig-keygen
      key "Cluster.Example." { algorithm HMAC-SHA256; secret "${secret}"; }; // the first
      /* the second
         has its words the other way round */ key plain {
        secret ab//cd+/; # base64 that looks like a comment
        algorithm hmac-md5.sig-alg.reg.int;
      };`;
    expect(readBack(text)).toEqual([
      { name: 'cluster.example', algorithm: 'hmac-sha256', secret },
      { name: 'plain', algorithm: 'hmac-md5', secret: 'ab//cd+/' },
    ]);
  });

  test('is read back as it was rendered', () => {
    const keys = fc.uniqueArray(
      fc.record({
        name: fc
          .stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/)
          .filter((name) => !name.includes('..')),
        algorithm: fc.constantFrom<TsigKey['algorithm']>('hmac-md5', 'hmac-sha1', 'hmac-sha512'),
        secret: fc.uint8Array({ minLength: 1, maxLength: 70 }),
      }),
      { selector: ({ name }) => name, minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(keys, (list) => {
        const rendered = list.map((key) =>
          renderKey({ ...key, secret: createSecretKey(key.secret) }),
        );
        const wanted = list.map((key) => ({
          ...key,
          secret: Buffer.from(key.secret).toString('base64'),
        }));
        expect(readBack(rendered.join(''))).toEqual(wanted);
      }),
    );
  });

  test('with mistakes gets all of them told at once, with key and line', () => {
    const text = `key "a" { algorithm hmac-sha3; secret "${secret}"; };
key "b" { algorithm hmac-sha256; };
key "c" { algorithm hmac-sha256; secret "not base64"; colour blue; };
options { directory "/"; };
key "d" { algorithm hmac-sha256; secret "${secret}"; };
key "D." { algorithm hmac-sha256; secret "${secret}"; };
key "e" { algorithm hmac-sha256 secret "${secret}"; };
key "f" { algorithm hmac-sha256;`;
    expect(problemsOf(text)).toEqual([
      'key "a": want algorithm hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512; got hmac-sha3',
      'key "b": want secret, got none',
      'key "c": want algorithm or secret on line 3',
      'key "c": want a secret in base64, got something else',
      'line 4: want key "name" { … }; got another statement',
      'key "d": want it once, got it twice',
      'key "e": want one value and ; after algorithm on line 7',
      'key "e": want algorithm, got none',
      'key "e": want secret, got none',
      'line 8: want the statement closed and ended by ;',
    ]);
  });

  test('without a key, or never closed, is refused', () => {
    expect(problemsOf('# nothing\n')).toEqual([': want at least one key "name" { … }; got none']);
    expect(problemsOf('\n/* key "a"')).toEqual([
      'line 2: want the statement closed and ended by ;',
    ]);
    expect(problemsOf('key "a {')).toEqual(['line 1: want the statement closed and ended by ;']);
    expect(problemsOf('}')).toEqual(['line 1: want the statement closed and ended by ;']);
    expect(problemsOf('{'.repeat(100_000)).length).toBe(1);
  });

  test('never has a secret in its problems, wherever the secret stands', () => {
    const hidden = 'U2VjcmV0U2VjcmV0U2VjcmV0';
    const texts = [
      hidden,
      `${hidden};`,
      `key { secret "${hidden}"; };`,
      `key "${hidden}`,
      `key "a" "${hidden}" { };`,
      `key "a" { ${hidden}; };`,
      `key "a" { algorithm ${hidden}; secret hmac-sha256; };`,
      `key "a" { algorithm hmac-sha256; secret "${hidden}" "${hidden}"; };`,
      `key "a" { algorithm hmac-sha256; secret "${hidden}*"; };`,
      `key "a" { algorithm hmac-sha256; secret "${hidden}"; } ${hidden};`,
    ];
    for (const text of texts) {
      const problems = problemsOf(text);
      expect(problems.length, text).toBeGreaterThan(0);
      expect(problems.join()).not.toContain(hidden);
    }
  });

  test('of any text is read or refused, never thrown over', () => {
    const piece = fc.constantFrom(
      'key',
      '"a"',
      '{',
      '}',
      ';',
      'secret',
      'algorithm',
      '"',
      '/*',
      '*/',
      '\n',
      '#',
      '\\',
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(piece, fc.string({ maxLength: 5 })), { maxLength: 30 }),
        (pieces) => {
          expect(typeof parseKeyFile(pieces.join(' ')).ok).toBe('boolean');
        },
      ),
      { numRuns: 500 },
    );
  });
});
