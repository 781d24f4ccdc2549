import type { ZoneCommander } from '../apply/zone-commands.ts';
import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import type { Endpoint } from '../plan/topology.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';

/** A zone to be brought up to date, where from, and what is served now as far as it is known. */
export interface Refreshable {
  readonly zone: DomainName;
  readonly primary: Endpoint | undefined;
  readonly serial: Serial | undefined;
}

export interface RefresherDeps {
  readonly command: ZoneCommander;
  readonly clock: Clock;
  readonly soa: (endpoint: Endpoint, zone: DomainName) => Promise<SoaProbe>;
  readonly failed: (error: unknown) => void;
  /** When the zone's data last came, in ms since 1970. */
  readonly arrivedAt: (zone: DomainName) => number | undefined;
}

/** Questions at once; more would overflow a socket's buffer. */
const QUESTIONS = 64;
/**
 * Of a thousand refreshes at once named loses one or two answers, and waits five seconds for each. Zones that are known to
 * be current are refreshed in bursts of this size, only to prove them.
 */
const BURST = 50;
const BURST_PAUSE_MS = 20;

/**
 * Has named look at the primaries of many zones. The agent asks for the serials itself, a cheap question, so that the zones
 * that are behind go first and nothing stands in the way of their transfers.
 */
export class Refresher {
  readonly #deps: RefresherDeps;
  /** Since when they wait, in ms since 1970. */
  readonly #waiting = new Map<DomainName, number>();
  #running: Promise<void> | undefined;

  constructor(deps: RefresherDeps) {
    this.#deps = deps;
  }

  /** Resolves when the zones that are behind were refreshed; the others follow at their own pace. */
  async refresh(zones: Iterable<Refreshable>): Promise<void> {
    const since = this.#deps.clock.now();
    const current: DomainName[] = [];
    await atOnce(QUESTIONS, [...zones], async (each) => {
      if (await this.#isCurrent(each)) current.push(each.zone);
      else await this.#deps.command('refresh', each.zone);
    });
    for (const zone of current) this.#waiting.set(zone, since);
    this.#running ??= this.#provePaced()
      .catch(this.#deps.failed)
      .finally(() => {
        this.#running = undefined;
      });
  }

  /**
   * Or not known to be behind: of a zone that is not served yet named asks by itself, and where a primary does not answer
   * us it will find no more than we did.
   */
  async #isCurrent({ zone, primary, serial }: Refreshable): Promise<boolean> {
    if (serial === undefined || primary === undefined) return true;
    const answer = await this.#deps.soa(primary, zone);
    return answer.kind !== 'soa' || !isNewer(answer.serial, serial);
  }

  async #provePaced(): Promise<void> {
    while (this.#waiting.size > 0) {
      for (const [zone, since] of [...this.#waiting].slice(0, BURST)) {
        this.#waiting.delete(zone);
        // What has come meanwhile came from a primary that named asked by itself.
        const hasCome = (this.#deps.arrivedAt(zone) ?? 0) > since;
        if (!hasCome) await this.#deps.command('refresh', zone);
      }
      await this.#deps.clock.sleep(BURST_PAUSE_MS);
    }
  }
}
