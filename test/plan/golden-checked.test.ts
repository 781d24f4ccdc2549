import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { run } from '../../agent/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'bind9-agent-golden-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** The parts of a golden file by their titles, with the folders of the image under one of ours. */
function sectionsOf(file: string): Map<string, string> {
  const text = readFileSync(join(import.meta.dirname, 'golden', file), 'utf8');
  const [, ...parts] = text
    .replaceAll('"/etc/', `"${folder}/etc/`)
    .replaceAll('"/var/', `"${folder}/var/`)
    .split(/^--- (.+) ---\n/m);
  return new Map(
    parts.flatMap((title, i) => (i % 2 === 0 ? [[title, parts[i + 1] ?? ''] as const] : [])),
  );
}

/** Stanza and zone text of each zone that is served. */
const zonesOf = (sections: ReadonlyMap<string, string>) =>
  [...sections].flatMap(([title, text]) => {
    const zone = /^(.+)\. is (?:primary|secondary)$/.exec(title)?.[1];
    const [stanza = '', ...lines] = text.split('\n');
    return zone === undefined ? [] : [{ zone, stanza, text: lines.join('\n') }];
  });

const check = async (tool: string, args: readonly string[]) => {
  const ran = await run(tool, args, { timeoutMs: 10_000 });
  return ran.ok ? 'good' : `${ran.stdout}${ran.stderr}`;
};

describe.each(['primary-0.txt', 'secondary-0.txt'])('%s', (file) => {
  const sections = sectionsOf(file);

  test('is a configuration that named-checkconf takes, with all its zones', async () => {
    const conf = join(folder, 'etc', 'bind', 'agent');
    for (const path of [
      conf,
      join(folder, 'var', 'lib', 'bind', 'agent'),
      join(folder, 'var', 'lib', 'bind', 'nzd'),
    ])
      mkdirSync(path, { recursive: true });
    for (const [title, text] of sections)
      if (title.endsWith('.conf')) writeFileSync(join(conf, title), text);
    const zones = zonesOf(sections).map(({ zone, stanza }) => `zone "${zone}" ${stanza}\n`);
    expect(zones.length).toBeGreaterThan(1);
    const main = join(conf, 'named.conf');
    writeFileSync(main, `${sections.get('named.conf')}${zones.join('')}`);
    expect(await check('named-checkconf', [main])).toBe('good');
  });

  test('has zones that named-checkzone takes', async () => {
    for (const { zone, text } of zonesOf(sections)) {
      // What is told of the zone follows its records, as comments.
      if (!text.includes(' SOA ')) continue;
      const path = join(folder, `${zone}.zone`);
      writeFileSync(path, text);
      expect(await check('named-checkzone', [zone, path])).toBe('good');
    }
  });
});
