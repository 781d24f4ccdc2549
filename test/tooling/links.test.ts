import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const pages = ['README.md', ...globSync('docs/**/*.md', { cwd: root })].sort();
const text = (page: string): string => readFileSync(join(root, page), 'utf8');

/** What is shown as it is: a link in there is none, and a `#` no heading. Indented blocks too, as README has them. */
const withoutCode = (markdown: string): string =>
  markdown
    .replace(/^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1$/gm, '')
    .replace(/^ {4,}[^\n]*$/gm, '')
    .replace(/`[^`\n]*`/g, (code) => `\`${'x'.repeat(Math.max(0, code.length - 2))}\``);

/** Targets of `[…](target)` and `[name]: target`, without those of other sites. */
function linksOf(markdown: string): string[] {
  const prose = withoutCode(markdown);
  const inline = [...prose.matchAll(/\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)\)/g)];
  const named = [...prose.matchAll(/^\[[^\]]+\]:\s+(\S+)/gm)];
  return [...inline, ...named]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target));
}

/** As GitHub makes them: lower case, no punctuation, hyphens for blanks, a number where one is there already. */
function anchorsOf(markdown: string): Set<string> {
  const fences = markdown.replace(/^(`{3,}|~{3,})[^\n]*\n[\s\S]*?^\1$/gm, '');
  const anchors = new Set<string>();
  for (const [, heading = ''] of fences.matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)) {
    const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[`*]/g, '');
    const slug = plain
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** What is wrong with a link on a page; undefined: nothing. */
function problemOf(page: string, target: string): string | undefined {
  const [path = '', anchor] = target.split('#', 2);
  const file = path === '' ? page : relative(root, resolve(root, dirname(page), decodeURI(path)));
  if (file.startsWith('..')) return `${page}: ${target} leads out of the repository`;
  if (!existsSync(join(root, file))) return `${page}: ${target}: there is no ${file}`;
  if (anchor === undefined || !file.endsWith('.md') || statSync(join(root, file)).isDirectory())
    return undefined;
  return anchorsOf(text(file)).has(anchor)
    ? undefined
    : `${page}: ${target}: ${file} has no heading #${anchor}`;
}

test('every link in README.md and docs/ leads to a file, and to a heading, that is there', () => {
  const problems = pages.flatMap((page) =>
    linksOf(text(page)).flatMap((target) => problemOf(page, target) ?? []),
  );
  expect(problems).toEqual([]);
});

test('every page of docs/ is in its index, or in a page that is', () => {
  const reached = new Set(['README.md']);
  for (const page of reached)
    for (const target of linksOf(text(page))) {
      const path = target.split('#', 1)[0] ?? '';
      const file = relative(root, resolve(root, dirname(page), path));
      if (path.endsWith('.md')) reached.add(file);
    }
  expect(pages.filter((page) => !reached.has(page))).toEqual([]);
});

test('a link that leads nowhere is found, one in an example is none', () => {
  const page = ['[a](nowhere.md) [b](README.md#nowhere)', '```', '[c](example.md)', '```'];
  expect(linksOf(page.join('\n'))).toEqual(['nowhere.md', 'README.md#nowhere']);
  expect(problemOf('README.md', 'nowhere.md')).toBe(
    'README.md: nowhere.md: there is no nowhere.md',
  );
  expect(problemOf('docs/http.md', '#nowhere')).toContain('has no heading #nowhere');
});

test('anchors are those of GitHub', () => {
  const page = ['# At `GET /zones`, twice', '## A & B', '## A & B', '```', '# no heading', '```'];
  expect([...anchorsOf(page.join('\n'))]).toEqual(['at-get-zones-twice', 'a--b', 'a--b-1']);
});
