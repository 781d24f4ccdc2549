import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ci-run-'));
  cpSync(join(root, '.ci'), join(folder, '.ci'), { recursive: true });
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Runs .ci/run with an npm that says and does what is given, from some other folder. */
function ciRun(npm: string): { readonly last: string; readonly exitCode: number | null } {
  writeFileSync(join(folder, 'npm'), `#!/bin/sh\n${npm}\n`);
  chmodSync(join(folder, 'npm'), 0o755);
  const { stdout, status } = spawnSync(join(folder, '.ci/run'), {
    cwd: tmpdir(),
    encoding: 'utf8',
    env: { PATH: `${folder}:${process.env['PATH']}` },
  });
  return { last: stdout.trimEnd().split('\n').at(-1) ?? '', exitCode: status };
}

test('succeeds when tests passed and none failed', () => {
  const ran = ciRun('echo "> header"; echo "12 passed, 0 failed"');
  expect(ran).toEqual({ last: '12 passed, 0 failed', exitCode: 0 });
});

test('asks npm for the tests, strictly, in the repository', () => {
  const ran = ciRun(
    '[ "$CI" = true ] && [ "$1" = test ] && [ -x .ci/run ] && echo "1 passed, 0 failed"',
  );
  expect(ran).toEqual({ last: '1 passed, 0 failed', exitCode: 0 });
});

test('fails when a test failed, and keeps the count as the last line', () => {
  const ran = ciRun('echo "12 passed, 1 failed"; echo "npm error Test failed." >&2; exit 1');
  expect(ran).toEqual({ last: '12 passed, 1 failed', exitCode: 1 });
});

test('fails when there was no test', () => {
  expect(ciRun('echo "0 passed, 0 failed"')).toEqual({ last: '0 passed, 0 failed', exitCode: 1 });
});

test('fails with a count when the run broke before it had one', () => {
  expect(ciRun('echo broken; exit 1')).toEqual({ last: '0 passed, 1 failed', exitCode: 1 });
  expect(ciRun('echo broken')).toEqual({ last: '0 passed, 1 failed', exitCode: 1 });
});

test('fails when npm does, whatever the count says', () => {
  expect(ciRun('echo "3 passed, 0 failed"; exit 7')).toEqual({
    last: '3 passed, 0 failed',
    exitCode: 7,
  });
});
