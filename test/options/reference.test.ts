import { expect, test } from 'vitest';
import { declarations } from '../../agent/options/declarations.ts';
import { environmentName, flagName } from '../../agent/options/names.ts';
import { exampleFile, referencePage } from '../../agent/options/reference.ts';
import { yamlLayer } from '../../agent/options/yaml-layer.ts';
import { outdatedFiles } from '../generate.ts';

const paths = declarations.map(({ path }) => path);

test('the generated files are what their sources make now', () => {
  expect(outdatedFiles()).toEqual([]);
});

test('the example file sets nothing as it stands', () => {
  const layer = yamlLayer('agent.yaml', exampleFile(declarations), paths);
  expect(layer).toEqual({ settings: [], problems: [] });
});

test('the example file with every "#" of a setting taken away gives the defaults', () => {
  const uncommented = exampleFile(declarations).replace(/^( *)#(\w+:)/gm, '$1$2');
  const layer = yamlLayer('agent.yaml', uncommented, paths);
  expect(layer.problems).toEqual([]);
  const given = new Map(layer.settings.map(({ path, raw }) => [path, raw]));
  for (const { path, kind, fallback } of declarations) {
    if ('told' in fallback) expect(given.has(path)).toBe(false);
    else expect(kind.read(given.get(path))).toEqual({ ok: true, value: fallback.value });
  }
});

test('the reference page names every setting with its flag and variable', () => {
  const page = referencePage(declarations);
  for (const path of paths) {
    expect(page).toContain(
      `| \`${path}\`<br>\`${flagName(path)}\`<br>\`${environmentName(path)}\` |`,
    );
  }
});

test('names follow from the path', () => {
  expect(flagName('pod.labelsFile')).toBe('--pod-labels-file');
  expect(environmentName('pod.labelsFile')).toBe('BIND9_AGENT_POD_LABELS_FILE');
});

test('no two settings share a name, and every help is whole sentences', () => {
  expect(new Set(paths.map(environmentName)).size).toBe(paths.length);
  for (const { help } of declarations) expect(help).toMatch(/^[A-Z].*\.$/);
});
