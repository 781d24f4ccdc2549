import type { DNSZone, DnsRecord, ObjectKey } from '../resources/types.ts';
import { RecordReach } from './record-reach.ts';

type Zones = ReadonlyMap<ObjectKey, DNSZone>;
type Records = ReadonlyMap<string, DnsRecord>;
type Lists = ReadonlyMap<ObjectKey, readonly DnsRecord[]>;

/** Which records belong to which zone, and what it was found from. */
export interface RecordIndex {
  readonly zones: Zones;
  readonly records: Records;
  readonly reach: RecordReach;
  readonly lists: Lists;
  /** The zone's records in the order of their ids; undefined: it has none. Its identity stands for its content. */
  get(zone: ObjectKey): readonly DnsRecord[] | undefined;
}

/**
 * A record reaches a zone of its own namespace by `zoneRef` (the DNSZone's name), by `zone` (its zoneName), or by the
 * zone's `recordsFrom`. A zone whose records are those of the `former` index keeps its array. Only what changed since
 * then is looked at closely.
 */
export function indexRecords(zones: Zones, records: Records, former?: RecordIndex): RecordIndex {
  if (former === undefined) {
    const reach = new RecordReach(zones);
    return indexOf(zones, records, reach, listsOf(records, reach));
  }
  if (former.zones === zones && former.records === records) return former;
  const reach = former.zones === zones ? former.reach : new RecordReach(zones, former.reach);
  const lists = new Map(former.lists);
  if (former.records !== records) applyRecords(lists, changesOf(former.records, records), reach);
  if (reach !== former.reach) applyZones(lists, records, reach, former);
  return indexOf(zones, records, reach, lists);
}

const indexOf = (
  zones: Zones,
  records: Records,
  reach: RecordReach,
  lists: Lists,
): RecordIndex => ({
  zones,
  records,
  reach,
  lists,
  get: (zone) => lists.get(zone),
});

interface Changes {
  readonly gone: readonly DnsRecord[];
  readonly come: readonly DnsRecord[];
}

function changesOf(former: Records, records: Records): Changes {
  const gone: DnsRecord[] = [];
  const come: DnsRecord[] = [];
  let kept = 0;
  for (const [id, record] of records) {
    const before = former.get(id);
    if (before === record) {
      kept += 1;
    } else {
      come.push(record);
      if (before !== undefined) gone.push(before);
    }
  }
  if (kept + gone.length < former.size) {
    for (const [id, record] of former) if (!records.has(id)) gone.push(record);
  }
  return { gone, come };
}

type MutableLists = Map<ObjectKey, readonly DnsRecord[]>;

function applyRecords(lists: MutableLists, { gone, come }: Changes, reach: RecordReach): void {
  const touched = new Map<ObjectKey, { gone: Set<DnsRecord>; come: DnsRecord[] }>();
  const changesAt = (zone: ObjectKey) => {
    const known = touched.get(zone);
    if (known !== undefined) return known;
    const changes = { gone: new Set<DnsRecord>(), come: [] };
    touched.set(zone, changes);
    return changes;
  };
  for (const record of gone) for (const zone of reach.of(record)) changesAt(zone).gone.add(record);
  for (const record of come) for (const zone of reach.of(record)) changesAt(zone).come.push(record);
  for (const [zone, changes] of touched) {
    const staying = (lists.get(zone) ?? []).filter((record) => !changes.gone.has(record));
    const list = inOrder([...staying, ...changes.come]);
    if (list.length === 0) lists.delete(zone);
    else lists.set(zone, list);
  }
}

function applyZones(
  lists: MutableLists,
  records: Records,
  reach: RecordReach,
  former: RecordIndex,
): void {
  const { changed, gone } = reach.changedSince(former.reach);
  for (const zone of gone) lists.delete(zone);
  if (changed.length === 0) return;
  const found = listsOf(records, reach.among(changed));
  for (const { key } of changed) {
    const list = found.get(key);
    if (list === undefined) lists.delete(key);
    else lists.set(key, theSame(former.get(key), list) ?? list);
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
  for (const list of lists.values()) inOrder(list);
  return lists;
}

/** Sorts in place, by id. */
function inOrder(list: DnsRecord[]): readonly DnsRecord[] {
  const sorted = list.every((record, i) => i === 0 || (list[i - 1]?.id ?? '') < record.id);
  return sorted ? list : list.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** The former list, where it holds the same records. */
const theSame = (
  former: readonly DnsRecord[] | undefined,
  list: readonly DnsRecord[],
): readonly DnsRecord[] | undefined =>
  former?.length === list.length && former.every((record, i) => record === list[i])
    ? former
    : undefined;
