import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';

interface Failing {
  readonly signature: string;
  readonly why: string;
  readonly attempts: number;
  readonly dueAt: number;
}

const FIRST_MS = 1000;
const LONGEST_MS = 60_000;

/** What failed is tried again after a growing pause; something else about the same zone at once. */
export class Backoff {
  readonly #clock: Clock;
  readonly #failing = new Map<DomainName, Failing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isDue(zone: DomainName, signature: string): boolean {
    const failing = this.#failing.get(zone);
    return failing?.signature !== signature || failing.dueAt <= this.#clock.monotonic();
  }

  failed(zone: DomainName, signature: string, why: string): void {
    const before = this.#failing.get(zone);
    const attempts = before?.signature === signature ? before.attempts + 1 : 0;
    const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempts);
    this.#failing.set(zone, { signature, why, attempts, dueAt: this.#clock.monotonic() + pause });
  }

  succeeded(zone: DomainName): void {
    this.#failing.delete(zone);
  }

  /** What is not wanted any more does not fail any more. */
  keepOnly(zones: ReadonlySet<DomainName>): void {
    for (const zone of this.#failing.keys()) if (!zones.has(zone)) this.#failing.delete(zone);
  }

  /** Milliseconds until the next one is due; undefined where nothing fails. */
  nextDue(): number | undefined {
    const dues = [...this.#failing.values()].map(({ dueAt }) => dueAt - this.#clock.monotonic());
    return dues.length === 0 ? undefined : Math.max(1, ...[Math.min(...dues)]);
  }

  reasons(): Map<DomainName, string> {
    return new Map([...this.#failing].map(([zone, { why }]) => [zone, why]));
  }
}
