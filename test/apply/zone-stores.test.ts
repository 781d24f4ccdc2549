import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lastUsed, prepareNext, removeOthers, storeIn } from '../../agent/apply/zone-stores.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'bind9-agent-stores-'));
});
afterEach(() => rm(root, { recursive: true }));

const confWith = (folder: string): string =>
  `options {\n\tallow-new-zones yes;\n\tnew-zones-directory "${folder}";\n};\n`;

/** As named leaves it. */
function useDatabase(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '_default.nzd'), 'x');
}

test('the store in use is the one that the configuration names', async () => {
  expect(await storeIn(confWith(root), root)).toEqual({ root, number: 0 });
  expect(await storeIn(confWith(join(root, '12')), root)).toEqual({ root, number: 12 });
});

test.each(['/elsewhere', '/elsewhere/3'])(
  'a configuration that names %s names none of ours',
  async (folder) => {
    expect(await storeIn(confWith(folder), root)).toEqual({ root, number: 0 });
  },
);

test('without a configuration it is the newest that named has worked from', async () => {
  expect(await storeIn(undefined, root)).toEqual({ root, number: 0 });
  expect(await lastUsed(root)).toBeUndefined();
  useDatabase(root);
  useDatabase(join(root, '9'));
  useDatabase(join(root, '10'));
  await prepareNext({ root, number: 10 }, 'zone "a" { };\n');
  expect(await storeIn(undefined, root)).toEqual({ root, number: 10 });
});

test('the next store has a place of its own, whatever a killed run has left', async () => {
  useDatabase(join(root, '3'));
  const next = await prepareNext({ root, number: 0 }, 'zone "a" { };\n');
  expect(next).toEqual({ root, number: 4 });
  expect(readFileSync(join(root, '4', '_default.nzf'), 'utf8')).toBe('zone "a" { };\n');
});

test('of all stores only the one in use stays, and what is none of them', async () => {
  useDatabase(root);
  for (const name of ['1', '2', '3', 'lost+found']) useDatabase(join(root, name));
  await removeOthers({ root, number: 2 });
  const left = ['_default.nzd', '1', '2', '3', 'lost+found'].filter((name) =>
    existsSync(join(root, name)),
  );
  expect(left).toEqual(['2', 'lost+found']);
});
