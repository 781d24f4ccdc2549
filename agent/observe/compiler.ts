import type { CompiledLookup, CompiledZone, CompileRequest } from '../plan/content.ts';
import { type Parsed, TransientError } from '../problem.ts';

export type Compile = (request: CompileRequest) => Promise<Parsed<CompiledZone>>;

/** Programs at once; they are short, and named needs the processors too. */
const AT_ONCE = 2;
/** Results kept beyond those that were asked for last: a text that changes back is not checked again. */
const KEPT = 1000;
const RETRY_MS = 2000;

/** Checks zone texts one after the other, once each, and remembers what came of it. */
export class Compiler {
  readonly #compile: Compile;
  readonly #done: () => void;
  readonly #failed: (error: TransientError) => void;
  readonly #results = new Map<string, Parsed<CompiledZone>>();
  readonly #waiting = new Map<string, CompileRequest>();
  #running = 0;
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
      // The order of a Map is that of insertion: what was used last goes last.
      this.#results.delete(key);
      this.#results.set(key, result);
      return result;
    },
  };

  want(requests: readonly CompileRequest[]): void {
    for (const request of requests) {
      const key = keyOf(request);
      if (!this.#results.has(key)) this.#waiting.set(key, request);
    }
    this.#forget(requests.length);
    this.#start();
  }

  /** Checks these now, for who makes one plan and no more. Rejects with a TransientError where it cannot. */
  async settle(requests: readonly CompileRequest[]): Promise<void> {
    for (const request of requests) this.#results.set(keyOf(request), await this.#compile(request));
  }

  #start(): void {
    if (performance.now() < this.#pausedUntil) return;
    for (const [key, request] of this.#waiting) {
      if (this.#running >= AT_ONCE) return;
      this.#waiting.delete(key);
      this.#running += 1;
      void this.#check(key, request);
    }
  }

  async #check(key: string, request: CompileRequest): Promise<void> {
    try {
      this.#results.set(key, await this.#compile(request));
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      this.#failed(error);
      this.#pausedUntil = performance.now() + RETRY_MS;
      setTimeout(this.#done, RETRY_MS).unref();
    } finally {
      this.#running -= 1;
    }
    this.#done();
    this.#start();
  }

  #forget(wanted: number): void {
    for (const key of this.#results.keys()) {
      if (this.#results.size <= wanted + KEPT) return;
      this.#results.delete(key);
    }
  }
}

const keyOf = ({ zone, text }: CompileRequest): string => `${zone}\0${text}`;
