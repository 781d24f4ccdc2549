import type { Clock } from '../clock.ts';
import { type NamedStatus, parseNamedStatus } from '../plan/named-status.ts';
import type { Rndc } from './rndc.ts';

export type LinkState =
  | { readonly kind: 'down'; readonly why: string }
  | { readonly kind: 'up'; readonly status: NamedStatus };

export interface LinkEvents {
  /** named answers again, or is another process than before: what it has must be looked at anew. */
  readonly onUp: (status: NamedStatus) => void;
  /** named does not answer, or not for the reason it did not before. */
  readonly onDown: (why: string) => void;
}

/** While named is away it is asked often at first: a start is to be noticed at once. */
const EAGER_MS = 20;
const PATIENT_MS = 500;
const EAGER_FOR_MS = 60_000;
const WATCH_MS = 2000;

/** Knows whether named is there, by asking it over the control channel. */
export class NamedLink {
  readonly #rndc: Rndc;
  readonly #events: LinkEvents;
  readonly #clock: Clock;
  #state: LinkState = { kind: 'down', why: 'not asked yet' };
  #downSince: number;
  #wake: () => void = () => undefined;

  constructor(rndc: Rndc, events: LinkEvents, clock: Clock) {
    this.#rndc = rndc;
    this.#events = events;
    this.#clock = clock;
    this.#downSince = clock.monotonic();
  }

  get state(): LinkState {
    return this.#state;
  }

  async watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.check(signal);
      const woken = new AbortController();
      this.#wake = () => woken.abort();
      await this.#clock.sleep(this.#pause(), AbortSignal.any([signal, woken.signal]));
    }
  }

  /** named has ended a connection: whoever answers next may be another process, started within the same second. */
  lost(): void {
    if (this.#state.kind === 'down') return;
    this.#goDown('it has closed the control channel');
    this.#wake();
  }

  /** Asks once, now; tells the events what changed. */
  async check(signal?: AbortSignal): Promise<LinkState> {
    const next = await this.#ask(signal);
    if (signal?.aborted) return this.#state;
    if (next.kind === 'down') this.#goDown(next.why);
    else if (!this.#isKnown(next.status)) this.#goUp(next.status);
    else this.#state = next;
    return this.#state;
  }

  #isKnown({ bootTime }: NamedStatus): boolean {
    return this.#state.kind === 'up' && this.#state.status.bootTime === bootTime;
  }

  #goUp(status: NamedStatus): void {
    // What is not loaded yet must not be taken for broken.
    if (status.loading) {
      this.#goDown('it is loading its zones');
      return;
    }
    this.#state = { kind: 'up', status };
    this.#events.onUp(status);
  }

  #goDown(why: string): void {
    const before = this.#state;
    this.#state = { kind: 'down', why };
    if (before.kind === 'up') this.#downSince = this.#clock.monotonic();
    if (before.kind === 'up' || before.why !== why) this.#events.onDown(why);
  }

  async #ask(signal: AbortSignal | undefined): Promise<LinkState> {
    try {
      const answer = await this.#rndc.command('status', signal);
      if (!answer.ok) return { kind: 'down', why: answer.error ?? `rndc status: ${answer.text}` };
      const status = parseNamedStatus(answer.text);
      return 'problem' in status ? { kind: 'down', why: status.problem } : { kind: 'up', status };
    } catch (error) {
      return { kind: 'down', why: error instanceof Error ? error.message : String(error) };
    }
  }

  #pause(): number {
    if (this.#state.kind === 'up') return WATCH_MS;
    const away = this.#clock.monotonic() - this.#downSince;
    return away < EAGER_FOR_MS ? EAGER_MS : PATIENT_MS;
  }
}
