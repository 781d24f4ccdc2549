import { close, ftruncate, open, write } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FileError } from '../files.ts';
import type { run } from '../process.ts';

export interface LockDeps {
  readonly run: typeof run;
  /** Who locks, for the one who is refused. */
  readonly pid: number;
  readonly host: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export type Locked =
  | { readonly ok: true; readonly release: () => Promise<void> }
  /** Another agent has it; a sentence that names it. */
  | { readonly ok: false; readonly why: string };

const FILE = 'agent.lock';
const TIMEOUT_MS = 10_000;
/** flock(1): another process has the lock. */
const HELD = 1;

/**
 * Makes sure that one agent alone works on a state folder, for as long as this process lives.
 *
 * It is the kernel's own lock, flock(2), on an open file: it ends with the process however that ends, so nothing is ever
 * stale, no pid is taken for another's, and it holds between containers that share the folder but see neither each
 * other's processes nor each other's sockets. Node has no call for it, so the flock program (util-linux or BusyBox) locks
 * our open file, handed over to it: the lock belongs to the open file, not to the program, and stays when that has ended.
 * The descriptor is a plain number, for an unreachable FileHandle would be closed, and the lock with it.
 *
 * Throws a FileError when the folder cannot be written, or when there is no flock program.
 */
export async function lockFolder(folder: string, deps: LockDeps): Promise<Locked> {
  const path = join(folder, FILE);
  const file = await openFile(path);
  const release = (): Promise<void> => promisify(close)(file);
  const ran = await deps.run('flock', ['-n', '-x', '3'], { timeoutMs: TIMEOUT_MS, handOver: file });
  if (ran.ok) {
    await sign(file, deps);
    return { ok: true, release };
  }
  await release();
  if (ran.why === 'exit' && ran.exitCode === HELD && ran.stderr === '') {
    return { ok: false, why: `${folder} is in use by another agent${await holder(path)}` };
  }
  throw new FileError('lock', path, new Error(ran.message));
}

/** On a disk that has turned read-only the same file can still be locked. */
async function openFile(path: string): Promise<number> {
  try {
    return await promisify(open)(path, 'a+', 0o640).catch((error: unknown) =>
      promisify(open)(path, 'r').catch(() => {
        throw error;
      }),
    );
  } catch (error) {
    throw new FileError('lock', path, error);
  }
}

/** Only for people to read: that it is held is the kernel's word. */
async function sign(file: number, { pid, host, now }: LockDeps): Promise<void> {
  const text = `pid ${pid} on ${host} since ${new Date(now()).toISOString()}\n`;
  // A full disk is no reason to work without the lock, nor to give it up.
  await promisify(ftruncate)(file, 0)
    .then(() => promisify(write)(file, text))
    .catch(() => undefined);
}

async function holder(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '');
  return text === '' ? '' : `: ${text.trim()}`;
}
