import { differing, LayeredMap } from '../layered-map.ts';
import type { DNSZone, DnsRecord, ObjectKey } from '../resources/types.ts';
import { RecordReach } from './record-reach.ts';
import { ZoneLookup } from './zone-lookup.ts';

type Zones = ReadonlyMap<ObjectKey, DNSZone>;
type Records = ReadonlyMap<ObjectKey, DnsRecord>;
type Lists = ReadonlyMap<ObjectKey, readonly DnsRecord[]>;
/** The lists that are others, by zone; undefined: it has none any more. */
type Changed = Map<ObjectKey, readonly DnsRecord[] | undefined>;

/** Which records belong to which zone, and what it was found from. */
export interface RecordIndex {
  readonly zones: Zones;
  readonly records: Records;
  /** Undefined: there are no records to look up. A secondary knows of none, and thousands of zones. */
  readonly reach: RecordReach | undefined;
  readonly lists: LayeredMap<ObjectKey, readonly DnsRecord[]>;
  /** The zone's records in the order of their keys; undefined: it has none. Its identity stands for its content. */
  get(zone: ObjectKey): readonly DnsRecord[] | undefined;
}

const NO_LISTS: RecordIndex['lists'] = LayeredMap.of();

/**
 * A record reaches a zone of its own namespace by `zoneRef` (the DNSZone's name), by `zone` (its zoneName), or by the
 * zone's `recordsFrom`. A zone whose records are those of the `former` index keeps its array. Only what changed since
 * then is looked at closely.
 */
export function indexRecords(zones: Zones, records: Records, former?: RecordIndex): RecordIndex {
  if (records.size === 0) return indexOf({ zones, records, reach: undefined, lists: NO_LISTS });
  if (former?.reach === undefined) {
    const reach = new RecordReach(zones);
    return indexOf({ zones, records, reach, lists: LayeredMap.of(listsOf(records, reach)) });
  }
  if (former.zones === zones && former.records === records) return former;
  const reach = former.zones === zones ? former.reach : new RecordReach(zones, former.reach);
  const changed: Changed = new Map();
  applyRecords(changed, records, reach, former);
  if (reach !== former.reach) applyZones(changed, records, reach, former);
  const lists = changed.size === 0 ? former.lists : former.lists.with(changed);
  return indexOf({ zones, records, reach, lists });
}

const indexOf = (found: Omit<RecordIndex, 'get'>): RecordIndex => ({
  ...found,
  get: (zone) => found.lists.get(zone),
});

function applyRecords(
  changed: Changed,
  records: Records,
  reach: RecordReach,
  former: RecordIndex,
): void {
  const touched = new Map<ObjectKey, { gone: Set<DnsRecord>; come: DnsRecord[] }>();
  const changesAt = (zone: ObjectKey) => {
    const known = touched.get(zone);
    if (known !== undefined) return known;
    const changes = { gone: new Set<DnsRecord>(), come: [] };
    touched.set(zone, changes);
    return changes;
  };
  for (const key of differing(former.records, records)) {
    const [gone, come] = [former.records.get(key), records.get(key)];
    if (gone !== undefined) for (const zone of reach.of(gone)) changesAt(zone).gone.add(gone);
    if (come !== undefined) for (const zone of reach.of(come)) changesAt(zone).come.push(come);
  }
  for (const [zone, { gone, come }] of touched) {
    const staying = (former.get(zone) ?? []).filter((record) => !gone.has(record));
    const list = inOrder([...staying, ...come]);
    changed.set(zone, list.length === 0 ? undefined : list);
  }
}

function applyZones(
  changed: Changed,
  records: Records,
  reach: RecordReach,
  former: RecordIndex,
): void {
  const { changed: zones, gone } = reach.saidAnew;
  for (const zone of gone) changed.set(zone, undefined);
  if (zones.length === 0) return;
  const found = listsOf(records, new ZoneLookup(zones));
  for (const { key } of zones) {
    const list = found.get(key);
    changed.set(key, list === undefined ? undefined : (theSame(former.get(key), list) ?? list));
  }
}

function listsOf(records: Records, reach: Pick<RecordReach, 'of'>): Lists {
  const lists = new Map<ObjectKey, DnsRecord[]>();
  for (const record of records.values()) {
    for (const zone of reach.of(record)) {
      const list = lists.get(zone);
      if (list === undefined) lists.set(zone, [record]);
      else list.push(record);
    }
  }
  // What an array has room for beyond its length, a copy has not.
  for (const [zone, list] of lists) lists.set(zone, inOrder(list).slice());
  return lists;
}

/** Sorts in place, by key. */
function inOrder(list: DnsRecord[]): DnsRecord[] {
  const sorted = list.every((record, i) => i === 0 || (list[i - 1]?.key ?? '') < record.key);
  return sorted ? list : list.sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** The former list, where it holds the same records. */
const theSame = (
  former: readonly DnsRecord[] | undefined,
  list: readonly DnsRecord[],
): readonly DnsRecord[] | undefined =>
  former?.length === list.length && former.every((record, i) => record === list[i])
    ? former
    : undefined;
