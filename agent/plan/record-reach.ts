import { parseName } from '../dns/name.ts';
import type { DNSZone, DnsRecord, LabelSelector, ObjectKey } from '../resources/types.ts';
import { matches } from './selector.ts';

interface Selecting {
  readonly zone: ObjectKey;
  readonly selector: LabelSelector;
}

/** The zones of one namespace, by all that a record can reach them by. */
interface NamespaceZones {
  readonly byObjectName: Map<string, ObjectKey>;
  readonly byZoneName: Map<string, ObjectKey[]>;
  /** By one of the labels that must have a value, so that a record meets few selectors that do not match it. */
  readonly byLabel: Map<string, Map<string, Selecting[]>>;
  /** Selectors that no label must have one value for. */
  readonly others: Selecting[];
}

const NONE: readonly ObjectKey[] = [];

/** Tells which zones a record belongs to, by what the zones say. It holds for as long as no zone says otherwise. */
export class RecordReach {
  readonly #zones: ReadonlyMap<ObjectKey, DNSZone>;
  readonly #namespaces = new Map<string, NamespaceZones>();
  /** Canonical names of the zoneNames as they are written; finding one takes longer than looking it up. */
  readonly #names = new Map<string, string>();

  constructor(zones: ReadonlyMap<ObjectKey, DNSZone>, former?: RecordReach) {
    this.#zones = zones;
    for (const zone of zones.values()) this.#add(zone, former);
  }

  /** The zones that were not there in the former, or said something else, and those that are gone. */
  changedSince(former: RecordReach): { changed: DNSZone[]; gone: ObjectKey[] } {
    const changed: DNSZone[] = [];
    for (const [key, zone] of this.#zones) {
      const before = former.#zones.get(key);
      if (before !== zone && (before === undefined || !saysTheSame(before, zone)))
        changed.push(zone);
    }
    const gone = [...former.#zones.keys()].filter((key) => !this.#zones.has(key));
    return { changed, gone };
  }

  /** The zones that the record belongs to, each once. */
  of(record: DnsRecord): readonly ObjectKey[] {
    const zones = this.#namespaces.get(record.metadata.namespace);
    if (zones === undefined) return NONE;
    const { zone, zoneRef } = record.spec;
    const found: ObjectKey[] = [];
    const referred = zoneRef === undefined ? undefined : zones.byObjectName.get(zoneRef);
    if (referred !== undefined) found.push(referred);
    if (zone !== undefined) found.push(...(zones.byZoneName.get(this.#canonical(zone)) ?? NONE));
    addSelecting(zones, record, found);
    return found.length > 1 ? [...new Set(found)] : found;
  }

  #canonical(text: string): string {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const name = parseName(text);
    return name.ok ? name.value : text;
  }

  #add({ key, metadata, spec }: DNSZone, former: RecordReach | undefined): void {
    const zones = this.#namespace(metadata.namespace);
    zones.byObjectName.set(metadata.name, key);
    const name = (former ?? this).#canonical(spec.zoneName);
    this.#names.set(spec.zoneName, name);
    push(zones.byZoneName, name, key);
    for (const { selector } of spec.recordsFrom ?? []) addSelector(zones, { zone: key, selector });
  }

  #namespace(namespace: string): NamespaceZones {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const zones: NamespaceZones = {
      byObjectName: new Map(),
      byZoneName: new Map(),
      byLabel: new Map(),
      others: [],
    };
    this.#namespaces.set(namespace, zones);
    return zones;
  }
}

const saysTheSame = (a: DNSZone, b: DNSZone): boolean =>
  a.spec.zoneName === b.spec.zoneName &&
  JSON.stringify(a.spec.recordsFrom) === JSON.stringify(b.spec.recordsFrom);

function addSelector(zones: NamespaceZones, selecting: Selecting): void {
  const [label] = Object.entries(selecting.selector.matchLabels ?? {});
  if (label === undefined) {
    zones.others.push(selecting);
    return;
  }
  const [key, value] = label;
  const byValue = zones.byLabel.get(key);
  if (byValue === undefined) zones.byLabel.set(key, new Map([[value, [selecting]]]));
  else push(byValue, value, selecting);
}

function addSelecting(zones: NamespaceZones, record: DnsRecord, found: ObjectKey[]): void {
  const { labels } = record.metadata;
  for (const [key, byValue] of zones.byLabel) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value === undefined) continue;
    for (const { zone, selector } of byValue.get(value) ?? []) {
      if (matches(selector, labels)) found.push(zone);
    }
  }
  for (const { zone, selector } of zones.others) {
    if (matches(selector, labels)) found.push(zone);
  }
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}
