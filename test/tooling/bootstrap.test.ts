import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

// Each test starts linters, compilers and test runs of its own.
vi.setConfig({ testTimeout: 60_000 });
const shared = [
  'biome.json',
  '.gitignore',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'vitest.config.ts',
  'test/bootstrap.mjs',
  'test/lint',
  'test/tally.ts',
];

let folder = '';

/** A small repository with our tooling, and nothing in it to check or test yet. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bootstrap-'));
  for (const path of shared) cpSync(join(root, path), join(folder, path), { recursive: true });
  mkdirSync(join(folder, '.git'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  put('test/generate.ts', 'export const nothing = 0;\n');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const put = (path: string, text: string): void => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};

const testFile = (body: string): string => `import { expect, test } from 'vitest';\n\n${body}\n`;

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function bootstrap(args: readonly string[], environment = {}): Promise<Ran> {
  const child = spawn(process.execPath, ['test/bootstrap.mjs', ...args], {
    cwd: folder,
    // Nothing of the run that we are part of.
    env: { PATH: process.env['PATH'], HOME: folder, NO_COLOR: '1', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exitCode = new Promise<number | null>((done) => child.on('close', done));
  const [stdout, stderr] = await Promise.all([read(child.stdout), read(child.stderr)]);
  return { exitCode: await exitCode, stdout, stderr };
}

async function read(stream: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

const lastLine = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';

const passing = `test('passes', () => expect(1).toBe(1));`;
const failing = `test('fails', () => expect(1).toBe(2));`;
const leftOut = `test('is left out', (context) => context.skip('no such machine here'));`;

test('the last line of the tests is their count, with what was left out and why above it', async () => {
  put('test/tooling/some.test.ts', testFile([passing, failing, leftOut].join('\n')));
  const ran = await bootstrap(['test']);
  expect(lastLine(ran.stdout)).toBe('1 passed, 1 failed, 1 skipped');
  expect(ran.stderr).toContain(
    'left out:\n  test/tooling/some.test.ts > is left out: no such machine here\n',
  );
  expect(ran.exitCode).toBe(1);
});

test('what is left out may be left out, but not with --strict and not in CI', async () => {
  put('test/tooling/some.test.ts', testFile([passing, leftOut].join('\n')));
  const [lenient, strict, inCi] = await Promise.all([
    bootstrap(['test']),
    bootstrap(['test', '--strict']),
    bootstrap(['test'], { CI: 'true' }),
  ]);
  expect([lastLine(lenient.stdout), lenient.exitCode]).toEqual([
    '1 passed, 0 failed, 1 skipped',
    0,
  ]);
  expect([lastLine(strict.stdout), strict.exitCode]).toEqual(['1 passed, 1 failed', 1]);
  expect([lastLine(inCi.stdout), inCi.exitCode]).toEqual(['1 passed, 1 failed', 1]);
});

test('what passed only when it was tried again is told', async () => {
  const shaky = `let tries = 0;\ntest('is shaky', { retry: 1 }, () => expect(++tries).toBe(2));`;
  put('test/tooling/some.test.ts', testFile([passing, shaky].join('\n')));
  const ran = await bootstrap(['test']);
  expect(lastLine(ran.stdout)).toBe('2 passed, 0 failed');
  expect(ran.stderr).toContain(
    'passed only when tried again:\n  test/tooling/some.test.ts > is shaky\n',
  );
});

test('a file that does not load, a hook that fails and an error nobody caught are failures', async () => {
  put('test/tooling/some.test.ts', testFile(passing));
  put('test/tooling/broken.test.ts', `throw new Error('at load');\n`);
  put(
    'test/tooling/hook.test.ts',
    `import { beforeAll, test } from 'vitest';\n\nbeforeAll(() => {\n  throw new Error('in a hook');\n});\ntest('never gets there', () => undefined);\n`,
  );
  put(
    'test/tooling/uncaught.test.ts',
    `import { test } from 'vitest';\n\ntest('passes all the same', () => {\n  void Promise.reject(new Error('uncaught'));\n});\n`,
  );
  const ran = await bootstrap(['test']);
  expect(lastLine(ran.stdout)).toMatch(/^2 passed, 3 failed/);
  expect(ran.exitCode).toBe(1);
});

test('a failed check is a failure beside the tests', async () => {
  put('test/tooling/some.test.ts', testFile(passing));
  put('test/untidy.ts', `export const untidy: number = "text"\n`);
  const ran = await bootstrap(['test']);
  expect(ran.stderr).toContain('check failed: biome, tsc');
  expect([lastLine(ran.stdout), ran.exitCode]).toEqual(['1 passed, 2 failed', 1]);
});

test('no test at all is a failure', async () => {
  const ran = await bootstrap(['test']);
  expect(lastLine(ran.stdout)).toMatch(/^0 passed, [1-9]\d* failed$/);
  expect(ran.exitCode).toBe(1);
});

test('packages are installed when they are missing, without noise and away from standard output', async () => {
  unlinkSync(join(folder, 'node_modules'));
  put(
    'npm.js',
    `const { symlinkSync, writeFileSync } = require('node:fs');
console.error('npm warn EBADENGINE Unsupported engine');
console.error('npm warn something else');
console.log('added 212 packages');
writeFileSync('asked.txt', process.argv.slice(2).join(' '));
symlinkSync(${JSON.stringify(join(root, 'node_modules'))}, 'node_modules');
`,
  );
  put('package.json', '{}');
  put('test/build.ts', `process.stdout.write('built\\n');\n`);
  const npm = { npm_execpath: join(folder, 'npm.js') };
  const first = await bootstrap(['build'], npm);
  expect(first).toMatchObject({ exitCode: 0, stdout: 'built\n' });
  expect(first.stderr).toContain('npm ci (node_modules is missing)\n');
  expect(first.stderr).toContain('added 212 packages');
  expect(first.stderr).toContain('npm warn something else');
  expect(first.stderr).not.toContain('EBADENGINE');
  const second = await bootstrap(['build'], npm);
  expect(second).toEqual({ exitCode: 0, stdout: 'built\n', stderr: '' });
});

test('a command that does not exist is told, with those that do', async () => {
  const ran = await bootstrap(['tset']);
  expect(ran).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: 'usage: node test/bootstrap.mjs demo|dev|check|test|bench|build [arguments]\n',
  });
});
