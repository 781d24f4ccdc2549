import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import { ConfFiles } from '../../agent/observe/conf-files.ts';
import { WatchedConf } from '../../agent/observe/watched-conf.ts';
import { run } from '../../agent/process.ts';
import { until } from '../rig/until.ts';

let folder: string;
let main: string;
let stop: () => Promise<void>;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watched-conf-'));
  main = join(folder, 'named.conf');
  stop = async () => undefined;
});
afterEach(async () => {
  await stop();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** A file that tells by an ACL that it was read. */
const told = (name: string): string => `acl "${basename(name)}" { 192.0.2.1; };\n`;

test('finds the files that named itself reads', async () => {
  const read = ['a.conf', 'sub/b.conf', 'sub/c.conf', 'many/1.conf', 'many/2.conf', 'x/in.conf'];
  const unread = ['many/.3.conf', 'many/4.txt', 'many/z5.conf', 'comment.conf', 'y/in.conf'];
  for (const name of [...read, ...unread]) write(name, told(name));
  write('sub/b.conf', `${told('b.conf')} INCLUDE "c.conf"; // relative to the directory\n`);
  write('options.conf', `recursion no; include "${folder}/more.conf";\n`);
  write('more.conf', 'version none;');
  write('zone.conf', 'type primary; file "/dev/null";');
  write(
    'named.conf',
    `include "${folder}/a.conf"; /* include "${folder}/comment.conf"; */
     # include "${folder}/comment.conf";
     options { directory "${folder}/sub"; include "${folder}/options.conf"; };
     include "b.conf"; include "../many/[!z]*.conf"; include "${folder}/?/in.conf";
     zone "x.example" { include "${folder}/zone.conf"; };`,
  );
  rmSync(join(folder, 'y'), { recursive: true });
  const printed = await run('named-checkconf', ['-p', main], { timeoutMs: 5000 });
  const acls = [...printed.stdout.matchAll(/^acl "([^"]+)"/gm)].map(([, name]) => name);
  expect(acls.sort()).toEqual(read.map((name) => basename(name)).sort());
  const { files } = await new ConfFiles(main, () => false).look();
  const all = [...read, 'named.conf', 'options.conf', 'more.conf', 'zone.conf'];
  expect([...files].sort()).toEqual(all.map((name) => join(folder, name)).sort());
});

/** Watches the configuration; tells how often it was said to have changed. */
async function watched(isOurs: (path: string) => boolean = () => false): Promise<() => number> {
  const conf = new WatchedConf(main, isOurs);
  const ending = new AbortController();
  let changes = 0;
  const failed = (error: Error): void => {
    throw error;
  };
  const watching = conf.watch(
    { changed: () => (changes += 1), failed },
    systemClock,
    ending.signal,
  );
  stop = async () => {
    ending.abort();
    await watching;
  };
  // The watch has begun.
  await until(() => changes > 0);
  return () => changes;
}

test.each([
  ['the file itself', () => write('named.conf', '// other')],
  [
    'an included file',
    () => write('deep/one.conf', `// other\ninclude "${folder}/deep/two.conf";`),
  ],
  ['a file that is included by an included file', () => write('deep/two.conf', '// other')],
  ['a file that comes where one is missing', () => write('missing/three.conf', '// other')],
  ['a file that a pattern fits', () => write('many/new.conf', '// other')],
  ['a file of a pattern that goes', () => rmSync(join(folder, 'many/old.conf'))],
  ['a folder that a pattern fits', () => write('dirs/b/four.conf', '// other')],
  ['what a link leads to', () => write('elsewhere/five.conf', '// other')],
])('notices at once: %s', async (_, change) => {
  write('deep/one.conf', `include "${folder}/deep/two.conf";`);
  write('deep/two.conf', '');
  write('many/old.conf', '');
  write('dirs/a/four.conf', '');
  write('elsewhere/five.conf', '');
  symlinkSync(join(folder, 'elsewhere/five.conf'), join(folder, 'link.conf'));
  const includes = [
    'deep/one.conf',
    'missing/three.conf',
    'many/*.conf',
    'dirs/*/four.conf',
    'link.conf',
  ];
  write('named.conf', includes.map((name) => `include "${folder}/${name}";`).join('\n'));
  const changes = await watched();
  const before = changes();
  change();
  await until(() => changes() > before, { withinMs: 3000 });
});

test('notices what is included only since a change', async () => {
  write('later/one.conf', '');
  write('named.conf', '');
  const changes = await watched();
  const before = changes();
  write('named.conf', `include "${folder}/later/one.conf";`);
  await until(() => changes() > before, { withinMs: 3000 });
  const included = changes();
  write('later/one.conf', '// other');
  await until(() => changes() > included, { withinMs: 3000 });
});

test('is not moved by other files of the folders, nor by what the agent itself makes of the configuration', async () => {
  const publish = (version: string): void => {
    write(`agent/..${version}/keys.conf`, `// ${version}`);
    symlinkSync(`..${version}`, join(folder, 'agent/..next'));
    renameSync(join(folder, 'agent/..next'), join(folder, 'agent/..data'));
  };
  publish('one');
  symlinkSync('..data/keys.conf', join(folder, 'agent/keys.conf'));
  write('named.conf', `include "${folder}/agent/keys.conf"; include "${folder}/many/*.conf";`);
  const changes = await watched((path) => /\/\.\.(one|two)\//.test(path));
  const before = changes();
  for (let round = 0; round < 20; round += 1) {
    write('many/noise.txt', String(round));
    write('noise.log', String(round));
    write('agent/noise.conf', String(round));
  }
  publish('two');
  // What comes after it is noticed, and alone.
  for (const round of [1, 2]) {
    write(`many/real-${round}.conf`, '');
    await until(() => changes() >= before + round, { withinMs: 3000 });
    expect(changes()).toBe(before + round);
  }
});
