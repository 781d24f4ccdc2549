import type { ZoneCopy } from './zone-copy.ts';

/** A zone's copy with the number of its last change. */
export interface FeedZone extends ZoneCopy {
  readonly seq: number;
}

/** An answer of `GET /transfers`: what changed after the number that was asked for. */
export interface FeedPage {
  readonly pod: string;
  readonly uid: string;
  /** Another value means that older numbers say nothing: mostly, that the peer's agent was restarted. */
  readonly epoch: string;
  /** Ask with this number next time. */
  readonly seq: number;
  /** The page starts a whole account: forget what was known of this peer. */
  readonly full: boolean;
  /** There is more already: ask again at once. */
  readonly more: boolean;
  readonly zones: readonly FeedZone[];
  /** Objects (`namespace/name`) that this pod has no longer. */
  readonly gone: readonly string[];
}

/** Who tells, and how much. */
export interface FeedOptions {
  readonly pod: string;
  readonly uid: string;
  /** Anything that no earlier run of this agent used. */
  readonly epoch: string;
  /** Zones of one page. */
  readonly pageSize?: number;
  /** Milliseconds for which changes are gathered before those who wait are answered. */
  readonly gatherMs?: number;
  /** How many removals are remembered; past it a new epoch begins, and everyone asks for a whole account once. */
  readonly goneLimit?: number;
}

/** The peer feed: the newest copy of each zone, in the order of their last change, in memory. */
export class Feed {
  readonly #pod: string;
  readonly #uid: string;
  readonly #firstEpoch: string;
  readonly #pageSize: number;
  readonly #gatherMs: number;
  readonly #goneLimit: number;
  // Maps keep the order of insertion; a change takes its entry out and puts it in last.
  readonly #zones = new Map<string, FeedZone>();
  readonly #gone = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #epochs = 0;
  #seq = 0;
  #gathering: NodeJS.Timeout | undefined;
  #closed = false;

  constructor({ pod, uid, epoch, pageSize, gatherMs, goneLimit }: FeedOptions) {
    this.#pod = pod;
    this.#uid = uid;
    this.#firstEpoch = epoch;
    this.#pageSize = pageSize ?? 5000;
    this.#gatherMs = gatherMs ?? 50;
    this.#goneLimit = goneLimit ?? 10_000;
  }

  /** Takes a zone's copy, and returns it as it is told from now on: the former, where nothing in it changed. */
  put(copy: ZoneCopy): FeedZone {
    const known = this.#zones.get(copy.object);
    if (known !== undefined && sameCopy(known, copy)) return known;
    this.#seq += 1;
    const told = { ...copy, seq: this.#seq };
    this.#zones.delete(copy.object);
    this.#zones.set(copy.object, told);
    this.#gone.delete(copy.object);
    this.#changed();
    return told;
  }

  /** Forgets a zone, and tells so. */
  drop(object: string): void {
    if (!this.#zones.delete(object)) return;
    this.#seq += 1;
    this.#gone.set(object, this.#seq);
    if (this.#gone.size > this.#goneLimit) {
      this.#gone.clear();
      this.#epochs += 1;
    }
    this.#changed();
  }

  /** What changed after `seq`; a whole account where `seq` is 0 or of another epoch. */
  since(seq: number, epoch: string = this.#epoch()): FeedPage {
    const full = seq === 0 || seq > this.#seq || epoch !== this.#epoch();
    const from = full ? 0 : seq;
    const zones: FeedZone[] = [];
    let more = false;
    for (const zone of this.#zones.values()) {
      if (zone.seq <= from) continue;
      more = zones.length === this.#pageSize;
      if (more) break;
      zones.push(zone);
    }
    const upTo = more ? (zones.at(-1)?.seq ?? this.#seq) : this.#seq;
    const gone = full ? [] : [...this.#gone].filter(([, at]) => at > from && at <= upTo);
    return {
      pod: this.#pod,
      uid: this.#uid,
      epoch: this.#epoch(),
      seq: upTo,
      full,
      more,
      zones,
      gone: gone.map(([object]) => object),
    };
  }

  /** As `since`, but where nothing changed it waits for a change, for `ms` milliseconds or for the signal. */
  async wait(
    seq: number,
    epoch: string | undefined,
    ms: number,
    signal: AbortSignal,
  ): Promise<FeedPage> {
    const page = this.since(seq, epoch);
    const unchanged = page.seq === seq && page.epoch === (epoch ?? page.epoch);
    if (unchanged && !this.#closed && !signal.aborted) await this.#change(ms, signal);
    return unchanged ? this.since(seq, epoch) : page;
  }

  /** Answers everyone who waits, and lets nobody wait any more. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  #epoch(): string {
    return this.#epochs === 0 ? this.#firstEpoch : `${this.#firstEpoch}.${this.#epochs}`;
  }

  #change(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      signal.addEventListener('abort', done, { once: true });
      this.#waiting.add(done);
    });
  }

  #changed(): void {
    if (this.#waiting.size === 0) return;
    this.#gathering ??= setTimeout(() => this.#wake(), this.#gatherMs);
  }

  #wake(): void {
    clearTimeout(this.#gathering);
    this.#gathering = undefined;
    for (const done of [...this.#waiting]) done();
  }
}

/** Equal in every field; a copy's fields are plain values. */
function sameCopy({ seq: _, ...known }: FeedZone, copy: ZoneCopy): boolean {
  const fields = new Set([...Object.keys(known), ...Object.keys(copy)]) as Set<keyof ZoneCopy>;
  return [...fields].every((field) => known[field] === copy[field]);
}
