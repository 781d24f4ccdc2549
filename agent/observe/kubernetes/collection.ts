import { TransientError } from '../../problem.ts';
import { isObject } from '../../resources/got.ts';
import { keyOfKind, type ObjectKey } from '../../resources/types.ts';

/** An object as the API server tells it. */
export type RawObject = Readonly<Record<string, unknown>>;

/** Who an object is, and which version of it. */
export interface Identity {
  readonly key: ObjectKey;
  readonly version: number;
}

/** What is kept of an object. */
export interface Kept {
  readonly version: number;
}

/** An object came (no `before`), is another version, or went (no `now`). */
export interface Change<T> {
  readonly key: ObjectKey;
  readonly before: T | undefined;
  readonly now: T | undefined;
  /** Of the object, or of its deletion. */
  readonly version: number;
}

export interface CollectionOptions<T extends Kept> {
  /**
   * What is kept of an object in a version that is not known yet, given what was kept of the one before; undefined:
   * nothing. To be trimmed here: an object as it arrives is several times as large as what is needed of it.
   */
  readonly keep: (object: RawObject, identity: Identity, before: T | undefined) => T | undefined;
  /** Something that zones are rendered from has changed. Without it, every change counts. */
  readonly counts?: (before: T | undefined, now: T | undefined) => boolean;
  readonly onItem: (change: Change<T>) => void;
}

interface Listing<T> {
  readonly fresh: Map<ObjectKey, T>;
  readonly found: Set<ObjectKey>;
}

/** What is kept of the objects of one kind, and up to which version. A list takes effect when it is complete, and not before. */
export class Collection<T extends Kept> {
  readonly #options: CollectionOptions<T>;
  readonly #items = new Map<ObjectKey, T>();
  #listing: Listing<T> | undefined;
  #listed = false;
  #latest = 0;
  #seen = 0;

  constructor(options: CollectionOptions<T>) {
    this.#options = options;
  }

  get items(): ReadonlyMap<ObjectKey, T> {
    return this.#items;
  }

  /** The newest version that changed something; see `Progress`. What was put in ahead of the watch does not count before it. */
  get latest(): number {
    return Math.min(this.#latest, this.#seen);
  }

  /** The version up to which nothing is missing. */
  get seen(): number {
    return this.#seen;
  }

  /** The objects that are listed from now on until `endList` are all there are. */
  beginList(): void {
    this.#listing = { fresh: new Map(), found: new Set() };
  }

  list(object: RawObject): void {
    const { fresh, found } = this.#theListing;
    const identity = identify(object);
    const { key, version } = identity;
    const known = this.#items.get(key);
    found.add(key);
    if (known !== undefined && known.version >= version) return void fresh.delete(key);
    const kept = this.#options.keep(object, identity, known);
    if (kept === undefined) this.unlist(object);
    else fresh.set(key, kept);
  }

  /** Listed, and deleted before the list was complete. */
  unlist(object: RawObject): void {
    const { fresh, found } = this.#theListing;
    const { key } = identify(object);
    fresh.delete(key);
    found.delete(key);
  }

  endList(version: number): void {
    const { fresh, found } = this.#theListing;
    this.#listing = undefined;
    this.#listed = true;
    this.bookmark(version);
    // What we have written ourselves meanwhile may be newer than the list. When something went is not known, only that it
    // had by now.
    for (const [key, known] of this.#items)
      if (!found.has(key) && known.version <= version) this.#delete(key, version);
    for (const [key, kept] of fresh)
      if (kept.version > (this.#items.get(key)?.version ?? 0)) this.#set(key, kept);
  }

  /** An event of the watch. Events come in their order. */
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: RawObject): void {
    const identity = identify(object);
    this.bookmark(identity.version);
    if (type !== 'DELETED') this.#keep(object, identity);
    else if (
      (this.#items.get(identity.key)?.version ?? Number.POSITIVE_INFINITY) <= identity.version
    )
      this.#delete(identity.key, identity.version);
  }

  /** Nothing up to this version is missing. */
  bookmark(version: number): void {
    this.#seen = Math.max(this.#seen, version);
  }

  /** What a write of ours has brought back or led to. The watch will tell it too; nothing older than what is known takes effect. */
  put(object: RawObject): void {
    const identity = identify(object);
    // Not known, and older than what was seen: it was deleted since.
    const isLate = !this.#items.has(identity.key) && identity.version <= this.#seen;
    if (this.#listed && !isLate) this.#keep(object, identity);
  }

  /** An object that was asked for because more of it is needed than was kept. */
  fill(object: RawObject): void {
    const identity = identify(object);
    const known = this.#items.get(identity.key);
    if (known === undefined || known.version > identity.version) return;
    const kept = this.#options.keep(object, identity, known);
    if (kept !== undefined) this.#set(identity.key, kept);
  }

  /** Keeps something else of an object, in the same version. */
  replace(key: ObjectKey, now: T): void {
    if (this.#items.get(key)?.version === now.version) this.#set(key, now);
  }

  get #theListing(): Listing<T> {
    if (this.#listing === undefined) throw new Error('nothing is being listed');
    return this.#listing;
  }

  #keep(object: RawObject, identity: Identity): void {
    const known = this.#items.get(identity.key);
    if (known !== undefined && known.version >= identity.version) return;
    const kept = this.#options.keep(object, identity, known);
    if (kept !== undefined) this.#set(identity.key, kept);
    else if (known !== undefined) this.#delete(identity.key, identity.version);
  }

  #set(key: ObjectKey, now: T): void {
    const before = this.#items.get(key);
    this.#items.set(key, now);
    this.#told({ key, before, now, version: now.version });
  }

  #delete(key: ObjectKey, version: number): void {
    const before = this.#items.get(key);
    this.#items.delete(key);
    this.#told({ key, before, now: undefined, version });
  }

  #told(change: Change<T>): void {
    const { counts = () => true, onItem } = this.#options;
    if (counts(change.before, change.now)) this.#latest = Math.max(this.#latest, change.version);
    onItem(change);
  }
}

/** @throws TransientError for what cannot be an object of the API */
export function identify({ kind, metadata }: RawObject): Identity {
  if (!isObject(metadata)) throw new TransientError('an object without metadata');
  const { namespace, name, resourceVersion } = metadata;
  const version = versionOf(resourceVersion);
  if (typeof name !== 'string' || version === undefined)
    throw new TransientError('an object without a name or a version');
  const key = keyOfKind(String(kind), typeof namespace === 'string' ? namespace : '', name);
  return { key, version };
}

/** Versions are revisions of etcd: whole numbers that grow. */
export function versionOf(resourceVersion: unknown): number | undefined {
  const version = typeof resourceVersion === 'string' ? Number(resourceVersion) : Number.NaN;
  return Number.isSafeInteger(version) ? version : undefined;
}
