import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import { ChangingMap } from '../layered-map.ts';
import type { PrimaryPlan, SecondaryPlan } from '../plan/plan-zone.ts';
import { type Endpoint, endpointId } from '../plan/topology.ts';
import type { ObservedPrimary } from '../plan/transfer-diagnosis.ts';
import type { TransferMemory } from '../plan/transfer-memory.ts';
import type { PrimaryProbe } from '../plan/transfer-probe.ts';
import { TokenBucket } from '../token-bucket.ts';
import type { Wire } from './wire.ts';

export interface OffCopiesDeps {
  readonly wire: Wire;
  readonly clock: Clock;
  /** Tells named to look at a zone's primaries now. */
  readonly refresh: (zone: DomainName) => Promise<void>;
  /** Other primaries than before are outdated. */
  readonly onOutdated: () => void;
}

/** A copy as far as it tells whether it is missing, behind or failing, and what was done about that. */
export interface OffCopy {
  readonly plan: PrimaryPlan | SecondaryPlan;
  /** The serial that was agreed on, as far as this pod has heard. */
  wanted: Serial | undefined;
  memory: TransferMemory;
  /** Undefined: it is as it should be. */
  off: Off | undefined;
}

/** What was done about a copy for as long as it is off. Times are whole ms by the monotonic clock. */
interface Off {
  readonly since: number;
  patience: number;
  /** When named was told last to refresh because of that, and how often in a row. */
  nudgedAt: number;
  nudges: number;
  /** What its primaries said when they were asked last, when that was, and how often in a row. */
  probed: readonly ObservedPrimary[];
  probedAt: number;
  probes: number;
}

/** named is given so long to get there by itself before its primaries are asked and it is told again … */
const PATIENCE_MS = 1000;
/** … and longer for a first transfer that nothing speaks against: a thousand of them take their time. */
const FIRST_PATIENCE_MS = 4000;
const LONGEST_PAUSE_MS = 30_000;
/**
 * Thousands of zones that wait at once, as in the first transfers of all, are not sped up by questions: what is asked of
 * primaries beyond SOA, and what named is told again, is limited. One zone stands for the others of the same primary.
 */
const TRANSFERS_ASKED = { burst: 50, perSecond: 5 };
const NUDGED = { burst: 1000, perSecond: 20 };

/** Sees to copies that have been missing, behind or failing for a while: asks their primaries, and tells named again. */
export class OffCopies {
  readonly #deps: OffCopiesDeps;
  readonly #outdated = new ChangingMap<DomainName, ReadonlySet<string>>();
  readonly #transfersAsked: TokenBucket;
  readonly #nudged: TokenBucket;

  constructor(deps: OffCopiesDeps) {
    this.#deps = deps;
    this.#transfersAsked = new TokenBucket(deps.clock, TRANSFERS_ASKED);
    this.#nudged = new TokenBucket(deps.clock, NUDGED);
  }

  /** Primaries (`endpointId`) that answered without having what was agreed on, by the zones that wait for it. */
  get outdated(): ReadonlyMap<DomainName, ReadonlySet<string>> {
    return this.#outdated.now;
  }

  forget(zone: DomainName): void {
    if (this.#outdated.get(zone) !== undefined) this.#outdated.set(zone, undefined);
  }

  /** Only a copy that has been missing, behind or failing for a while costs questions to its primaries. */
  async probe(
    copy: OffCopy,
    served: Awaited<ReturnType<Wire['soaHere']>>,
  ): Promise<ObservedPrimary[]> {
    const { plan, memory, wanted } = copy;
    if (plan.kind === 'primary') {
      copy.off = undefined;
      return [];
    }
    const serial = served.kind === 'soa' ? served.serial : undefined;
    const behind = serial === undefined || isOlder(serial, wanted);
    const now = Math.floor(this.#deps.clock.monotonic());
    const isOff = behind || memory.failures.size > 0 || memory.unserved.length > 0;
    copy.off = isOff ? (copy.off ?? offSince(now)) : undefined;
    const { off } = copy;
    if (off === undefined) return plan.primaries.map((endpoint) => ({ endpoint }));
    const first = serial === undefined && memory.failures.size === 0;
    off.patience = first ? FIRST_PATIENCE_MS : PATIENCE_MS;
    if (now - off.since < off.patience) {
      off.probes = 0;
      off.probed = [];
      return plan.primaries.map((endpoint) => ({ endpoint }));
    }
    const pause = Math.min(LONGEST_PAUSE_MS, PATIENCE_MS * 2 ** off.probes);
    const asked = plan.primaries.every(({ address, port }) =>
      off.probed.some(({ endpoint }) => endpoint.address === address && endpoint.port === port),
    );
    if (asked && now - off.probedAt < pause) return [...off.probed];
    off.probedAt = now;
    off.probes += 1;
    const deep = (memory.failures.size > 0 || off.probes > 1) && this.#transfersAsked.tryTake();
    off.probed = await Promise.all(
      plan.primaries.map(async (endpoint) => ({
        endpoint,
        probe: await this.#ask(endpoint, plan.zone, deep),
      })),
    );
    return [...off.probed];
  }

  /** Another primary may have what this one lacks; when all were found to lack it, they get another turn. */
  noteOutdated({ plan, wanted, off }: OffCopy): void {
    const { zone } = plan;
    if (plan.kind === 'primary' || off === undefined) {
      this.forget(zone);
      return;
    }
    const before = this.#outdated.get(zone) ?? new Set();
    const lacking = off.probed
      .filter((each) => lacks(each, wanted))
      .map((each) => endpointId(each.endpoint));
    const all = new Set([...before, ...lacking]);
    if (all.size === before.size) return;
    const isEach = plan.candidates.every((candidate) => all.has(endpointId(candidate)));
    this.#outdated.set(zone, isEach ? new Set(lacking) : all);
    this.#deps.onOutdated();
  }

  /** named waits long before it tries again by itself; a copy that could be current is not left to that. */
  nudge(copy: OffCopy): void {
    const { off, memory } = copy;
    if (off === undefined || memory.running !== undefined) return;
    const now = Math.floor(this.#deps.clock.monotonic());
    const pause = Math.min(LONGEST_PAUSE_MS, off.patience * 2 ** off.nudges);
    if (now - Math.max(off.since, off.nudgedAt) < pause || !this.#nudged.tryTake()) return;
    off.nudgedAt = now;
    off.nudges += 1;
    void this.#deps.refresh(copy.plan.zone).catch(() => undefined);
  }

  /** @param deep whether to ask for the zone too, which costs the primary the start of a transfer */
  async #ask(endpoint: Endpoint, zone: DomainName, deep: boolean): Promise<PrimaryProbe> {
    const { wire, clock } = this.#deps;
    const soa = await wire.soa(endpoint, zone);
    if (soa.kind !== 'soa') return { at: clock.now(), soa };
    if (!deep) return { at: clock.now(), soa };
    const transfer = await wire.wouldTransfer(endpoint, zone);
    return { at: clock.now(), soa, transfer };
  }
}

const offSince = (since: number): Off => ({
  since,
  patience: PATIENCE_MS,
  nudgedAt: 0,
  nudges: 0,
  probed: [],
  probedAt: 0,
  probes: 0,
});

/** Than what was agreed on, as far as that is known. */
export const isOlder = (serial: Serial, wanted: Serial | undefined): boolean =>
  wanted !== undefined && isNewer(wanted, serial);

/** It answers, but does not have the zone, or not as new as it was agreed on. */
const lacks = ({ probe }: ObservedPrimary, wanted: Serial | undefined): boolean =>
  probe?.soa.kind === 'rcode' || (probe?.soa.kind === 'soa' && isOlder(probe.soa.serial, wanted));
