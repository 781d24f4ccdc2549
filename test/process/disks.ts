import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Pod } from '../rig/pod.ts';

type Part = Parameters<Pod['path']>[0];

/** One of a pod's folders on a small disk of its own. */
export interface Disk {
  /** Not a byte more goes onto it. */
  fill(): void;
  /** Whoever opens a file on it from now on may only read. */
  protect(): void;
  /** Undoes both. */
  relieve(): void;
  close(): void;
}

/** Whether this machine lets us mount disks. */
export const mayMount = (): boolean => process.getuid?.() === 0 && probe();

function probe(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'bind9-agent-disk-'));
  const mounted = mount('-t', 'tmpfs', 'tmpfs', folder);
  if (mounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

/**
 * Puts a folder of a pod that was never started onto a disk of its own. The disk is mounted beside the rig's folder,
 * not in it, so that whoever removes that after us finds nothing busy.
 */
export async function giveDisk(pod: Pod, part: Part): Promise<Disk> {
  const folder = mkdtempSync(join(tmpdir(), 'bind9-agent-disk-'));
  if (!mount('-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', folder))
    throw new Error(`cannot mount a disk on ${folder}`);
  await mkdir(dirname(pod.path(part)), { recursive: true });
  symlinkSync(folder, pod.path(part));
  const ballast = join(folder, 'ballast');
  let isProtected = false;
  const relieve = (): void => {
    if (isProtected) spawnSync('umount', ['-l', folder]);
    isProtected = false;
    rmSync(ballast, { force: true });
  };
  return {
    fill: () => {
      const { bavail, bsize } = statfsSync(folder);
      writeFileSync(ballast, Buffer.alloc(bavail * bsize));
    },
    protect: () => {
      // The same disk once more on top: what is open for writing does not keep it from being read-only.
      isProtected = mount('--bind', folder, folder) && mount('-o', 'remount,bind,ro', folder);
      if (!isProtected) throw new Error(`cannot make ${folder} read-only`);
    },
    relieve,
    close: () => {
      relieve();
      spawnSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const mount = (...args: readonly string[]): boolean => spawnSync('mount', args).status === 0;
