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
      await this.#clock.sleep(this.#pause(), signal);
    }
  }

  /** Asks once, now; tells the events what changed. */
  async check(signal?: AbortSignal): Promise<LinkState> {
    const next = await this.#ask(signal);
    if (signal?.aborted) return this.#state;
    const before = this.#state;
    this.#state = next;
    if (next.kind === 'up') {
      if (before.kind === 'down' || before.status.bootTime !== next.status.bootTime)
        this.#events.onUp(next.status);
    } else if (before.kind === 'up' || before.why !== next.why) {
      if (before.kind === 'up') this.#downSince = this.#clock.monotonic();
      this.#events.onDown(next.why);
    }
    return next;
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
