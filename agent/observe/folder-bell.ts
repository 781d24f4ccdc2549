import { type FSWatcher, watch } from 'node:fs';

/** Rings when something happens to a file of a folder. The folder may be absent: then only time passes. */
export class FolderBell {
  readonly #folder: string;
  readonly #name: string;
  readonly #signal: AbortSignal;
  #watcher: FSWatcher | undefined;
  #rang = false;
  #wake: (() => void) | undefined;

  constructor(folder: string, name: string, signal: AbortSignal) {
    this.#folder = folder;
    this.#name = name;
    this.#signal = signal;
    signal.addEventListener('abort', this.#ring);
  }

  /** Forgets what rang before: call it before looking at the file, so that nothing falls between. */
  reset(): void {
    this.#rang = this.#signal.aborted;
    if (this.#watcher !== undefined) return;
    try {
      this.#watcher = watch(this.#folder, (_event, name) => {
        if (name === null || name === this.#name) this.#ring();
      });
      this.#watcher.on('error', () => this.#unwatch());
    } catch {
      // No such folder yet, or no watches left: the poll finds what happens.
    }
  }

  /** Waits until it rings, or `ms` milliseconds. */
  async rung(ms: number): Promise<void> {
    if (this.#rang) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
    });
  }

  close(): void {
    this.#unwatch();
    this.#signal.removeEventListener('abort', this.#ring);
  }

  readonly #ring = (): void => {
    this.#rang = true;
    this.#wake?.();
  };

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}
