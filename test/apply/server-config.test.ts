import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ServerConfig } from '../../agent/apply/server-config.ts';
import { run } from '../../agent/process.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'server-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const newRun = () => new ServerConfig({ run, folder, checkconf: 'named-checkconf' });
const publish = (server: ServerConfig, recursion: string) =>
  server.publish(() => new Map([['named.conf', `options { recursion ${recursion}; };\n`]]));
const current = (): string => readlinkSync(join(folder, '..data'));

/** Publishes three versions, of which named took the first alone. */
async function thirdUntold(): Promise<{ readonly taken: string; readonly third: string }> {
  const server = newRun();
  expect(await publish(server, 'no')).toEqual({ kind: 'published' });
  const taken = (await server.noteTaken()) ?? expect.fail('nothing was taken');
  expect(await publish(server, 'yes')).toEqual({ kind: 'published' });
  await server.publish(() => new Map([['named.conf', 'options { version none; };\n']]));
  return { taken, third: current() };
}

test('goes back to what named took last, in another run of the agent too', async () => {
  const { taken, third } = await thirdUntold();
  const server = newRun();
  await server.recall(taken, undefined);
  expect(await server.rollBack('no')).toEqual({ version: third, why: 'no' });
  expect(current()).toBe(taken);
  expect(await server.isTaken()).toBe(true);
  expect(await server.rollBack('again')).toBeUndefined();
});

test('what named refused is not published again, nor left in use, until it is to be tried again', async () => {
  const { taken, third } = await thirdUntold();
  const server = newRun();
  await server.recall(taken, { version: third, why: 'no such key' });
  const again = () =>
    server.publish(() => new Map([['named.conf', 'options { version none; };\n']]));
  expect(await again()).toEqual({ kind: 'refused', why: 'no such key' });
  expect(current()).toBe(taken);
  server.retry();
  expect(await again()).toEqual({ kind: 'published' });
  expect(current()).toBe(third);
});

test('what its checker refuses is not published, and what was published before stays', async () => {
  const { third } = await thirdUntold();
  const server = newRun();
  expect(await publish(server, 'maybe')).toMatchObject({ kind: 'refused', why: /maybe/ });
  expect(current()).toBe(third);
});

test('where nothing is left of what named took, what it refused is tried again', async () => {
  const { taken, third } = await thirdUntold();
  rmSync(join(folder, taken), { recursive: true });
  const server = newRun();
  await server.recall(taken, { version: third, why: 'no' });
  expect(await publish(server, 'yes')).toEqual({ kind: 'published' });
});
