import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WatchedFile } from '../../agent/observe/watched-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watched-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('reads once at a time, and once more for all who asked meanwhile', async () => {
  // A pipe keeps its readers waiting until somebody writes.
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const texts: (string | undefined)[] = [];
  const failed = (error: unknown): void => {
    throw error;
  };
  const file: WatchedFile = new WatchedFile(path, () => texts.push(file.text), failed);
  const first = file.read();
  await writeFile(path, 'old');
  const others = [file.read(), file.read(), file.read()];
  await first;
  await writeFile(path, 'new');
  await Promise.all(others);
  expect(texts).toEqual(['old', 'new']);
});
