import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { transferReasons, transferStates } from '../../agent/report/zone-report.ts';

const read = (path: string): string =>
  readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

const page = read('docs/reasons.md');

/** The rows of a section's tables, each as its cells; without titles. */
function rowsOf(section: string): string[][] {
  const text = page.split(`\n## ${section}\n`)[1]?.split('\n## ')[0] ?? '';
  const tables = text.matchAll(/^\|.*\|\n\|(?:---\|)+\n((?:\|.*\|\n?)*)/gm);
  return [...tables].flatMap(([, body = '']) =>
    body
      .trim()
      .split('\n')
      .map((row) => row.split('|').slice(1, -1)),
  );
}

/** The words that stand as code in one column of a section's tables. */
const told = (section: string, column: number): string[] =>
  rowsOf(section).flatMap((cells) =>
    [...(cells[column] ?? '').matchAll(/`(\w+)`/g)].map(([, word = '']) => word),
  );

/** What the pattern's group catches in a file of the code. */
const found = (path: string, pattern: RegExp): string[] =>
  [...withoutParts(withoutComments(read(path))).matchAll(pattern)].map(([, word = '']) => word);

const withoutComments = (code: string): string =>
  code.replace(/\/\*\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');

/** What is put into a sentence stands as "…" on the page. */
const withoutParts = (code: string): string => code.replace(/(?:\$\{[^}]*\})+/g, '…');

const sorted = (words: Iterable<string>): string[] => [...new Set(words)].sort();

test('every reason of a condition is on the page, and no other', () => {
  const judged = read('agent/report/zone-conditions.ts');
  const flags = [...judged.matchAll(/flag\([\w.]+, '(\w+)', '(\w+)'\)/g)].flatMap(([, a, b]) => [
    a ?? '',
    b ?? '',
  ]);
  const inCode = [
    ...found('agent/report/zone-conditions.ts', /\b(?:yes|no)\(\s*'(\w+)'/g),
    ...found('agent/report/zone-conditions.ts', /reason: '(\w+)'/g),
    ...flags,
    ...found('agent/observe/kubernetes/fit-status.ts', /flag\(\w+, '\w+', '(\w+)'/g),
  ];
  expect(inCode.length).toBeGreaterThan(12);
  expect(sorted(told('Conditions', 2))).toEqual(sorted(inCode));
});

test('every condition is on the page', () => {
  const types = [
    ...found('agent/report/zone-conditions.ts', /condition\('(\w+)'/g),
    ...found('agent/observe/kubernetes/zone-status.ts', /^export const [A-Z]+ = '(\w+)';/gm),
  ];
  expect(types.length).toBeGreaterThan(5);
  expect(sorted(told('Conditions', 0))).toEqual(sorted(types));
});

test('every state and every reason of a copy is on the page, and no other', () => {
  expect(sorted(told('Copies', 0))).toEqual(sorted([...transferStates, ...transferReasons]));
});

test('every reason of an Event is on the page, and no other', () => {
  const ofZones = [
    ...found('agent/report/zone-events.ts', /\b(?:normal|warning)\(\s*'(\w+)'/g),
    ...found('agent/report/zone-events.ts', /\? '(\w+)' : '\w+'/g),
    ...found('agent/report/zone-events.ts', /\? '\w+' : '(\w+)'/g),
    // The reasons of Ready, as they are.
    ...found('agent/report/zone-conditions.ts', /return no\('(\w+)'/g),
  ];
  const ofPods = found('agent/report/transition-log.ts', /#(?:warn|note)\('(\w+)'/g);
  expect(ofZones.length).toBeGreaterThan(10);
  expect(ofPods.length).toBeGreaterThan(7);
  expect(sorted(told('Events', 0))).toEqual(sorted([...ofZones, ...ofPods]));
});

test('every sentence of /readyz is on the page', () => {
  const texts = [
    ...found('agent/pod/readiness.ts', /['`]([^'`\n]* [^'`\n]*)['`]/g),
    ...found('agent/pod/first-start.ts', /#notYet: string \| undefined = '([^']+)'/g),
  ];
  // " and 3 more" is part of another sentence.
  const sentences = texts
    .map((text) => text.trim())
    .filter((text) => /^\w/.test(text) && !text.startsWith('and …'));
  expect(sentences.length).toBeGreaterThan(7);
  expect(sentences.filter((sentence) => !page.includes(`\`${sentence}\``))).toEqual([]);
});
