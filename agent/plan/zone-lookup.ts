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
  /** Their `zoneName`s in the same order, until `byZoneName` is made. */
  zoneNames: string[];
  /** Made as soon as a record names its zone so. */
  byZoneName: Map<string, ObjectKey[]> | undefined;
  /** By one of the labels that must have a value, so that a record meets few selectors that do not match it. */
  readonly byLabel: Map<string, Map<string, Selecting[]>>;
  /** Selectors that no label must have one value for. */
  readonly others: Selecting[];
}

const NONE: readonly ObjectKey[] = [];

/** Finds the zones that a record belongs to. */
export class ZoneLookup {
  readonly #namespaces = new Map<string, NamespaceZones>();

  constructor(zones: Iterable<DNSZone>) {
    for (const zone of zones) this.#add(zone);
  }

  /** Each zone once. */
  of(record: DnsRecord): readonly ObjectKey[] {
    const zones = this.#namespaces.get(record.metadata.namespace);
    if (zones === undefined) return NONE;
    const { zone, zoneRef } = record.spec;
    const referred = zoneRef === undefined ? undefined : zones.byObjectName.get(zoneRef);
    // Every record is asked about when a zone comes, and mostly belongs to none of those that did.
    if (zone === undefined && zones.byLabel.size === 0 && zones.others.length === 0)
      return referred === undefined ? NONE : [referred];
    const found = referred === undefined ? [] : [referred];
    if (zone !== undefined) found.push(...ofName(zones, canonical(zone)));
    addSelecting(zones, record, found);
    return found.length > 1 ? [...new Set(found)] : found;
  }

  #add({ key, metadata, spec }: DNSZone): void {
    const zones = this.#namespace(metadata.namespace);
    zones.byObjectName.set(metadata.name, key);
    zones.zoneNames.push(spec.zoneName);
    for (const { selector } of spec.recordsFrom ?? []) addSelector(zones, { zone: key, selector });
  }

  #namespace(namespace: string): NamespaceZones {
    const known = this.#namespaces.get(namespace);
    if (known !== undefined) return known;
    const zones: NamespaceZones = {
      byObjectName: new Map(),
      zoneNames: [],
      byZoneName: undefined,
      byLabel: new Map(),
      others: [],
    };
    this.#namespaces.set(namespace, zones);
    return zones;
  }
}

function ofName(namespace: NamespaceZones, name: string): readonly ObjectKey[] {
  if (namespace.byZoneName === undefined) {
    namespace.byZoneName = new Map();
    for (const [i, key] of [...namespace.byObjectName.values()].entries())
      push(namespace.byZoneName, canonical(namespace.zoneNames[i] ?? ''), key);
    namespace.zoneNames = [];
  }
  return namespace.byZoneName.get(name) ?? NONE;
}

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

/** A zone's name in its canonical form, as far as it is a name. */
function canonical(text: string): string {
  const name = parseName(text);
  return name.ok ? name.value : text;
}

function push<T>(map: Map<string, T[]>, key: string, item: T): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [item]);
  else list.push(item);
}
