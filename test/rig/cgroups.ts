import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where hierarchies of cgroups are mounted: one in version 2, one for each controller in version 1. */
export function hierarchies(): string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => /\s-\scgroup2?\s/.test(line))
    .map((line) => line.split(' ')[4] ?? '');
}

/** @param path of the group within each hierarchy, `a/b` */
export function makeCgroup(path: string): void {
  for (const hierarchy of hierarchies()) mkdirSync(join(hierarchy, path), { recursive: true });
}

/** Puts a process there, with all that it will start. */
export function joinCgroup(path: string, pid: number): void {
  for (const hierarchy of hierarchies()) {
    try {
      writeFileSync(join(hierarchy, path, 'cgroup.procs'), String(pid));
    } catch {
      // That of processor sets takes none before it has been set up; one hierarchy is enough to find the process again.
    }
  }
}

/** Ends every process in the group and in those below it, and removes them all. */
export function removeCgroup(path: string): void {
  const folders = hierarchies().flatMap((hierarchy) => below(join(hierarchy, path)));
  const deadline = performance.now() + 10_000;
  for (;;) {
    const pids = new Set(folders.flatMap(processesOf));
    for (const pid of pids) kill(pid);
    if (pids.size === 0 || performance.now() > deadline) break;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
  }
  for (const folder of folders) {
    try {
      rmdirSync(folder);
    } catch {
      // Gone, or what is in it cannot be killed.
    }
  }
}

/** The folder and all within, the innermost first. */
function below(folder: string): string[] {
  try {
    const inner = readdirSync(folder, { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    return [...inner.flatMap(({ name }) => below(join(folder, name))), folder];
  } catch {
    return [];
  }
}

function processesOf(folder: string): number[] {
  try {
    return readFileSync(join(folder, 'cgroup.procs'), 'utf8')
      .split('\n')
      .map(Number)
      .filter((pid) => pid > 1);
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself in between.
  }
}
