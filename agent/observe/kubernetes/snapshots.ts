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

type Snapshot = Exclude<keyof ObjectViews, 'statuses'>;

/**
 * What the sources hold, as maps that stay as they are: a change costs new maps only of that in which something changed. But for
 * the statuses, which change all the time: theirs is one map, always up to date.
 */
export class Snapshots {
  readonly #sources: readonly Source[];
  readonly #changed = new Set<Snapshot>();
  readonly #statuses = new Map<ObjectKey, ZoneStatus>();
  #views: ObjectViews = { ...noResources, statuses: this.#statuses, wrong: [] };

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  note(kind: SourceKind, { key, before, now }: Change<KeptObject>): void {
    if (before?.object !== now?.object) this.#changed.add(viewOf(kind));
    if (before?.wrong !== now?.wrong) this.#changed.add('wrong');
    if (before?.status === now?.status) return;
    if (now?.status === undefined) this.#statuses.delete(key);
    else this.#statuses.set(key, now.status);
  }

  get views(): ObjectViews {
    if (this.#changed.size > 0) {
      const fresh = [...this.#changed].map((view) => [view, this.#make(view)] as const);
      this.#views = { ...this.#views, ...Object.fromEntries(fresh) };
      this.#changed.clear();
    }
    return this.#views;
  }

  #make(view: Snapshot): ObjectViews[typeof view] {
    switch (view) {
      case 'wrong':
        return [...this.#kept(() => true)].flatMap(([, { wrong }]) => wrong ?? []);
      default: {
        // A source holds objects of its kind: that is what the type of each view says.
        const objects = new Map<string, ResourceObject>();
        for (const [key, { object }] of this.#kept((kind) => viewOf(kind) === view))
          if (object !== undefined) objects.set('id' in object ? object.id : key, object);
        return objects as ReadonlyMap<string, ResourceObject> as ReadonlyMap<string, never>;
      }
    }
  }

  *#kept(isWanted: (kind: SourceKind) => boolean): Generator<readonly [ObjectKey, KeptObject]> {
    for (const { kind, reflector } of this.#sources)
      if (isWanted(kind)) yield* reflector.collection.items;
  }
}

function viewOf(kind: SourceKind): keyof ResourceMaps {
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
