import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { run } from '../../agent/process.ts';
import { until } from '../rig/until.ts';

const sh = (script: string, options: Partial<Parameters<typeof run>[2]> = {}) =>
  run('sh', ['-c', script], { timeoutMs: 5000, ...options });

describe('a program', () => {
  test('that ends well gives its output as it wrote it', async () => {
    expect(await sh('cat; echo " two" >&2', { input: 'één\n\n' })).toEqual({
      ok: true,
      stdout: 'één\n\n',
      stderr: ' two\n',
    });
  });

  test('that ends badly says how, with its output and its last words', async () => {
    expect(await sh('echo out; echo first >&2; echo last >&2; exit 3')).toEqual({
      ok: false,
      why: 'exit',
      exitCode: 3,
      stdout: 'out\n',
      stderr: 'first\nlast\n',
      message: 'sh exited with code 3: last',
    });
  });

  test('that is not there, or whose folder is not there, is named', async () => {
    expect(await run('/nowhere/rndc', ['status'], { timeoutMs: 1000 })).toMatchObject({
      why: 'not-found',
      message: 'rndc was not found: /nowhere/rndc',
    });
    expect(await sh('true', { cwd: '/nowhere' })).toMatchObject({
      why: 'not-found',
      message: 'sh was not found: sh (or its working folder /nowhere is missing)',
    });
  });

  test('that cannot be run is a failure, and never an exception', async () => {
    expect(await run('/etc/passwd', [], { timeoutMs: 1000 })).toMatchObject({ why: 'failed' });
    const secret = await run('sh', ['secret\0'], { timeoutMs: 1000 });
    expect(secret).toMatchObject({ why: 'failed' });
    expect(JSON.stringify(secret)).not.toContain('secret');
  });

  test('that does not end in time is ended, with what it started', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'process-'));
    try {
      const script = `sleep 60 & echo $! > ${folder}/pid; wait`;
      expect(await sh(script, { timeoutMs: 200 })).toMatchObject({
        ok: false,
        why: 'timeout',
        message: 'sh did not end within 200 ms and was stopped',
      });
      const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
      await until(() => !isRunning(pid));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('that does not mind SIGTERM is killed', async () => {
    expect(await sh('trap "" TERM; sleep 60; sleep 60', { timeoutMs: 100 })).toMatchObject({
      why: 'timeout',
    });
  });

  test('that is called off is ended, or not even started', async () => {
    const off = new AbortController();
    const running = sh('sleep 60', { signal: off.signal });
    off.abort();
    expect(await running).toMatchObject({ why: 'aborted' });
    expect(await sh('sleep 60', { signal: off.signal })).toMatchObject({ why: 'aborted' });
  });

  test('that says too much is ended', async () => {
    expect(await sh('yes', { maxOutput: 1000 })).toMatchObject({ why: 'failed' });
  });

  test('that dies by a signal says which', async () => {
    expect(await sh('kill -KILL $$')).toMatchObject({
      why: 'failed',
      message: 'sh was ended by SIGKILL',
    });
  });

  test('that does not read its input is not a failure', async () => {
    expect(await run('true', [], { timeoutMs: 5000, input: 'x'.repeat(5e6) })).toMatchObject({
      ok: true,
    });
  });

  test('gets an open file where one is handed over', async () => {
    const file = openSync('/etc/hostname', 'r');
    try {
      expect(await sh('cat <&3', { handOver: file })).toMatchObject({
        stdout: readFileSync('/etc/hostname', 'utf8'),
      });
    } finally {
      closeSync(file);
    }
  });
});

function isRunning(pid: number): boolean {
  try {
    // A zombie that nobody has waited for is still signalled without an error.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
