import { parseName } from '../dns/name.ts';
import type { DNSZone, DnsRecord, ObjectKey } from '../resources/types.ts';
import { ZoneLookup } from './zone-lookup.ts';

type Zones = ReadonlyMap<ObjectKey, DNSZone>;

/** A lookup of many zones, made once and then shared by those that follow. */
interface Base {
  readonly zones: Zones;
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
  /** Zones of the base that say something else now, or are gone. */
  readonly #stale: ReadonlySet<ObjectKey>;
  readonly #fresh: ZoneLookup | undefined;

  constructor(zones: Zones, former?: RecordReach) {
    this.#zones = zones;
    const { changed, gone } = differing(zones, former === undefined ? zones : former.#base.zones);
    if (former === undefined || changed.length + gone.length > zones.size * mostDiffering) {
      this.#base = baseOf(zones);
      this.#stale = new Set();
    } else {
      this.#base = former.#base;
      this.#stale = new Set([...gone, ...changed.map(({ key }) => key)]);
      this.#fresh = new ZoneLookup(changed, this.#base.canonical);
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

  /** The zones that were not there in the former, or said something else, and those that are gone. */
  changedSince(former: RecordReach): Differing {
    return differing(this.#zones, former.#zones);
  }

  /** The same of these zones alone. */
  among(zones: Iterable<DNSZone>): ZoneLookup {
    return new ZoneLookup(zones, this.#base.canonical);
  }
}

function baseOf(zones: Zones): Base {
  const canonical = canonicalNames();
  return { zones, lookup: new ZoneLookup(zones.values(), canonical), canonical };
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

interface Differing {
  readonly changed: DNSZone[];
  readonly gone: ObjectKey[];
}

function differing(zones: Zones, former: Zones): Differing {
  if (zones === former) return { changed: [], gone: [] };
  const changed: DNSZone[] = [];
  for (const [key, zone] of zones) {
    const before = former.get(key);
    if (before !== zone && (before === undefined || !saysTheSame(before, zone))) changed.push(zone);
  }
  const gone = [...former.keys()].filter((key) => !zones.has(key));
  return { changed, gone };
}

const saysTheSame = (a: DNSZone, b: DNSZone): boolean =>
  a.spec.zoneName === b.spec.zoneName &&
  JSON.stringify(a.spec.recordsFrom) === JSON.stringify(b.spec.recordsFrom);
