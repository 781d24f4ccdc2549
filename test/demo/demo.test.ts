import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { until } from '../rig/until.ts';
import type { Figures } from './story.ts';

const run = promisify(execFile);
const main = join(import.meta.dirname, 'main.ts');

test('runs unattended, verifies everything over DNS and prints one JSON object', async () => {
  const started = performance.now();
  const { stdout } = await run(process.execPath, [main, '--zones', '5', '--json', '--exit']);
  const figures = JSON.parse(stdout) as Figures;
  expect(Object.keys(figures)).toEqual([
    'zones',
    'createMs',
    'changeMs',
    'healSecondaryMs',
    'healPrimaryMs',
    'transfers',
    'ok',
  ]);
  expect(figures).toMatchObject({ zones: 5, ok: true });
  expect(performance.now() - started).toBeLessThan(60_000);
}, 70_000);

test('what it tells to type at its end can be typed', async () => {
  const demo = spawn(process.execPath, [main, '--zones', '5']);
  let told = '';
  demo.stdout.on('data', (text) => {
    told += String(text);
  });
  try {
    await until(() => told.includes('Ctrl-C ends everything'), { withinMs: 60_000 });
    const command = /^ {2}(\S+ \S+bind9-agent\.js explain .*)$/m.exec(told)?.[1];
    const { stdout } = await run('/bin/sh', ['-c', command ?? 'false']);
    expect(stdout).toContain('example.com');
  } finally {
    demo.kill('SIGINT');
    await once(demo, 'exit');
  }
}, 90_000);

test('tells what is wrong with its arguments and exits 2', async () => {
  const wrong = run(process.execPath, [main, '--zones', '0']);
  await expect(wrong).rejects.toMatchObject({ code: 2, stderr: '--zones: want 1-1000, got "0"\n' });
});
