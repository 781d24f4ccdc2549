import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { declarations } from '../agent/options/declarations.ts';
import { exampleFile, referencePage } from '../agent/options/reference.ts';

/** Every file of the repository that is made from a source, by its path. */
export const generatedFiles: readonly (readonly [path: string, make: () => string])[] = [
  ['docs/options.md', () => referencePage(declarations)],
  ['config/agent.example.yaml', () => exampleFile(declarations)],
];

const root = resolve(import.meta.dirname, '..');

function written(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

/** Paths of the generated files that are not what their source makes now. */
export const outdatedFiles = (): string[] =>
  generatedFiles.filter(([path, make]) => written(path) !== make()).map(([path]) => path);

/** Tells which generated files are out of date (exit code 1), or with `--write` writes them. */
function main(write: boolean): void {
  const outdated = outdatedFiles();
  for (const path of outdated) {
    if (write)
      writeFileSync(join(root, path), generatedFiles.find(([p]) => p === path)?.[1]() ?? '');
    console.error(write ? `wrote ${path}` : `${path} is out of date: npm run check -- --write`);
  }
  process.exitCode = outdated.length > 0 && !write ? 1 : 0;
}

if (import.meta.main) main(process.argv.includes('--write'));
