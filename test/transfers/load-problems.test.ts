import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { LoadProblems } from '../../agent/pod/load-problems.ts';

const zone = 'broken.example.' as DomainName;
const problem = { kind: 'load-problem', zone, at: 5000, detail: 'no NS' } as const;

test('tells why a zone was not loaded to whoever has just asked for it, until it is loaded', () => {
  const problems = new LoadProblems({ monotonic: () => 0 });
  problems.note(problem);
  expect(problems.since(zone, 5000)).toBe('no NS');
  expect(problems.since(zone, 6000)).toBeUndefined();
  problems.note({ kind: 'loaded', zone, at: 5500, serial: 7 });
  expect(problems.since(zone, 5000)).toBeUndefined();
});

test('what named has said of a zone long ago is forgotten', () => {
  let now = 0;
  const problems = new LoadProblems({ monotonic: () => now });
  problems.note(problem);
  now = 60_000;
  expect(problems.since(zone, 0)).toBeUndefined();
});
