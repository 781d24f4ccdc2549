import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { run } from '../../agent/process.ts';
import type { OneNode } from './node.ts';

const root = resolve(import.meta.dirname, '..', '..');

/** The commands of a section of the page, as printed: lines that stand four spaces in. */
export function commandsUnder(heading: string, page = 'install.md'): string[] {
  const text = readFileSync(join(root, 'docs', page), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('    '))
    .map((line) => line.trim());
}

/** Types the commands into a shell that stands in the clone and has kubectl. Returns what it printed; throws at the first that fails. */
export async function type(node: OneNode, commands: readonly string[]): Promise<string> {
  const programs = join(node.folder, 'programs');
  mkdirSync(programs, { recursive: true });
  const kubectl = join(programs, 'kubectl');
  const config = node.plane.adminKubeconfig;
  writeFileSync(
    kubectl,
    `#!/bin/sh\nexec '${node.binaries}/kubectl' --kubeconfig='${config}' "$@"\n`,
  );
  chmodSync(kubectl, 0o755);
  mkdirSync(join(node.folder, '.kube'), { recursive: true });
  copyFileSync(config, join(node.folder, '.kube', 'config'));
  const path = [programs, process.env['PATH'], '/usr/sbin'].join(delimiter);
  const input = ['set -euxo pipefail', ...commands, ''].join('\n');
  const shell = ['-i', `HOME=${node.folder}`, `PATH=${path}`, 'bash', '-O', 'expand_aliases'];
  const ran = await run('env', shell, { cwd: root, input, timeoutMs: 600_000 });
  if (ran.ok) return ran.stdout;
  throw new Error(`${ran.message}\n${ran.stderr}\n${ran.stdout}`);
}
