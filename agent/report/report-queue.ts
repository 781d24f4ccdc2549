import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import { Mailbox } from '../mailbox.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { StatusWrite } from './metrics.ts';
import { type Urgency, urgencies } from './urgency.ts';
import type { ZoneReport } from './zone-report.ts';

export interface ReportQueueOptions {
  readonly clock: Clock;
  /** From 0 to below 1: pods that could not write for the same reason do not all come back at once. */
  readonly random: () => number;
  /** Writes one report. Never rejects. A report that failed is tried again; after a conflict a new one is to be put. */
  readonly write: (zone: ObjectKey, report: ZoneReport) => Promise<StatusWrite>;
}

/** What waits for something better to tell. */
export interface Waited {
  readonly urgency: Urgency;
  /** Since when the zone waits, and since when it does so with this urgency; by the monotonic clock. */
  readonly since: number;
  readonly urgentSince: number;
}

interface Waiting extends Waited {
  readonly report: ZoneReport;
  /** How often in a row it could not be written, and when to try again. */
  readonly failures: number;
  readonly retryAt: number;
}

/** 150 writes a second. An API server takes about 200 from all, and sends each to every watcher. */
const BATCH = 30;
const BATCH_MS = 200;
/** More at once are not done sooner. */
const AT_ONCE = 8;
/** A zone is written this often at most, unless something turns bad. */
const SPACING_MS = 1000;
/** For so long it is waited for something better to tell; longer where much waits: it cannot all be told at once anyway. */
const holds: Readonly<Record<Urgency, number>> = {
  failing: 0,
  settled: 0,
  arriving: 1500,
  passing: 5000,
  leaving: 10_000,
};
/** At least, for each zone that waits; or what one write takes of the time. */
const HOLD_PER_ZONE_MS = 15;
const LONGEST_HOLD_MS = 40_000;
/** So many of the latest writes tell how long one takes, and for so long. */
const LATENCIES = 16;
const LATENCY_MS = 30_000;

/** How it waits from now on, given how it did. */
export const waitedOn = (before: Waited | undefined, urgency: Urgency, now: number): Waited => ({
  urgency,
  since: before?.since ?? now,
  urgentSince: before?.urgency === urgency ? before.urgentSince : now,
});

/** After writes that failed one after the other: so many of one zone, or of any zones. */
const zonePause = (failures: number): number => Math.min(60_000, 500 * 2 ** failures);
const pauseOfAll = (failures: number): number =>
  failures < AT_ONCE ? 0 : Math.min(8000, 250 * 2 ** Math.floor(failures / AT_ONCE));
/** Failures further apart are not one after the other. */
const STREAK_MS = 30_000;

/**
 * The reports that wait to be written: the newest of each zone, what turned bad first, what is about to change last, at a
 * pace that leaves the API server time for others.
 */
export class ReportQueue {
  readonly #options: ReportQueueOptions;
  readonly #waiting = new Map<ObjectKey, Waiting>();
  readonly #writing = new Map<ObjectKey, ZoneReport>();
  /** When zones were last written, the latest last; those before the spacing are forgotten. */
  readonly #written = new Map<ObjectKey, number>();
  readonly #bell = new Mailbox();
  /** Milliseconds from a write to its answer, on average of the latest ones that had one. */
  #latency = 0;
  #answeredAt = 0;
  #pausedUntil = 0;
  #failures = 0;
  #failedAt = 0;

  constructor(options: ReportQueueOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.size;
  }

  /**
   * Takes the place of what waits for the zone.
   *
   * @param waited how the zone has waited before there was a report
   */
  put(zone: ObjectKey, report: ZoneReport, urgency: Urgency, waited?: Waited): void {
    const now = this.#options.clock.monotonic();
    const before = this.#waiting.get(zone);
    if (now - this.#answeredAt > LATENCY_MS) this.#latency = 0;
    this.#waiting.set(zone, {
      report,
      ...waitedOn(before ?? waited, urgency, now),
      failures: before?.failures ?? 0,
      retryAt: before?.retryAt ?? 0,
    });
    this.#bell.ring();
  }

  /** There is nothing to tell of the zone any more. */
  drop(zone: ObjectKey): void {
    this.#waiting.delete(zone);
  }

  /** What waits to be written for the zone, or is being written just now. */
  latest(zone: ObjectKey): ZoneReport | undefined {
    return this.#waiting.get(zone)?.report ?? this.#writing.get(zone);
  }

  /** What is being written for the zone just now. */
  writing(zone: ObjectKey): ZoneReport | undefined {
    return this.#writing.get(zone);
  }

  /** Until when something waits, by the monotonic clock, where so many zones do: the slower they can be told, the longer. */
  waitsUntil({ urgency, since, urgentSince }: Waited, zones: number): number {
    const perZone = Math.max(HOLD_PER_ZONE_MS, this.#latency / AT_ONCE);
    return Math.min(urgentSince + holds[urgency] + perZone * zones, since + LONGEST_HOLD_MS);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (await this.#bell.next(signal)) {
      const startedAt = clock.monotonic();
      const batch = this.#ready(startedAt);
      await atOnce(AT_ONCE, batch, (zone) => this.#write(zone));
      const left = startedAt + BATCH_MS - clock.monotonic();
      if (batch.length === BATCH && left > 0) await clock.sleep(left, signal);
      let next = Number.POSITIVE_INFINITY;
      for (const [zone, waiting] of this.#waiting)
        next = Math.min(next, this.#readyAt(zone, waiting));
      if (Number.isFinite(next)) this.#bell.ringIn(Math.max(0, next - clock.monotonic()));
    }
    this.#bell.close();
  }

  /** The zones whose turn it is. */
  #ready(now: number): ObjectKey[] {
    for (const [zone, at] of this.#written) {
      if (at + SPACING_MS > now) break;
      this.#written.delete(zone);
    }
    return [...this.#waiting]
      .filter(([zone, waiting]) => this.#readyAt(zone, waiting) <= now)
      .sort(([, a], [, b]) => rankOf(a) - rankOf(b) || a.since - b.since)
      .slice(0, BATCH)
      .map(([zone]) => zone);
  }

  #readyAt(zone: ObjectKey, waiting: Waiting): number {
    const { urgency, retryAt } = waiting;
    const earliest = Math.max(retryAt, this.#pausedUntil);
    if (urgency === 'failing') return earliest;
    const spaced = (this.#written.get(zone) ?? Number.NEGATIVE_INFINITY) + SPACING_MS;
    if (urgency === 'settled') return Math.max(earliest, spaced);
    return Math.max(earliest, spaced, this.waitsUntil(waiting, this.#waiting.size));
  }

  async #write(zone: ObjectKey): Promise<void> {
    const { clock, write } = this.#options;
    const waiting = this.#waiting.get(zone);
    if (waiting === undefined || this.#pausedUntil > clock.monotonic()) return;
    this.#waiting.delete(zone);
    this.#writing.set(zone, waiting.report);
    const startedAt = clock.monotonic();
    const outcome = await write(zone, waiting.report);
    const now = clock.monotonic();
    this.#writing.delete(zone);
    if (outcome === 'failed') this.#failed(zone, waiting, now);
    else {
      this.#failures = 0;
      this.#latency += (now - startedAt - this.#latency) / LATENCIES;
      this.#answeredAt = now;
    }
    if (outcome !== 'written') return;
    this.#written.delete(zone);
    this.#written.set(zone, now);
  }

  #failed(zone: ObjectKey, tried: Waiting, now: number): void {
    const { random } = this.#options;
    const failures = tried.failures + 1;
    const retryAt = now + zonePause(failures) * (0.5 + random() / 2);
    // There may be something newer to tell by now.
    this.#waiting.set(zone, { ...(this.#waiting.get(zone) ?? tried), failures, retryAt });
    this.#failures = now - this.#failedAt > STREAK_MS ? 1 : this.#failures + 1;
    this.#failedAt = now;
    this.#pausedUntil = now + pauseOfAll(this.#failures) * (0.5 + random() / 2);
  }
}

const rankOf = ({ urgency }: Waiting): number => urgencies.indexOf(urgency);
