import { differing } from '../layered-map.ts';
import type { DNSZone, DnsRecord, ObjectKey } from '../resources/types.ts';
import { ZoneLookup } from './zone-lookup.ts';

type Zones = ReadonlyMap<ObjectKey, DNSZone>;

/** The share of zones that may differ from the base before a new one is made. */
const mostDiffering = 1 / 8;

/**
 * Tells which zones a record belongs to, by what the zones say. Where few zones changed, it looks them up by
 * themselves and for the rest asks what was made before.
 */
export class RecordReach {
  readonly #zones: Zones;
  /** Of many zones, made once and then shared by those that follow. */
  readonly #base: ZoneLookup;
  /** Zones that came since the base was made, say something else now, or are gone. */
  readonly #stale: ReadonlySet<ObjectKey>;
  readonly #fresh: ZoneLookup | undefined;
  /** What the zones say otherwise than those that the former was made for. */
  readonly saidAnew: Differing;

  constructor(zones: Zones, former?: RecordReach) {
    this.#zones = zones;
    this.saidAnew = former === undefined ? NOTHING : saidAnew(former.#zones, zones);
    const { changed, gone } = this.saidAnew;
    const stale = new Set([
      ...(former === undefined ? [] : former.#stale),
      ...changed.map(({ key }) => key),
      ...gone,
    ]);
    if (former === undefined || stale.size > zones.size * mostDiffering) {
      this.#base = new ZoneLookup(zones.values());
      this.#stale = new Set();
    } else {
      this.#base = former.#base;
      this.#stale = stale;
      const fresh = [...stale].flatMap((key) => zones.get(key) ?? []);
      this.#fresh = new ZoneLookup(fresh);
    }
  }

  /** The zones that the record belongs to, each once. */
  of(record: DnsRecord): readonly ObjectKey[] {
    const found = this.#base.of(record);
    if (this.#fresh === undefined) return found;
    const fresh = this.#fresh.of(record);
    const staying = found.some((zone) => this.#stale.has(zone))
      ? found.filter((zone) => !this.#stale.has(zone))
      : found;
    return fresh.length === 0 ? staying : [...staying, ...fresh];
  }
}

/** The zones that were not there before, or said something else, and those that are gone. */
interface Differing {
  readonly changed: readonly DNSZone[];
  readonly gone: readonly ObjectKey[];
}

const NOTHING: Differing = { changed: [], gone: [] };

function saidAnew(former: Zones, zones: Zones): Differing {
  const changed: DNSZone[] = [];
  const gone: ObjectKey[] = [];
  for (const key of differing(former, zones)) {
    const [before, now] = [former.get(key), zones.get(key)];
    if (now === undefined) gone.push(key);
    else if (before === undefined || !saysTheSame(before, now)) changed.push(now);
  }
  return { changed, gone };
}

const saysTheSame = (a: DNSZone, b: DNSZone): boolean =>
  a.spec.zoneName === b.spec.zoneName &&
  JSON.stringify(a.spec.recordsFrom) === JSON.stringify(b.spec.recordsFrom);
