import { LayeredMap } from '../../layered-map.ts';
import type { ObjectKey, ResourceObject } from '../../resources/types.ts';
import { type InvalidObject, noResources, type ResourceMaps, type ZoneStatus } from '../cluster.ts';
import type { Change } from './collection.ts';
import type { KeptObject } from './kept-object.ts';
import type { Source, SourceKind } from './sources.ts';

/** The part of a view that comes from objects. */
export interface ObjectViews extends ResourceMaps {
  readonly statuses: ReadonlyMap<ObjectKey, ZoneStatus>;
  readonly wrong: readonly InvalidObject[];
}

type View = keyof ResourceMaps;

/**
 * What the sources hold, as maps that stay as they are: a change costs a new map only of that in which something changed. But for
 * the statuses, which change all the time: theirs is one map, always up to date.
 */
export class Snapshots {
  readonly #sources: readonly Source[];
  /** What is another than in the views; undefined: it is gone. */
  readonly #changed = new Map<View, Map<string, ResourceObject | undefined>>();
  #wrongChanged = false;
  readonly #objects = new Map<View, LayeredMap<string, ResourceObject>>();
  #statuses = LayeredMap.of<ObjectKey, ZoneStatus>();
  readonly #statusesChanged = new Map<ObjectKey, ZoneStatus | undefined>();
  #views: ObjectViews = { ...noResources, statuses: this.#statuses, wrong: [] };

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  note(kind: SourceKind, { key, before, now }: Change<KeptObject>): void {
    if (before?.object !== now?.object) this.#noteObject(viewOf(kind), before?.object, now?.object);
    if (before?.wrong !== now?.wrong) this.#wrongChanged = true;
    if (before?.status !== now?.status) this.#statusesChanged.set(key, now?.status);
  }

  #noteObject(
    view: View,
    before: ResourceObject | undefined,
    now: ResourceObject | undefined,
  ): void {
    const changed = this.#changed.get(view) ?? new Map<string, ResourceObject | undefined>();
    const id = idOf(now) ?? idOf(before);
    if (id !== undefined) changed.set(id, now);
    this.#changed.set(view, changed);
  }

  get views(): ObjectViews {
    if (this.#changed.size > 0) {
      const fresh = [...this.#changed].map(([view, changed]) => {
        const objects = (this.#objects.get(view) ?? LayeredMap.of()).with(changed);
        this.#objects.set(view, objects);
        return [view, objects] as const;
      });
      // Each holds objects of its kind: that is what its type says.
      this.#views = { ...this.#views, ...Object.fromEntries(fresh) };
      this.#changed.clear();
    }
    if (this.#statusesChanged.size > 0) {
      this.#statuses = this.#statuses.with(this.#statusesChanged);
      this.#views = { ...this.#views, statuses: this.#statuses };
      this.#statusesChanged.clear();
    }
    if (this.#wrongChanged) this.#views = { ...this.#views, wrong: this.#wrong() };
    this.#wrongChanged = false;
    return this.#views;
  }

  #wrong(): InvalidObject[] {
    return this.#sources.flatMap(({ reflector }) =>
      [...reflector.collection.items.values()].flatMap(({ wrong }) => wrong ?? []),
    );
  }
}

/** What it is known by in a view. */
const idOf = (object: ResourceObject | undefined): string | undefined =>
  object !== undefined && 'id' in object ? object.id : object?.key;

function viewOf(kind: SourceKind): View {
  switch (kind) {
    case 'DNSZone':
      return 'zones';
    case 'Bind9Instance':
      return 'instances';
    case 'Bind9Cluster':
      return 'clusters';
    case 'ConfigMap':
      return 'configMaps';
    default:
      return 'records';
  }
}
