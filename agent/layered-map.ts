/** So many changes are copied from one map to the next before all entries are. */
const MOST_CHANGES = 256;

type Changes<K, V> = ReadonlyMap<K, V | undefined>;

/**
 * A map that stays as it is. One with other entries than this costs what these are, not what both have, and so does telling
 * the two apart: of thousands of zones, a few change at a time.
 */
export class LayeredMap<K, V extends object> implements ReadonlyMap<K, V> {
  readonly size: number;
  readonly #base: ReadonlyMap<K, V>;
  /** Since the base; undefined: it is not there any more. */
  readonly #changes: Changes<K, V>;

  private constructor(base: ReadonlyMap<K, V>, changes: Changes<K, V>, size: number) {
    this.#base = base;
    this.#changes = changes;
    this.size = size;
  }

  static of<K, V extends object>(entries: Iterable<readonly [K, V]> = []): LayeredMap<K, V> {
    const base = new Map(entries);
    return new LayeredMap<K, V>(base, new Map(), base.size);
  }

  /** @param changes by key; undefined takes an entry away */
  with(changes: Changes<K, V>): LayeredMap<K, V> {
    if (this.#changes.size + changes.size > MOST_CHANGES) return this.#anew(changes);
    const all = new Map(this.#changes);
    let { size } = this;
    for (const [key, value] of changes) {
      size += Number(value !== undefined) - Number(this.has(key));
      all.set(key, value);
    }
    return new LayeredMap(this.#base, all, size);
  }

  #anew(changes: Changes<K, V>): LayeredMap<K, V> {
    const base = new Map(this.#base);
    for (const each of [this.#changes, changes])
      for (const [key, value] of each) {
        if (value === undefined) base.delete(key);
        else base.set(key, value);
      }
    return new LayeredMap(base, new Map(), base.size);
  }

  get(key: K): V | undefined {
    return this.#changes.get(key) ?? (this.#changes.has(key) ? undefined : this.#base.get(key));
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  [Symbol.iterator](): MapIterator<[K, V]> {
    return this.entries();
  }

  entries(): MapIterator<[K, V]> {
    return this.#list((value, key) => [key, value]);
  }

  keys(): MapIterator<K> {
    return this.#list((_, key) => key);
  }

  values(): MapIterator<V> {
    return this.#list((value) => value);
  }

  /** A list, since a generator leaves something for the collector at each of thousands of entries. */
  #list<T>(part: (value: V, key: K) => T): MapIterator<T> {
    const list = new Array<T>(this.size);
    let at = 0;
    this.forEach((value, key) => {
      list[at] = part(value, key);
      at += 1;
    });
    return list.values();
  }

  forEach(each: (value: V, key: K, map: ReadonlyMap<K, V>) => void): void {
    this.#base.forEach((value, key) => {
      if (!this.#changes.has(key)) each(value, key, this);
    });
    this.#changes.forEach((value, key) => {
      if (value !== undefined) each(value, key, this);
    });
  }

  /** The keys that may have another value in the other map; undefined: any may. */
  suspects(other: ReadonlyMap<K, V>): Iterable<K> | undefined {
    if (!(other instanceof LayeredMap) || other.#base !== this.#base) return undefined;
    return new Set<K>([...this.#changes.keys(), ...other.#changes.keys()]);
  }
}

/** A map that changes, and can be had as it is now: many changes in a row cost one new map. */
export class ChangingMap<K, V extends object> {
  #map: LayeredMap<K, V>;
  readonly #changes = new Map<K, V | undefined>();

  constructor(entries: Iterable<readonly [K, V]> = []) {
    this.#map = LayeredMap.of(entries);
  }

  get(key: K): V | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#map.get(key);
  }

  /** @param value undefined takes the entry away */
  set(key: K, value: V | undefined): void {
    this.#changes.set(key, value);
  }

  /** Stays as it is. The very same for as long as nothing is set. */
  get now(): LayeredMap<K, V> {
    if (this.#changes.size > 0) this.#map = this.#map.with(this.#changes);
    this.#changes.clear();
    return this.#map;
  }
}

/** The keys whose value is another one in both maps, or missing in one of them. */
export function differing<K, V extends object>(
  a: ReadonlyMap<K, V>,
  b: ReadonlyMap<K, V>,
): readonly K[] {
  if (a === b) return [];
  const suspects = a instanceof LayeredMap ? a.suspects(b) : undefined;
  if (suspects !== undefined) return [...suspects].filter((key) => a.get(key) !== b.get(key));
  const keys: K[] = [];
  for (const [key, value] of b) if (a.get(key) !== value) keys.push(key);
  for (const key of a.keys()) if (!b.has(key)) keys.push(key);
  return keys;
}
