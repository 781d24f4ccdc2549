/** Only the newest state matters: however often it was rung, a reader that was busy is woken once. */
export class Mailbox {
  #rung = false;
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Rings after `ms` at the latest; the earliest of several calls counts. */
  ringIn(ms: number): void {
    const due = performance.now() + ms;
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.ring();
    }, ms);
  }

  /** Resolves when it rings, at once if it has rung since the last time; `false` when the signal aborts. */
  async next(signal: AbortSignal): Promise<boolean> {
    if (!this.#rung && !signal.aborted) await this.#bell(signal);
    this.#rung = false;
    return !signal.aborted;
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #bell(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener('abort', done);
        this.#wake = undefined;
        resolve();
      };
      signal.addEventListener('abort', done, { once: true });
      this.#wake = done;
    });
  }
}
