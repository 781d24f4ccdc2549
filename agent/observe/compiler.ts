import type { CompiledLookup, CompiledZone, CompileRequest } from '../plan/content.ts';
import { type Parsed, TransientError } from '../problem.ts';

export type Compile = (request: CompileRequest) => Promise<Parsed<CompiledZone>>;

/** Programs at once; they are short, and named needs the processors too. */
const AT_ONCE = 2;
/** Results kept beyond those that the last plan used: a text that changes back is not checked again. */
const KEPT = 1000;
/** And so many characters of text, for a zone's text and what came of it can take tens of MB. */
const KEPT_TEXT = 8 * 1024 * 1024;
const RETRY_MS = 2000;

/** Checks zone texts one after the other, once each, and remembers what came of it. */
export class Compiler {
  readonly #compile: Compile;
  readonly #done: () => void;
  readonly #failed: (error: TransientError) => void;
  readonly #results = new Map<string, Parsed<CompiledZone>>();
  #waiting: ReadonlyMap<string, CompileRequest> = new Map();
  readonly #running = new Set<string>();
  /** What was asked for since the last `want`: a plan that is not complete needs all of it again. */
  readonly #used = new Set<string>();
  #pausedUntil = 0;

  /**
   * @param done a text was checked: plan again
   * @param failed the program could not be run; the text is tried again
   */
  constructor(compile: Compile, done: () => void, failed: (error: TransientError) => void) {
    this.#compile = compile;
    this.#done = done;
    this.#failed = failed;
  }

  readonly compiled: CompiledLookup = {
    get: (request) => {
      const key = keyOf(request);
      const result = this.#results.get(key);
      if (result === undefined) return undefined;
      this.#used.add(key);
      // The order of a Map is that of insertion: what was used last goes last.
      this.#results.delete(key);
      this.#results.set(key, result);
      return result;
    },
  };

  /** @param requests all that the plan still waits for */
  want(requests: readonly CompileRequest[]): void {
    this.#waiting = new Map(
      requests
        .map((request) => [keyOf(request), request] as const)
        .filter(([key]) => !this.#results.has(key)),
    );
    this.#forget();
    this.#used.clear();
    this.#start();
  }

  /** Checks these now, for who makes one plan and no more. Rejects with a TransientError where it cannot. */
  async settle(requests: readonly CompileRequest[]): Promise<void> {
    for (const request of requests) this.#results.set(keyOf(request), await this.#compile(request));
  }

  #start(): void {
    if (performance.now() < this.#pausedUntil) return;
    for (const [key, request] of this.#waiting) {
      if (this.#running.size >= AT_ONCE) return;
      if (!this.#results.has(key) && !this.#running.has(key)) void this.#check(key, request);
    }
  }

  async #check(key: string, request: CompileRequest): Promise<void> {
    this.#running.add(key);
    try {
      this.#results.set(key, await this.#compile(request));
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      this.#failed(error);
      this.#pausedUntil = performance.now() + RETRY_MS;
      setTimeout(() => {
        this.#pausedUntil = 0;
        this.#done();
      }, RETRY_MS).unref();
    } finally {
      this.#running.delete(key);
    }
    this.#done();
    this.#start();
  }

  #forget(): void {
    const unused = [...this.#results.keys()].filter((key) => !this.#used.has(key));
    let count = unused.length;
    let length = unused.reduce((sum, key) => sum + key.length, 0);
    for (const key of unused) {
      if (count <= KEPT && length <= KEPT_TEXT) return;
      this.#results.delete(key);
      count -= 1;
      length -= key.length;
    }
  }
}

const keyOf = ({ zone, text }: CompileRequest): string => `${zone}\0${text}`;
