import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeCgroup } from './cgroups.ts';

const prefix = 'bind9-agent-rig-';

/** What a run can leave behind on the machine beside its folder. */
export type Holding =
  | { readonly kind: 'process'; readonly pid: number; readonly started: string }
  | { readonly kind: 'address'; readonly address: string }
  /** A network link; an address that it has goes with it. */
  | { readonly kind: 'link'; readonly name: string }
  /** With all processes in it, and below. */
  | { readonly kind: 'cgroup'; readonly path: string };

/**
 * What one run holds on this machine, written down before it is used: whoever finds the ledger of a run that is gone
 * can take its processes and addresses away by their exact identity.
 */
export interface Ledger {
  /** The run's own folder; removed with the rest. */
  readonly folder: string;
  hold(holding: Holding): void;
  release(holding: Holding): void;
  /** Kills, removes and deletes everything at once, synchronously. Harmless when done twice. */
  sweep(options?: { readonly keepFolder?: boolean }): void;
}

/** Opens a ledger in a new folder under the system's temporary one, and cleans up after runs that were killed. */
export function openLedger(): Ledger {
  for (const abandoned of abandonedFolders()) sweepFolder(abandoned, false);
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const file = join(folder, 'ledger');
  writeFileSync(file, `owner ${process.pid} ${startOf(process.pid) ?? '?'}\n`);
  const ledger: Ledger = {
    folder,
    hold: (holding) => appendFileSync(file, `+ ${line(holding)}\n`),
    release: (holding) => {
      // After a sweep there is nothing left to tell.
      if (existsSync(file)) appendFileSync(file, `- ${line(holding)}\n`);
    },
    sweep: ({ keepFolder = false } = {}) => {
      process.off('exit', atExit);
      sweepFolder(folder, keepFolder);
    },
  };
  // The last resort: an uncaught error or process.exit() leaves nothing running either.
  const atExit = (): void => sweepFolder(folder, false);
  process.on('exit', atExit);
  return ledger;
}

/** The kernel's start time of a process (ticks since boot), which tells it from a later one of the same pid. */
export function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 22; the second field is the program's name in parentheses and may hold anything.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

function abandonedFolders(): string[] {
  return readdirSync(tmpdir())
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(tmpdir(), name))
    .filter((folder) => {
      const [, pid, started] = (readLedger(folder)[0] ?? '').split(' ');
      return pid !== undefined && started !== undefined && startOf(Number(pid)) !== started;
    });
}

function sweepFolder(folder: string, keepFolder: boolean): void {
  for (const [kind, what = '', started] of heldIn(folder)) {
    if (kind === 'process' && startOf(Number(what)) === started) killNow(Number(what));
    if (kind === 'address') spawnSync('ip', ['addr', 'del', `${what}/32`, 'dev', 'lo']);
    if (kind === 'cgroup') removeCgroup(what);
    if (kind === 'link') spawnSync('ip', ['link', 'del', what]);
  }
  if (keepFolder) rmSync(join(folder, 'ledger'), { force: true });
  else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

function heldIn(folder: string): string[][] {
  const held = new Set<string>();
  for (const entry of readLedger(folder)) {
    if (entry.startsWith('+ ')) held.add(entry.slice(2));
    if (entry.startsWith('- ')) held.delete(entry.slice(2));
  }
  return [...held].map((entry) => entry.split(' '));
}

function readLedger(folder: string): string[] {
  try {
    return readFileSync(join(folder, 'ledger'), 'utf8').split('\n');
  } catch {
    return [];
  }
}

function line(holding: Holding): string {
  switch (holding.kind) {
    case 'process':
      return `process ${holding.pid} ${holding.started}`;
    case 'address':
      return `address ${holding.address}`;
    case 'link':
      return `link ${holding.name}`;
    case 'cgroup':
      return `cgroup ${holding.path}`;
  }
}

function killNow(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself in between.
  }
}
