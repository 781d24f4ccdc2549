import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  cleanTemporary,
  draft,
  emptyTrash,
  type FileError,
  isTemporary,
  makeFolder,
  type PublishError,
  publish,
  publishAll,
  readIfPresent,
  remove,
  removeToTrash,
} from '../../agent/files.ts';
import { TransientError } from '../../agent/problem.ts';
import { asOrdinaryUser } from './ordinary-user.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'files-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);
const text = (path: string): string => readFileSync(path, 'utf8');

async function failure<E extends Error = FileError>(work: Promise<unknown>): Promise<E> {
  return work.then(
    () => Promise.reject(new Error('it did not fail')),
    (error: E) => error,
  );
}

describe('a draft', () => {
  test('leaves the file alone until it is published, and then looks newer than whatever came meanwhile', async () => {
    await publish(at('zone'), 'old');
    const next = await draft(at('zone'), 'new');
    expect(text(at('zone'))).toBe('old');
    writeFileSync(at('zone'), 'changed');
    const soon = Date.now() / 1000 + 5;
    utimesSync(at('zone'), soon, soon);
    await next.publish();
    expect(text(at('zone'))).toBe('new');
    expect(statSync(at('zone')).mtimeMs).toBeGreaterThan(soon * 1000);
    await next.discard();
    expect(readdirSync(folder)).toEqual(['zone']);
  });

  test('that is discarded leaves nothing', async () => {
    await publish(at('zone'), 'old');
    await (await draft(at('zone'), 'new')).discard();
    expect(text(at('zone'))).toBe('old');
    expect(readdirSync(folder)).toEqual(['zone']);
  });
});

describe('publishing', () => {
  test('replaces a file whole and leaves nothing beside it', async () => {
    await publish(at('zone'), 'old');
    await publish(at('zone'), 'new');
    expect(text(at('zone'))).toBe('new');
    expect(readdirSync(folder)).toEqual(['zone']);
  });

  test('gives the mode asked for, whatever the umask, and nothing to strangers otherwise', async () => {
    const umask = process.umask(0o077);
    try {
      await publish(at('key'), '', { mode: 0o644 });
      await publish(at('zone'), '');
    } finally {
      process.umask(umask);
    }
    expect(statSync(at('key')).mode & 0o777).toBe(0o644);
    expect(statSync(at('zone')).mode & 0o007).toBe(0);
  });

  test('always gives a newer time than the file before had, even one from the future', async () => {
    await publish(at('zone'), 'old');
    const ahead = Date.now() / 1000 + 3600;
    for (const seconds of [statSync(at('zone')).mtimeMs / 1000, ahead]) {
      utimesSync(at('zone'), seconds, seconds);
      const before = statSync(at('zone'), { bigint: true }).mtimeNs;
      await publish(at('zone'), 'new', { now: () => seconds * 1000 });
      expect(statSync(at('zone'), { bigint: true }).mtimeNs).toBeGreaterThan(before);
    }
  });

  test('gives a time of its own to a file that carries one', async () => {
    await publish(at('seed'), '', { mtime: Date.UTC(2026, 10, 21) });
    expect(statSync(at('seed')).mtimeMs).toBe(Date.UTC(2026, 10, 21));
  });

  test('takes names as long as the file system does', async () => {
    await publish(at('x'.repeat(255)), 'long');
    expect(text(at('x'.repeat(255)))).toBe('long');
  });

  test('names path, action and reason when the folder is missing', async () => {
    const error = await failure(publish(at('no/zone'), ''));
    expect(error).toBeInstanceOf(TransientError);
    expect(error).toMatchObject({ path: at('no/zone'), action: 'write', errno: 'ENOENT' });
    expect(error.message).toBe(
      `cannot write ${at('no/zone')}: the folder ${at('no')} is missing (ENOENT)`,
    );
  });

  test('publishes all of many that it can, and tells which it could not', async () => {
    mkdirSync(at('taken'));
    writeFileSync(at('taken/file'), '');
    const files = [...Array(100).keys()].map((i) => ({ path: at(`${i}.zone`), text: `${i}` }));
    const bad = [
      { path: at('taken'), text: '' },
      { path: at('no/zone'), text: '' },
    ];
    const error = await failure<PublishError>(publishAll([...bad, ...files]));
    expect([...error.failed.keys()].sort()).toEqual([at('no/zone'), at('taken')]);
    expect(error.message).toMatch(/^cannot write .* \(and 1 more files\)$/);
    expect(files.map(({ path }) => text(path))).toEqual(files.map(({ text }) => text));
    expect(readdirSync(folder).filter(isTemporary)).toEqual([]);
  });

  test('publishes 2,000 zones in seconds', async () => {
    const zone = 'www 300 IN A 192.0.2.1\n'.repeat(15);
    const files = [...Array(2_000).keys()].map((i) => ({ path: at(`${i}.zone`), text: zone }));
    const start = performance.now();
    await publishAll(files);
    expect(performance.now() - start).toBeLessThan(8000);
    expect(readdirSync(folder)).toHaveLength(2_000);
  });

  test('leaves the old file or the new one when the publisher is killed, and its litter is swept', async () => {
    await publish(at('zone'), 'a'.repeat(2_000_000));
    for (let round = 0; round < 8; round++) {
      const child = spawn(process.execPath, [
        join(import.meta.dirname, 'publisher.ts'),
        at('zone'),
      ]);
      await once(child.stdout, 'data');
      // Any instant will do; these differ.
      await sleep(round * 3);
      child.kill('SIGKILL');
      await once(child, 'exit');
      expect(['a', 'b'].map((letter) => letter.repeat(2_000_000))).toContain(text(at('zone')));
    }
    writeFileSync(at('.publish-0d6fdbb0-32a8-4a15-a4a7-5f1e2c3d4e5f.tmp'), 'half');
    writeFileSync(at('.publish-mine.tmp'), 'not ours');
    expect(await cleanTemporary(folder)).toBeGreaterThan(0);
    expect(readdirSync(folder).sort()).toEqual(['.publish-mine.tmp', 'zone']);
  });

  test('sweeps only what is old enough where others publish too', async () => {
    const name = '.publish-0d6fdbb0-32a8-4a15-a4a7-5f1e2c3d4e5f.tmp';
    writeFileSync(at(name), '');
    expect(await cleanTemporary(folder, Date.now() - 60_000)).toBe(0);
    expect(await cleanTemporary(folder, Date.now() + 60_000)).toBe(1);
    expect(await cleanTemporary(at('no'))).toBe(0);
  });
});

const mayMount = process.getuid?.() === 0 && tmpfs('mount-probe');

function tmpfs(name: string): boolean {
  const place = mkdtempSync(join(tmpdir(), name));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', place]).status === 0;
  if (mounted) spawnSync('umount', [place]);
  rmSync(place, { recursive: true });
  return mounted;
}

describe.skipIf(!mayMount)('on a disk of 64 kB', () => {
  let disk: string;
  beforeEach(() => {
    disk = at('disk');
    mkdirSync(disk);
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]).status).toBe(0);
  });
  afterEach(() => {
    spawnSync('umount', [disk]);
  });

  test('that is full the old file stays whole, and the reason is told', async () => {
    const path = join(disk, 'zone');
    await publish(path, 'old'.repeat(10_000));
    const error = await failure(publish(path, 'new'.repeat(20_000)));
    expect(error.message).toBe(`cannot write ${path}: the disk is full (ENOSPC)`);
    expect(error).toMatchObject({ errno: 'ENOSPC' });
    expect(text(path)).toBe('old'.repeat(10_000));
    expect(readdirSync(disk)).toEqual(['zone']);
  });

  test('that is full halfway through many, each one is old or new', async () => {
    const files = [...Array(40).keys()].map((i) => ({
      path: join(disk, `${i}.zone`),
      text: `${i}`.repeat(2000),
    }));
    const error = await failure<PublishError>(publishAll(files));
    const written = readdirSync(disk);
    expect(written.length).toBeGreaterThan(0);
    expect(written.length + error.failed.size).toBe(40);
    for (const { path, text: wanted } of files) {
      if (existsSync(path)) expect(text(path)).toBe(wanted);
    }
  });

  test('that is read-only the old file stays, and the reason is told', async () => {
    const path = join(disk, 'zone');
    await publish(path, 'old');
    spawnSync('mount', ['-o', 'remount,ro', disk]);
    const error = await failure(publish(path, 'new'));
    expect(error.message).toBe(`cannot write ${path}: the file system is read-only (EROFS)`);
    expect(text(path)).toBe('old');
    expect(await failure(remove(path))).toMatchObject({ action: 'remove', errno: 'EROFS' });
    expect(await failure(makeFolder(join(disk, 'more')))).toMatchObject({ errno: 'EROFS' });
  });

  test('a file goes to a trash elsewhere', async () => {
    const path = join(disk, 'zone');
    await publish(path, 'old');
    const trashed = await removeToTrash(path, at('trash'), Date.now());
    expect(existsSync(path)).toBe(false);
    expect(text(trashed ?? '')).toBe('old');
  });

  test('a file stays where it is when the trash elsewhere is full', async () => {
    const path = at('zone');
    await publish(path, 'x'.repeat(100_000));
    const error = await failure(removeToTrash(path, join(disk, 'trash'), Date.now()));
    expect(error).toMatchObject({ errno: 'ENOSPC', path });
    expect(text(path)).toHaveLength(100_000);
  });
});

describe('without permission', () => {
  test('the reason is told', async () => {
    chmodSync(folder, 0o500);
    const error = await asOrdinaryUser(folder, () => failure(publish(at('zone'), '')));
    expect(error).toMatchObject({ errno: 'EACCES' });
    chmodSync(folder, 0o700);
  });
});

describe('the trash', () => {
  test('keeps every version of a file under the time it went', async () => {
    for (const [day, content] of [
      [1, 'first'],
      [8, 'second'],
    ] as const) {
      await publish(at('a.zone'), content);
      await removeToTrash(at('a.zone'), at('trash'), Date.UTC(2026, 0, day));
    }
    expect(existsSync(at('a.zone'))).toBe(false);
    expect(text(at('trash/2026-01-01T00-00-00.000Z/a.zone'))).toBe('first');
    expect(text(at('trash/2026-01-08T00-00-00.000Z/a.zone'))).toBe('second');
  });

  test('is emptied of what is older, and of nothing else', async () => {
    mkdirSync(at('trash/notes'), { recursive: true });
    for (const day of [1, 8]) {
      await publish(at('a.zone'), '');
      await removeToTrash(at('a.zone'), at('trash'), Date.UTC(2026, 0, day));
    }
    await emptyTrash(at('trash'), Date.UTC(2026, 0, 8));
    expect(readdirSync(at('trash')).sort()).toEqual(['2026-01-08T00-00-00.000Z', 'notes']);
    await emptyTrash(at('no'), Date.now());
  });

  test('takes nothing where there is nothing', async () => {
    expect(await removeToTrash(at('a.zone'), at('trash'), Date.now())).toBeUndefined();
  });
});

describe('reading and removing', () => {
  test('a file that is not there is not an error', async () => {
    expect(await readIfPresent(at('no'))).toBeUndefined();
    expect(await readIfPresent(at('no/no'))).toBeUndefined();
    await remove(at('no'));
  });

  test('a folder is made with those above it, and left alone where it is', async () => {
    await makeFolder(at('a/b/c'), 0o700);
    expect(statSync(at('a/b')).mode & 0o777).toBe(0o700);
    await makeFolder(at('a/b/c'));
    expect(statSync(at('a/b/c')).mode & 0o777).toBe(0o700);
    writeFileSync(at('file'), '');
    expect(await failure(makeFolder(at('file')))).toMatchObject({ errno: 'EEXIST' });
    expect(await failure(makeFolder(at('file/more')))).toMatchObject({ errno: 'ENOTDIR' });
  });

  test('a file that cannot be read is', async () => {
    expect(await failure(readIfPresent(folder))).toMatchObject({ errno: 'EISDIR', action: 'read' });
  });
});
