import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { hierarchies, joinCgroup, makeCgroup } from './cgroups.ts';
import { openLedger } from './ledger.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

test('a group of processes goes with all that is in it, and a link with its address', async ({
  skip,
}) => {
  if (!isRoot) skip('groups of processes and links are made as root on Linux');
  const id = `b9test${process.pid}`;
  const ledger = openLedger();
  ledger.hold({ kind: 'cgroup', path: id });
  ledger.hold({ kind: 'link', name: id });
  makeCgroup(`${id}/inner`);
  spawnSync('ip', ['link', 'add', id, 'type', 'bridge']);
  spawnSync('ip', ['addr', 'add', '203.0.113.254/32', 'dev', id]);
  expect(existsSync(`/sys/class/net/${id}`)).toBe(true);
  // What it starts is found, also when it is gone itself.
  const child = spawn('sh', ['-c', 'read go; sleep 1000 & echo $!; read end']);
  joinCgroup(`${id}/inner`, child.pid ?? 0);
  child.stdin.write('\n');
  const [text] = await once(child.stdout, 'data');
  const ended = once(child, 'exit');
  ledger.sweep();
  expect((await ended)[1]).toBe('SIGKILL');
  expect(isRunning(Number(text))).toBe(false);
  expect(hierarchies().filter((each) => existsSync(`${each}/${id}`))).toEqual([]);
  expect(existsSync(`/sys/class/net/${id}`)).toBe(false);
});

/** A zombie, which only its parent can take away, does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
