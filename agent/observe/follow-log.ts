import { statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { FolderBell } from './folder-bell.ts';
import { fileAt, type LogLines, type LogPosition, openAt } from './log-file.ts';

export interface FollowOptions {
  readonly path: string;
  /** By default the end as it is now: what was logged before is not told. */
  readonly from?: LogPosition;
  readonly signal: AbortSignal;
  /** Milliseconds after which to look even when the system told of no change. Default 1000. */
  readonly pollMs?: number;
}

/**
 * The lines of a log as they are written, in order, until the signal aborts. The file may be absent at first, be
 * renamed away and made anew (`versions` of named's channels: nothing of the renamed ones is missed), or be cut to
 * nothing. A line comes out when it is whole. Never throws for what happens to the file; an unreadable one is tried
 * again.
 */
export function followLog(options: FollowOptions): AsyncGenerator<LogLines, void, void> {
  // At once, not when the first line is asked for: the end is where it is now.
  return follow(options, options.from ?? endOf(options.path));
}

async function* follow(
  { path, signal, pollMs = 1000 }: FollowOptions,
  from: LogPosition | undefined,
): AsyncGenerator<LogLines, void, void> {
  const bell = new FolderBell(dirname(path), basename(path), signal);
  let file = from === undefined ? undefined : await fileAt(path, from);
  try {
    while (!signal.aborted) {
      bell.reset();
      file ??= await openAt(path, 0);
      if (file !== undefined) yield* file.newLines(signal);
      const next = file === undefined ? undefined : await file.successor(path);
      if (file !== undefined && next !== undefined) {
        // Written between the last read and the rename.
        yield* file.newLines(signal);
        yield* file.lastLine();
        await file.close();
        file = next;
      } else {
        await bell.rung(pollMs);
      }
    }
  } finally {
    await file?.close();
    bell.close();
  }
}

/** Undefined where there is no file yet: then it is read from its start once there is. */
function endOf(path: string): LogPosition | undefined {
  try {
    const { ino, size } = statSync(path);
    return { inode: ino, offset: size };
  } catch {
    return undefined;
  }
}
