import { parseName } from '../dns/name.ts';
import { differing } from '../layered-map.ts';
import type { DNSZone, DnsRecord, ObjectKey } from '../resources/types.ts';
import { ZoneLookup } from './zone-lookup.ts';

type Zones = ReadonlyMap<ObjectKey, DNSZone>;

/** A lookup of many zones, made once and then shared by those that follow. */
interface Base {
  readonly lookup: ZoneLookup;
  readonly canonical: (text: string) => string;
}

const mostNames = 200_000;
/** The share of zones that may differ from the base before a new one is made. */
const mostDiffering = 1 / 8;

/**
 * Tells which zones a record belongs to, by what the zones say. Where few zones changed, it looks them up by
 * themselves and for the rest asks what was made before.
 */
export class RecordReach {
  readonly #zones: Zones;
  readonly #base: Base;
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
      this.#base = baseOf(zones);
      this.#stale = new Set();
    } else {
      this.#base = former.#base;
      this.#stale = stale;
      const fresh = [...stale].flatMap((key) => zones.get(key) ?? []);
      this.#fresh = new ZoneLookup(fresh, this.#base.canonical);
    }
  }

  /** The zones that the record belongs to, each once. */
  of(record: DnsRecord): readonly ObjectKey[] {
    const found = this.#base.lookup.of(record);
    if (this.#fresh === undefined) return found;
    const fresh = this.#fresh.of(record);
    const staying = found.some((zone) => this.#stale.has(zone))
      ? found.filter((zone) => !this.#stale.has(zone))
      : found;
    return fresh.length === 0 ? staying : [...staying, ...fresh];
  }

  /** The same of these zones alone. */
  among(zones: Iterable<DNSZone>): ZoneLookup {
    return new ZoneLookup(zones, this.#base.canonical);
  }
}

function baseOf(zones: Zones): Base {
  const canonical = canonicalNames();
  return { lookup: new ZoneLookup(zones.values(), canonical), canonical };
}

/** Names are written alike in many records: finding the canonical form takes longer than looking it up. */
function canonicalNames(): (text: string) => string {
  const names = new Map<string, string>();
  return (text) => {
    const known = names.get(text);
    if (known !== undefined) return known;
    const name = parseName(text);
    const canonical = name.ok ? name.value : text;
    // Records may name zones that never were: what is remembered of them must not grow for ever.
    if (names.size >= mostNames) names.clear();
    names.set(text, canonical);
    return canonical;
  };
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
