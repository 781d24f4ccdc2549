import type { ZoneCommander } from '../apply/zone-commands.ts';
import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import type { Endpoint } from '../plan/topology.ts';
import type { Arrival } from '../plan/transfer-memory.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';

/** A zone to be brought up to date, where from, and what is served now as far as it is known. */
export interface Refreshable {
  readonly zone: DomainName;
  readonly primary: Endpoint | undefined;
  readonly serial: Serial | undefined;
}

/** What a zone has, beside its primary. `unknown`: it is not served yet, or its primary has nothing newer, nor the same. */
type Standing = 'behind' | 'current' | 'unknown';

/** To be refreshed in its turn. */
interface Awaiting extends Pick<Refreshable, 'zone' | 'primary'> {
  /** What had come when that was ordered. */
  readonly before: Arrival | undefined;
}

export interface RefresherDeps {
  readonly command: ZoneCommander;
  readonly clock: Clock;
  readonly soa: (endpoint: Endpoint, zone: DomainName) => Promise<SoaProbe>;
  readonly failed: (error: unknown) => void;
  /** The last transfer that brought the zone data: another value stands for another transfer. */
  readonly arrivalOf: (zone: DomainName) => Arrival | undefined;
}

/** Questions at once; more would overflow a socket's buffer. */
const QUESTIONS = 64;
/**
 * Of a thousand refreshes at once named loses one or two answers, and waits five seconds for each. Zones that are not
 * known to be behind are refreshed in bursts of this size: named learns, and logs, how their primaries answer.
 */
const BURST = 50;
const BURST_PAUSE_MS = 20;

/**
 * Has named look at the primaries of many zones. The agent asks for the serials itself, a cheap question, so that the zones
 * that are behind go first and nothing stands in the way of their transfers.
 */
export class Refresher {
  readonly #deps: RefresherDeps;
  readonly #waiting = new Map<DomainName, Awaiting>();
  #running: Promise<void> | undefined;

  constructor(deps: RefresherDeps) {
    this.#deps = deps;
  }

  /** Resolves when the zones that are behind were refreshed; the others follow at their own pace. */
  async refresh(zones: Iterable<Refreshable>): Promise<void> {
    await this.#order(zones, ['current', 'unknown']);
  }

  /** The same of zones whose primaries are no others: one that has what its primary answers with is left to named. */
  async catchUp(zones: Iterable<Refreshable>): Promise<void> {
    await this.#order(zones, ['unknown']);
  }

  async #order(zones: Iterable<Refreshable>, proven: readonly Standing[]): Promise<void> {
    const later: Awaiting[] = [];
    await atOnce(QUESTIONS, [...zones], async (each) => {
      const { zone, primary } = each;
      const before = this.#deps.arrivalOf(zone);
      const standing = await this.#standingOf(each);
      if (standing === 'behind') await this.#deps.command('refresh', zone);
      else if (proven.includes(standing)) later.push({ zone, primary, before });
    });
    for (const each of later) this.#waiting.set(each.zone, each);
    this.#running ??= this.#provePaced()
      .catch(this.#deps.failed)
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #standingOf({ zone, primary, serial }: Refreshable): Promise<Standing> {
    if (serial === undefined || primary === undefined) return 'unknown';
    const answer = await this.#deps.soa(primary, zone);
    if (answer.kind !== 'soa' || !answer.authoritative) return 'unknown';
    if (isNewer(answer.serial, serial)) return 'behind';
    return answer.serial === serial ? 'current' : 'unknown';
  }

  /** Its primary has given it meanwhile: named has asked by itself. */
  #hasCome({ zone, primary, before }: Awaiting): boolean {
    const arrival = this.#deps.arrivalOf(zone);
    const isNew = arrival !== undefined && arrival.at !== before?.at;
    return isNew && primary !== undefined && arrival.from === primary.address;
  }

  async #provePaced(): Promise<void> {
    while (this.#waiting.size > 0) {
      for (const each of [...this.#waiting.values()].slice(0, BURST)) {
        this.#waiting.delete(each.zone);
        if (!this.#hasCome(each)) await this.#deps.command('refresh', each.zone);
      }
      await this.#deps.clock.sleep(BURST_PAUSE_MS);
    }
  }
}
