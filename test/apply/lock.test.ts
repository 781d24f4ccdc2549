import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockFolder } from '../../agent/apply/lock.ts';
import { run } from '../../agent/process.ts';
import { until } from '../rig/until.ts';

const holder = [process.execPath, '--expose-gc', join(import.meta.dirname, 'lock-holder.ts')];
const apart = ['unshare', '--pid', '--net', '--fork', '--kill-child', '--mount-proc'];
const mayUnshare =
  process.getuid?.() === 0 && spawnSync('unshare', [...apart.slice(1), 'true']).status === 0;

let folder: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

/** Another process that wants the lock, and what it said. */
async function rival(
  wrapper: readonly string[] = [],
): Promise<{ child: ChildProcess; said: string }> {
  const [file = '', ...args] = [...wrapper, ...holder, folder];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const [said] = await once(child.stdout, 'data');
  return { child, said: String(said).trim() };
}

const lock = () =>
  lockFolder(folder, { run, pid: 7, host: 'here', now: () => Date.UTC(2026, 10, 21) });

describe('the state folder', () => {
  test('is for one process alone, and the second is told who has it', async () => {
    const { child, said } = await rival();
    expect(said).toBe(`locked by ${child.pid}`);
    expect(await lock()).toEqual({
      ok: false,
      why: expect.stringMatching(
        `^${folder} is in use by another agent: pid ${child.pid} on a-pod since 20..-..-..T.*Z$`,
      ),
    });
  });

  test('is free at once when its holder was killed', async () => {
    for (let round = 0; round < 3; round++) {
      const { child, said } = await rival();
      expect(said).toContain('locked by');
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    expect((await lock()).ok).toBe(true);
  });

  test('is free whatever a dead holder has left in it', async () => {
    // Our own pid, alive for sure, and nobody's lock.
    writeFileSync(join(folder, 'agent.lock'), `pid ${process.pid} on here since 2020\n`.repeat(9));
    const locked = await lock();
    expect(locked.ok).toBe(true);
    expect(readFileSync(join(folder, 'agent.lock'), 'utf8')).toBe(
      'pid 7 on here since 2026-11-21T00:00:00.000Z\n',
    );
  });

  test('goes to one of many that come at once', async () => {
    const said = (await Promise.all([1, 2, 3, 4].map(() => rival()))).map((one) => one.said);
    expect(said.filter((words) => words.startsWith('locked by'))).toHaveLength(1);
  });

  test('can be given back', async () => {
    const first = await lock();
    expect((await lock()).ok).toBe(false);
    if (first.ok) await first.release();
    const again = await lock();
    expect(again.ok).toBe(true);
  });

  test.skipIf(!mayUnshare)(
    'is shared by containers that see nothing else of each other',
    async () => {
      const { child, said } = await rival(apart);
      // In its own pid namespace it is the first process.
      expect(said).toBe('locked by 1');
      expect(await lock()).toMatchObject({
        ok: false,
        why: expect.stringContaining('pid 1 on a-pod'),
      });
      expect((await rival(apart)).said).toContain('in use by another agent: pid 1 on a-pod');
      child.kill('SIGKILL');
      await until(async () => (await lock()).ok);
    },
  );

  test('must be there, and so must the flock program', async () => {
    const deps = { run, pid: 7, host: 'here', now: Date.now };
    await expect(lockFolder(join(folder, 'no'), deps)).rejects.toThrow(
      `cannot lock ${folder}/no/agent.lock: the folder ${folder}/no is missing (ENOENT)`,
    );
    const noFlock: typeof run = (_, args, options) => run('no-flock', args, options);
    await expect(lockFolder(folder, { ...deps, run: noFlock })).rejects.toThrow(
      'no-flock was not found',
    );
  });
});
