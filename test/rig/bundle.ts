import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Program } from './child.ts';

const run = promisify(execFile);
const root = resolve(import.meta.dirname, '..', '..');

/** How the agent is run: its bundle as in the image (built when it is missing or old), or straight from source. */
export async function agentProgram(from: 'bundle' | 'source'): Promise<Program> {
  const source = join(root, 'agent', 'main.ts');
  if (from === 'source') return { file: process.execPath, args: [source] };
  const bundle = join(root, 'dist', 'bind9-agent.js');
  if (!existsSync(bundle) || (await changed(bundle)) < (await newestSource())) {
    await run(process.execPath, [join(root, 'test', 'bootstrap.mjs'), 'build'], { cwd: root });
  }
  const { variables, flags } = await asInImage();
  // Of this machine's environment, a pod has nothing: certificates that Node.js is to trust, say, are megabytes.
  const environment = ['-i', `PATH=${process.env['PATH']}`, ...variables];
  return { file: '/usr/bin/env', args: [...environment, process.execPath, ...flags, bundle] };
}

/** What the image's start script gives Node.js: variables (`NAME=value`) and flags. */
async function asInImage(): Promise<{ readonly variables: string[]; readonly flags: string[] }> {
  const script = await readFile(join(root, 'images', 'agent', 'bind9-agent'), 'utf8');
  const words = (line: RegExp): string[] => {
    const found = line.exec(script)?.[1];
    if (found === undefined) throw new Error(`the start script of the image has no ${line}`);
    return found.split(' ');
  };
  return { variables: words(/^export (.*)$/m), flags: words(/^agent=\(node (--.*) \//m) };
}

async function newestSource(): Promise<number> {
  const files = await readdir(join(root, 'agent'), { recursive: true });
  const times = await Promise.all(files.map((file) => changed(join(root, 'agent', file))));
  return Math.max(...times, await changed(join(root, 'package-lock.json')));
}

const changed = async (file: string): Promise<number> => (await stat(file)).mtimeMs;
