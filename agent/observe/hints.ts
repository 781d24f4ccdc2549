import type { Clock } from '../clock.ts';

/** What to look at: some names, or everything. */
export type Hinted = ReadonlySet<string> | 'all';

export interface HintsOptions {
  readonly clock: Clock;
  /** Looks at what was hinted at. One look at a time; failures are its own affair. */
  readonly look: (hinted: Hinted) => Promise<void>;
  /** A look waits until no hint came for so long, in ms: whoever is writing has then most likely finished. */
  readonly quietMs?: number;
  /** ... but no longer than this, in ms: a folder that never rests is looked at all the same. */
  readonly patienceMs?: number;
}

/** Gathers hints that something may have changed, so that a burst of them costs one look or a few. */
export class Hints {
  readonly #options: Required<HintsOptions>;
  readonly #closing = new AbortController();
  #names = new Set<string>();
  #all = false;
  #allDue = Number.POSITIVE_INFINITY;
  #count = 0;
  #running: Promise<void> | undefined;

  constructor({ quietMs = 5, patienceMs = 250, ...options }: HintsOptions) {
    this.#options = { quietMs, patienceMs, ...options };
  }

  /** Without a name: look at everything. */
  add(name?: string): void {
    if (this.#closing.signal.aborted) return;
    this.#count++;
    if (name === undefined) this.#all = true;
    else this.#names.add(name);
    this.#running ??= this.#run();
  }

  /** Hints came that were not looked at yet: during a look, those that it may have missed. */
  get pending(): boolean {
    return this.#all || this.#names.size > 0;
  }

  /** Hints at a name after so many ms. */
  async addIn(ms: number, name: string): Promise<void> {
    await this.#options.clock.sleep(ms, this.#closing.signal);
    this.add(name);
  }

  /** Hints at everything after so many ms at the latest; of several calls the earliest counts. */
  async addAllIn(ms: number): Promise<void> {
    const { clock } = this.#options;
    const due = clock.monotonic() + ms;
    if (due >= this.#allDue) return;
    this.#allDue = due;
    await clock.sleep(ms, this.#closing.signal);
    if (this.#allDue !== due) return;
    this.#allDue = Number.POSITIVE_INFINITY;
    this.add();
  }

  /** Hints at everything, every so many ms: heals what a lost notification has missed. */
  async every(ms: number): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await clock.sleep(ms, signal);
      this.add();
    }
  }

  /** Resolves when the look that is going on has ended; no other follows. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.pending) {
      await this.#quiet();
      if (this.#closing.signal.aborted) break;
      const hinted = this.#all ? 'all' : this.#names;
      this.#all = false;
      this.#names = new Set();
      await this.#options.look(hinted);
    }
    this.#running = undefined;
  }

  async #quiet(): Promise<void> {
    const { clock, quietMs, patienceMs } = this.#options;
    const deadline = clock.monotonic() + patienceMs;
    let seen: number;
    do {
      seen = this.#count;
      await clock.sleep(quietMs, this.#closing.signal);
    } while (seen !== this.#count && clock.monotonic() < deadline);
  }
}
