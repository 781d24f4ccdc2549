import { type Child, tail } from '../rig/child.ts';
import { until } from '../rig/until.ts';

/** The one server that tests break. It keeps its port and its data throughout. */
export class ApiServer {
  readonly #start: () => Child;
  readonly #ready: () => Promise<boolean>;
  #child: Child;

  constructor(start: () => Child, ready: () => Promise<boolean>) {
    this.#start = start;
    this.#ready = ready;
    this.#child = start();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get log(): string {
    return this.#child.log;
  }

  running(): boolean {
    return this.#child.running();
  }

  /** kill -9; it stays away until `start()`. */
  async kill(): Promise<void> {
    await this.#child.stop('SIGKILL');
  }

  /** SIGSTOP: connections stay open and nothing is answered. */
  pause(): void {
    this.#child.signal('SIGSTOP');
  }

  resume(): void {
    this.#child.signal('SIGCONT');
  }

  /** After `kill()`; resolves when `/readyz` says ok. */
  async start(): Promise<void> {
    if (this.running()) throw new Error('the API server is running');
    this.#child = this.#start();
    await this.ready();
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.start();
  }

  async ready(): Promise<void> {
    await untilUp(this, this.#ready);
  }
}

/** Waits, but not for a server that has ended. */
export async function untilUp(
  server: Pick<Child, 'running' | 'log'>,
  probe: () => boolean | Promise<boolean>,
): Promise<void> {
  try {
    await until(async () => !server.running() || (await probe()), {
      what: `the start of ${server.log}`,
      withinMs: 60_000,
    });
    if (!server.running()) throw new Error(`${server.log}: it has ended`);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`${text}\n${tail(server.log)}`);
  }
}
