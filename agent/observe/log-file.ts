import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Where in which file to go on. The inode tells the file also after it was renamed. */
export interface LogPosition {
  readonly inode: number;
  /** Bytes; at the start of a line. */
  readonly offset: number;
}

export interface LogLines {
  readonly lines: readonly string[];
  /** Behind the last of these lines: what to give as `from` to go on here. */
  readonly position: LogPosition;
}

/** Read at a time, so that a large backlog lets others have their turn in between. */
const chunkBytes = 64 * 1024;
/** A line longer than this is cut: what is so long is none that named writes of transfers. */
const longestLine = 256 * 1024;

/** The remembered file, whatever it is called by now. Where it is gone, all that is there was written after it. */
export async function fileAt(
  path: string,
  { inode, offset }: LogPosition,
): Promise<OpenLog | undefined> {
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    for (const candidate of await versions(path)) {
      if (candidate.inode === inode) {
        const file = await openExactly(candidate, offset);
        if (file !== undefined) return file;
      }
    }
  }
  const oldest = (await versions(path)).at(-1);
  return oldest === undefined ? undefined : openExactly(oldest, 0);
}

/** A look at the folder may fall into a rotation: names and files are then not those of one moment. */
const attempts = 5;

interface Version {
  readonly path: string;
  readonly inode: number;
}

/** Undefined where another file has that name by now, or none. */
async function openExactly({ path, inode }: Version, offset: number): Promise<OpenLog | undefined> {
  const file = await openAt(path, offset);
  if (file === undefined || file.inode === inode) return file;
  await file.close();
  return undefined;
}

export async function openAt(path: string, offset: number): Promise<OpenLog | undefined> {
  try {
    const handle = await open(path, 'r');
    return new OpenLog(handle, (await handle.stat()).ino, offset);
  } catch {
    return undefined;
  }
}

/** The log and what it was renamed to, `x`, `x.0`, `x.1`, …: the newest first. */
async function versions(path: string): Promise<Version[]> {
  const folder = dirname(path);
  const name = basename(path);
  const entries = await readdir(folder).catch((): string[] => []);
  const numberOf = (entry: string): number => Number(entry.slice(name.length + 1));
  const numbered = entries
    .filter((entry) => entry.startsWith(`${name}.`) && /^\d+$/.test(entry.slice(name.length + 1)))
    .sort((a, b) => numberOf(a) - numberOf(b));
  const found = await Promise.all(
    [name, ...numbered].map(async (entry) => {
      const version = join(folder, entry);
      const inode = await inodeOf(version);
      return inode === undefined ? [] : [{ path: version, inode }];
    }),
  );
  return found.flat();
}

const inodeOf = async (path: string): Promise<number | undefined> =>
  (await stat(path).catch(() => undefined))?.ino;

/** One file that is being read; `openAt` and `fileAt` make it. It stays open when it is renamed. */
export class OpenLog {
  readonly inode: number;
  readonly #handle: FileHandle;
  /** Of what was read, not of what was given out: the difference is a line that is not whole yet. */
  #offset: number;
  #half: Buffer = Buffer.alloc(0);

  constructor(handle: FileHandle, inode: number, offset: number) {
    this.#handle = handle;
    this.inode = inode;
    this.#offset = offset;
  }

  /** What was written since the last time, chunk by chunk. */
  async *newLines(signal: AbortSignal): AsyncGenerator<LogLines, void, void> {
    if ((await this.#size()) < this.#offset) this.#restart();
    while (!signal.aborted) {
      const chunk = await this.#read();
      if (chunk.length === 0) return;
      this.#offset += chunk.length;
      const lines = this.#split(chunk);
      if (lines.length > 0) yield this.#told(lines);
    }
  }

  /** The file gets no more: a last line without its end is a line. */
  *lastLine(): Generator<LogLines, void, void> {
    if (this.#half.length === 0) return;
    const line = this.#half.toString('utf8');
    this.#half = Buffer.alloc(0);
    yield this.#told([line]);
  }

  /** The file that came after this one, once this one was renamed away or removed. */
  async successor(path: string): Promise<OpenLog | undefined> {
    const current = await inodeOf(path);
    if (current === undefined || current === this.inode) return undefined;
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const chain = await versions(path);
      const at = chain.findIndex(({ inode }) => inode === this.inode);
      // Where this one was removed, the oldest that is there came after it.
      const removed = at < 0 && (await this.#links()) === 0;
      const next = removed ? chain.at(-1) : chain[at - 1];
      const file = next === undefined ? undefined : await openExactly(next, 0);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  close(): Promise<void> {
    return this.#handle.close();
  }

  // What fails here is tried again at the next look.
  async #read(): Promise<Buffer> {
    const chunk = Buffer.allocUnsafe(chunkBytes);
    const reading = this.#handle.read(chunk, 0, chunkBytes, this.#offset);
    const { bytesRead } = await reading.catch(() => ({ bytesRead: 0 }));
    return chunk.subarray(0, bytesRead);
  }

  async #size(): Promise<number> {
    return (await this.#handle.stat().catch(() => undefined))?.size ?? this.#offset;
  }

  async #links(): Promise<number> {
    return (await this.#handle.stat().catch(() => undefined))?.nlink ?? 1;
  }

  #restart(): void {
    this.#offset = 0;
    this.#half = Buffer.alloc(0);
  }

  #told(lines: readonly string[]): LogLines {
    return { lines, position: { inode: this.inode, offset: this.#offset - this.#half.length } };
  }

  #split(chunk: Buffer): string[] {
    const text = this.#half.length === 0 ? chunk : Buffer.concat([this.#half, chunk]);
    const end = text.lastIndexOf(0x0a);
    // A copy, since the chunk it stands in is much larger.
    this.#half = Buffer.from(text.subarray(end + 1));
    if (this.#half.length > longestLine) this.#half = Buffer.alloc(0);
    return end < 0 ? [] : text.toString('utf8', 0, end).split('\n');
  }
}
