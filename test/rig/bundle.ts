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
  return { file: '/usr/bin/env', args: [...(await imageEnvironment()), process.execPath, bundle] };
}

/** `NAME=value`, as the image's start script sets it. */
async function imageEnvironment(): Promise<string[]> {
  const script = await readFile(join(root, 'images', 'agent', 'bind9-agent'), 'utf8');
  const line = /^export (.*)$/m.exec(script)?.[1];
  if (line === undefined) throw new Error('the start script of the image sets nothing');
  return line.split(' ');
}

async function newestSource(): Promise<number> {
  const files = await readdir(join(root, 'agent'), { recursive: true });
  const times = await Promise.all(files.map((file) => changed(join(root, 'agent', file))));
  return Math.max(...times, await changed(join(root, 'package-lock.json')));
}

const changed = async (file: string): Promise<number> => (await stat(file)).mtimeMs;
