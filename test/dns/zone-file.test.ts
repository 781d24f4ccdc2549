import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkZoneFile, plainLines, whyNotOneRecord } from '../../agent/dns/zone-file.ts';

const head = '$TTL 300\n@ SOA a. b. 1 1 1 1 1\n@ NS a.\n';

describe('a zone file', () => {
  test.each([
    ['$INCLUDE other.zone', 4],
    ['$include other.zone', 4],
    ['$InClUdE /etc/passwd sub.example.com.', 4],
    ['"$INCLUDE" other.zone', 4],
    ['$INCLUDE"other.zone"', 4],
    ['$INCLUDE(\nother.zone )', 4],
    ['( $INCLUDE other.zone )', 4],
    ['(\n\n$INCLUDE other.zone )', 6],
    ['\t$INCLUDE other.zone', 4],
    ['a TXT ( "(" ; ) \n "b" )\n$INCLUDE other.zone', 6],
    ['a TXT "\\"" ; "\n$INCLUDE other.zone', 5],
    ['a TXT x\\"y\n$INCLUDE other.zone', 5],
    ['; $INCLUDE nothing\r\n$INCLUDE other.zone', 5],
    ['$ORIGIN x\n$INCLUDE other.zone', 5],
  ])('with %j is refused, and the line told', (text, line) => {
    expect(checkZoneFile(plainLines(head + text))).toContainEqual({
      path: `line ${line}`,
      problem: 'want the whole zone in one text, got $INCLUDE',
    });
  });

  test.each([
    'a TXT "$INCLUDE other.zone"',
    'a TXT ( "x"\n"$INCLUDE other.zone" )',
    'a TXT ( x\n$INCLUDE )',
    '; $INCLUDE other.zone',
    '$ORIGIN sub\nb A 192.0.2.1\n$TTL 60\n$GENERATE 1-254 host$ A 192.0.2.$',
    'a TXT "a;b" ; "comment\nb TXT (x ; (\n )',
    'a TXT "\\"" \\" \\; \\(',
    '\ufeff; with a mark',
  ])('with %j may be compiled', (text) => {
    expect(checkZoneFile(plainLines(head + text))).toEqual([]);
  });

  test.each([
    ['a TXT "open\n$INCLUDE other.zone', 'line 4', 'want a closing quote on the same line'],
    ['a TXT "open\\\n$INCLUDE other.zone"', 'line 4', 'want a closing quote on the same line'],
    ['a TXT (\n$INCLUDE other.zone', 'line 6', 'want ")" before the end'],
    ['a TXT )', 'line 4', 'want "(" before ")"'],
    ['a TXT x\\\n$INCLUDE other.zone', 'line 4', 'want no \\ at the end of a line'],
    ['a TXT x\r$INCLUDE other.zone', 'line 4', 'want no control characters but tabs and line ends'],
    ['a TXT "x\0"', 'line 4', 'want a closing quote on the same line'],
    ['; x\x0b', 'line 4', 'want no control characters but tabs and line ends'],
  ])('with %j is refused, for BIND might read other lines than we do', (text, path, problem) => {
    expect(checkZoneFile(plainLines(head + text))).toContainEqual({ path, problem });
  });

  test('must not generate millions of records', () => {
    expect(checkZoneFile('$GENERATE 0-4294967295 a$ A 192.0.2.1\n')).toEqual([
      {
        path: '$GENERATE',
        problem: 'want at most 1000000 generated records, got 4294967296',
      },
    ]);
    expect(checkZoneFile('$generate 0-4294967295/65536 a$ A 192.0.2.1\n')).toEqual([]);
  });

  test('of a megabyte is looked through in no time', () => {
    const text = 'host TXT ( "some text" ; remark\n  "and more" )\n'.repeat(25_000);
    const start = performance.now();
    expect(checkZoneFile(text)).toEqual([]);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('what BIND would include', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'zone-file-'));
    writeFileSync(join(folder, 'secret'), 'leaked TXT "leaked"\n');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const piece = fc.constantFrom(
    ...['$INCLUDE', '$include', 'secret', '"', '\\', '(', ')', ';', ' ', '\t', '\n', '\r', '\r\n'],
    ...[
      '"$INCLUDE"',
      '\n$INCLUDE secret\n',
      '\n$INCLUDE secret',
      ' secret\n',
      '\n$INCLUDE ',
      'a TXT ',
      '$TTL 5',
      '$ORIGIN x',
      '@',
      '\x0c',
      '\x0b',
    ],
  );

  test('never gets past the check, however it is dressed up', () => {
    let included = 0;
    let passed = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 14 }), (pieces) => {
        const text = plainLines(head + pieces.join(''));
        const ran = spawnSync(
          'named-compilezone',
          ['-k', 'ignore', '-i', 'none', '-o', '-', '-w', folder, 'example.com', '-'],
          { input: text, encoding: 'utf8' },
        );
        const opened = /leaked|secret:|file not found/.test(ran.stdout + ran.stderr);
        const refused = checkZoneFile(text).length > 0;
        if (opened) included += 1;
        if (!refused) passed += 1;
        return refused || !opened;
      }),
      { numRuns: 250, seed: 20_261_121 },
    );
    // The attempts are worth something only if some would have succeeded, and some were let pass.
    expect(included).toBeGreaterThan(15);
    expect(passed).toBeGreaterThan(5);
  });
});

describe('the data of one record', () => {
  test.each(['192.0.2.1', '"a b" "c;d"', '1 1 ( AABB CCDD )', 'a\\;b', '\\# 4 01020304'])(
    'may be %s',
    (data) => {
      expect(whyNotOneRecord(data)).toBeUndefined();
    },
  );

  test.each([
    ['', 'want record data'],
    ['  ', 'want record data'],
    ['"a', 'closing quote'],
    ['( a', 'want ")"'],
    ['a )', 'want "("'],
    ['a ; b', 'got a comment'],
    ['a\nb A 192.0.2.1', 'control character'],
    ['a\r', 'control character'],
    ['a\\', 'want no \\'],
    ['a\0', 'control character'],
  ])('may not be %j', (data, why) => {
    expect(whyNotOneRecord(data)).toContain(why);
  });
});
