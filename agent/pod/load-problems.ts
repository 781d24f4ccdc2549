import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import type { TransferEvent } from '../plan/transfer-event.ts';
import { ShortMemory } from '../short-memory.ts';

/** Whoever has told named to load a zone waits for it no longer than half of this. */
const KEEP_MS = 60_000;
/** named logs to the ms and its clock is read before ours. */
const CLOCK_GRAIN_MS = 50;

/** What named's log has said just now of zones that it did not load; also of zones that nothing else is known of. */
export class LoadProblems {
  readonly #problems: ShortMemory<DomainName, { readonly at: number; readonly detail: string }>;

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#problems = new ShortMemory(KEEP_MS, clock);
  }

  note(event: Exclude<TransferEvent, { kind: 'bad-signature' }>): void {
    if (event.kind === 'loaded') this.#problems.forget(event.zone);
    if (event.kind === 'load-problem')
      this.#problems.put(event.zone, { at: event.at, detail: event.detail });
  }

  /** @param since in ms since 1970 */
  since(zone: DomainName, since: number): string | undefined {
    const problem = this.#problems.get(zone);
    return problem !== undefined && problem.at >= since - CLOCK_GRAIN_MS
      ? problem.detail
      : undefined;
  }
}
