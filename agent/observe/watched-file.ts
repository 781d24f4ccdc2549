import { basename, dirname, resolve } from 'node:path';
import type { Clock } from '../clock.ts';
import { readIfPresent } from '../files.ts';
import { FolderWatch } from './folder-watch.ts';

/** A lost event heals after so long. */
const RESCAN_MS = 30_000;

/** A small file that others keep up to date: its text as it is now, and a call when it changes. */
export class WatchedFile {
  readonly #path: string;
  readonly #changed: () => void;
  readonly #failed: (error: unknown) => void;
  #text: string | undefined;
  #reading: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(path: string, changed: () => void, failed: (error: unknown) => void) {
    this.#path = resolve(path);
    this.#changed = changed;
    this.#failed = failed;
  }

  /** Undefined where there is no such file. */
  get text(): string | undefined {
    return this.#text;
  }

  async watch(clock: Clock, signal: AbortSignal): Promise<void> {
    const folder = dirname(this.#path);
    // A mounted volume swaps a link beside the file, so that any change in the folder may be one of it.
    const names = new Set([basename(this.#path), '..data']);
    const watch = await FolderWatch.open([folder], {
      hint: (_folder, name) => {
        if (name === undefined || names.has(name)) void this.read();
      },
      failed: this.#failed,
    });
    while (!signal.aborted) {
      await this.read();
      await clock.sleep(RESCAN_MS, signal);
    }
    await watch.close();
  }

  /** One reading at a time: of two at once the older text might come in last. */
  read(): Promise<void> {
    // A reading that has not begun yet is for all who ask meanwhile.
    this.#next ??= this.#reading.then(() => {
      this.#next = undefined;
      this.#reading = this.#read();
      return this.#reading;
    });
    return this.#next;
  }

  async #read(): Promise<void> {
    try {
      const text = await readIfPresent(this.#path);
      const same = text === this.#text;
      this.#text = text;
      if (!same) this.#changed();
    } catch (error) {
      this.#failed(error);
    }
  }
}
