import { type ControlAddress, ControlConnection } from './control-connection.ts';
import { ControlError } from './control-error.ts';
import type { ControlAnswer, Rndc } from './rndc.ts';

export interface ControlChannelOptions extends ControlAddress {
  /** How long one command may take, connecting included; `reconfig` may take longer. */
  readonly timeoutMs: number;
  /** How long an unused connection waits before it says something; named closes it after 30 s. */
  readonly keepAliveMs?: number;
  /** named has ended a connection that worked: its process has ended, or our key is no more. */
  readonly onLost?: () => void;
}

interface Job {
  readonly text: string;
  readonly promise: Promise<ControlAnswer>;
  readonly resolve: (answer: ControlAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** named resets the connection on messages above 32 kB (BIND 9.18 `controlconf.c`), ours has some bytes of its own. */
export const MAX_COMMAND = 29_000;
const KEEP_ALIVE_MS = 20_000;
/**
 * They only have named do soon what it does anyway, by the thousand when a primary moves: they give way to every other
 * command, and the same again is not asked for twice before it is sent.
 */
const PATIENT = /^(refresh|notify) /;
/** `reconfig` answers when it is done: after 5 s and more at 100,000 zones. To give up means to have it done again. */
const RECONFIG_MS = 30_000;

/**
 * named's control channel on one connection, kept and renewed as needed. Commands wait for each other: named answers one
 * at a time. A command that found a kept connection dead is sent once more on a new one, so after a crash of named it may
 * have been carried out twice (`addzone` then answers `already exists`).
 */
export class ControlChannel implements Rndc {
  readonly #options: ControlChannelOptions;
  readonly #queue: Job[] = [];
  /** By their texts, in the order in which they came. */
  readonly #patient = new Map<string, Job>();
  #connection: ControlConnection | undefined;
  #current: Job | undefined;
  #closed = false;
  #keepAlive: NodeJS.Timeout | undefined;

  constructor(options: ControlChannelOptions) {
    this.#options = options;
  }

  /** Rejects with a ControlError, or with the signal's reason when it aborts. */
  async command(text: string, signal?: AbortSignal): Promise<ControlAnswer> {
    const problem = this.#refusal(text);
    if (problem !== undefined) throw problem;
    signal?.throwIfAborted();
    const isPatient = signal === undefined && PATIENT.test(text);
    const asked = isPatient ? this.#patient.get(text) : undefined;
    if (asked !== undefined) return asked.promise;
    const job: Job = { text, ...Promise.withResolvers<ControlAnswer>() };
    if (isPatient) this.#patient.set(text, job);
    else this.#queue.push(job);
    if (this.#current === undefined) void this.#work();
    const abort = (): void => this.#abort(job, signal?.reason);
    signal?.addEventListener('abort', abort);
    return job.promise.finally(() => signal?.removeEventListener('abort', abort));
  }

  /** Ends the connection. What is under way or waiting fails, and so does every further command. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#keepAlive);
    const error = closedByUs();
    this.#connection?.fail(error);
    this.#refuseAll(error);
  }

  #refusal(text: string): ControlError | undefined {
    if (this.#closed) return closedByUs();
    const length = Buffer.byteLength(text);
    if (length <= MAX_COMMAND) return undefined;
    const [verb] = text.split(' ', 1);
    return new ControlError(
      'too-large',
      `the command ${verb} is ${length} bytes long, and named takes ${MAX_COMMAND} at most`,
    );
  }

  async #work(): Promise<void> {
    clearTimeout(this.#keepAlive);
    for (let job = this.#next(); job !== undefined; job = this.#next()) {
      this.#current = job;
      try {
        job.resolve(await this.#carryOut(job.text));
      } catch (error) {
        job.reject(error);
        if (error instanceof ControlError && error.kind === 'timeout') this.#giveUp(error);
      }
    }
    this.#current = undefined;
    this.#keepAliveLater();
  }

  #next(): Job | undefined {
    const urgent = this.#queue.shift();
    if (urgent !== undefined) return urgent;
    const [job] = this.#patient.values();
    if (job !== undefined) this.#patient.delete(job.text);
    return job;
  }

  #refuseAll(error: ControlError): void {
    const jobs = [...this.#queue.splice(0), ...this.#patient.values()];
    this.#patient.clear();
    for (const job of jobs) job.reject(error);
  }

  /** What is under way takes the connection with it: its answer would be taken for the next command's. */
  #abort(job: Job, reason: unknown): void {
    if (this.#current === job) {
      this.#connection?.fail(reason);
      return;
    }
    this.#queue.splice(this.#queue.indexOf(job), 1);
    job.reject(reason);
  }

  /** One hung named, one time to wait: not one for each command in the queue. */
  #giveUp(error: ControlError): void {
    const words = `not sent, for the command before it failed: ${error.message}`;
    this.#refuseAll(new ControlError('timeout', words));
  }

  async #carryOut(text: string): Promise<ControlAnswer> {
    const { timeoutMs } = this.#options;
    const ms = text === 'reconfig' ? Math.max(timeoutMs, RECONFIG_MS) : timeoutMs;
    const late = setTimeout(() => this.#connection?.fail(this.#timeout(ms)), ms);
    try {
      return await this.#ask(text);
    } finally {
      clearTimeout(late);
    }
  }

  async #ask(text: string): Promise<ControlAnswer> {
    const kept = this.#connection;
    if (kept?.usable) {
      try {
        return await kept.ask(text);
      } catch (error) {
        const died = error instanceof ControlError && error.kind === 'closed';
        if (!died || this.#closed) throw error;
      }
    }
    if (this.#closed) throw closedByUs();
    this.#connection = new ControlConnection(this.#options, this.#options.onLost ?? noOp);
    return this.#connection.ask(text);
  }

  #timeout(ms: number): ControlError {
    const { host, port } = this.#options;
    return new ControlError(
      'timeout',
      `named did not answer on its control channel at ${host} port ${port} within ${ms} ms: it hangs, or is loading zones`,
    );
  }

  #keepAliveLater(): void {
    if (this.#closed) return;
    const beat = (): void => {
      // A failure ends the connection; the next command makes a new one.
      if (this.#connection?.usable) this.command('null').catch(() => undefined);
    };
    this.#keepAlive = setTimeout(beat, this.#options.keepAliveMs ?? KEEP_ALIVE_MS).unref();
  }
}

const noOp = (): void => undefined;

const closedByUs = (): ControlError => new ControlError('closed', 'the control channel was closed');
