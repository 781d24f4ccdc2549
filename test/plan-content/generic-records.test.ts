import { describe, expect, test } from 'vitest';
import type { CompiledZone, CompileRequest } from '../../agent/plan/content.ts';
import type { Parsed, Problem } from '../../agent/problem.ts';
import { compile, contentOf, limits, plainZone, record } from './objects.ts';

const generic = (name: string, type: string, ...data: string[]) =>
  record('DNSRecord', name, { name, type, data });

describe('records of any type', () => {
  test('are read by BIND, names in them relative to the zone', async () => {
    const { lines, problems, compiled } = await contentOf(plainZone(), [
      generic('naptr', 'NAPTR', '1 2 "u" "E2U+sip" "!^.*$!sip:a@example.com!" Sip'),
      generic('dname', 'DNAME', '@'),
      generic('svcb', 'SVCB', '1 svc.example.net. alpn=h2,h3 port=443'),
      generic('loc', 'LOC', '42 21 54 N 71 06 18 W -24m 30m'),
      generic('tlsa', 'TLSA', `3 1 1 ( ${'ab '.repeat(32)})`, `3 1 2 ${'cd'.repeat(64)}`),
      generic('unknown', 'TYPE65534', '\\# 4 01020304'),
      generic('numbered', 'TYPE1', '192.0.2.1'),
      generic('txt', 'TXT', '"a;b" "c\\"d"'),
    ]);
    expect(problems).toEqual([]);
    expect(compiled).toBe(1);
    expect(lines.slice(1)).toEqual([
      'dname.example.com. 3600 IN DNAME example.com.',
      'loc.example.com. 3600 IN LOC 42 21 54.000 N 71 6 18.000 W -24.00m 30m 10000m 10m',
      'naptr.example.com. 3600 IN NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:a@example.com!" sip.example.com.',
      'numbered.example.com. 3600 IN A 192.0.2.1',
      'svcb.example.com. 3600 IN SVCB 1 svc.example.net. alpn="h2,h3" port=443',
      expect.stringMatching(/^tlsa\.example\.com\. 3600 IN TLSA 3 1 1 (?:AB ?){32}$/),
      expect.stringMatching(/^tlsa\.example\.com\. 3600 IN TLSA 3 1 2 (?:CD ?){64}$/),
      'txt.example.com. 3600 IN TXT "a;b" "c\\"d"',
      'unknown.example.com. 3600 IN TYPE65534 \\# 4 01020304',
    ]);
  });

  test('do not cost each other anything when some are wrong', async () => {
    const { lines, problems } = await contentOf(plainZone(), [
      generic('a', 'A', '192.0.2.1'),
      generic('b', 'A', '192.0.2.1', '192.0.2.300'),
      generic('c', 'NOSUCH', 'x'),
      generic('d', 'SOA', '. . 1 1 1 1 1'),
      generic('e', 'ANY', '\\# 0'),
      generic('f', 'A1 A', '192.0.2.1'),
      generic('g', 'AAAA', '2001:DB8::1'),
      generic('same', 'CNAME', 'x', 'y'),
    ]);
    expect(lines.slice(1)).toEqual([
      'a.example.com. 3600 IN A 192.0.2.1',
      'g.example.com. 3600 IN AAAA 2001:db8::1',
      'same.example.com. 3600 IN CNAME x.example.com.',
    ]);
    expect([...problems].sort()).toEqual([
      'DNSRecord b spec.data[1]: want data of type A, got "192.0.2.300": near \'192.0.2.300\': bad dotted quad',
      'DNSRecord c spec.data[0]: want data of type NOSUCH, got "x": unknown RR type \'NOSUCH\'',
      'DNSRecord d spec.data[0]: want data of type SOA, got ". . 1 1 1 1 1": SOA record not at top of zone',
      expect.stringContaining('DNSRecord e spec.data[0]: want data of type ANY, got "\\\\# 0": '),
      'DNSRecord f spec.type: want a type such as SSHFP or TYPE65534, got "A1 A"',
      'DNSRecord same spec.data[1]: same.example.com CNAME is left out: want one CNAME, got y.example.com. beside x.example.com.',
    ]);
  });

  test('are found in few rounds where the compiler tells one mistake at a time', async () => {
    const many = Array.from({ length: 256 }, (_, i) =>
      generic(`r${i}`, 'A', i % 32 === 7 ? '192.0.2.999' : '192.0.2.1'),
    );
    const { lines, problems, rounds } = await contentOf(
      plainZone(),
      many,
      undefined,
      limits,
      firstProblem,
    );
    expect(lines).toHaveLength(1 + 248);
    expect(problems).toHaveLength(8);
    expect(rounds).toBeLessThan(10);
  });

  test('are told apart where the compiler names no line', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const objects = names.map((each) =>
      generic(each, 'A', each === 'd' ? '192.0.2.999' : '192.0.2.1'),
    );
    const { lines, problems } = await contentOf(plainZone(), objects, undefined, limits, noLine);
    expect(lines).toHaveLength(5);
    expect(problems).toEqual(["DNSRecord d spec.data: near '192.0.2.999': bad dotted quad"]);
  });

  test('of 10,000 objects are compiled in one go', async () => {
    const many = Array.from({ length: 10_000 }, (_, i) => generic(`r${i}`, 'A', '192.0.2.1'));
    const { lines, compiled } = await contentOf(plainZone(), many);
    expect(lines).toHaveLength(10_001);
    expect(compiled).toBe(1);
  });
});

/** As BIND 9.20 does: it stops at the first mistake. */
const firstProblem = (request: CompileRequest) => withProblems(request, (all) => all.slice(0, 1));

const noLine = (request: CompileRequest) =>
  withProblems(request, (all) => all.map(({ problem }) => ({ path: '', problem })));

async function withProblems(
  request: CompileRequest,
  change: (problems: readonly Problem[]) => Problem[],
): Promise<Parsed<CompiledZone>> {
  const result = await compile(request);
  return result.ok ? result : { ok: false, problems: change(result.problems) };
}
