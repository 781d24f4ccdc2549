import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
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

test('tells what is wrong with its arguments and exits 2', async () => {
  const wrong = run(process.execPath, [main, '--zones', '0']);
  await expect(wrong).rejects.toMatchObject({ code: 2, stderr: '--zones: want 1-1000, got "0"\n' });
});
