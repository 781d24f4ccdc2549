import { ChangingMap } from '../../layered-map.ts';
import type { ObjectKey } from '../../resources/types.ts';
import { type InvalidObject, noResources, type ResourceMaps, type ZoneStatus } from '../cluster.ts';
import type { Change } from './collection.ts';
import type { KeptObject } from './kept-object.ts';
import type { Source, SourceKind } from './sources.ts';

/** The part of a view that comes from objects. */
export interface ObjectViews extends ResourceMaps {
  readonly statuses: ReadonlyMap<ObjectKey, ZoneStatus>;
  readonly wrong: readonly InvalidObject[];
}

type View = keyof ResourceMaps | 'statuses';

/** What the sources hold, as maps that stay as they are: a change costs a new map only of that in which something changed. */
export class Snapshots {
  readonly #sources: readonly Source[];
  readonly #maps = new Map<View, ChangingMap<string, object>>();
  readonly #changed = new Set<View>();
  #wrongChanged = false;
  #views: ObjectViews = { ...noResources, statuses: new Map(), wrong: [] };

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
  }

  note(kind: SourceKind, { key, before, now }: Change<KeptObject>): void {
    const object = now?.object ?? before?.object;
    if (before?.object !== now?.object && object !== undefined)
      this.#put(viewOf(kind), object.key, now?.object);
    // The key's text as the object has it: each event brings another copy.
    if (before?.status !== now?.status) this.#put('statuses', object?.key ?? key, now?.status);
    if (before?.wrong !== now?.wrong) this.#wrongChanged = true;
  }

  #put(view: View, key: string, now: object | undefined): void {
    const map = this.#maps.get(view) ?? new ChangingMap<string, object>();
    map.set(key, now);
    this.#maps.set(view, map);
    this.#changed.add(view);
  }

  get views(): ObjectViews {
    const fresh = [...this.#changed].map((view) => [view, this.#maps.get(view)?.now]);
    // Each holds what its name says.
    if (fresh.length > 0) this.#views = { ...this.#views, ...Object.fromEntries(fresh) };
    if (this.#wrongChanged) this.#views = { ...this.#views, wrong: this.#wrong() };
    this.#changed.clear();
    this.#wrongChanged = false;
    return this.#views;
  }

  #wrong(): InvalidObject[] {
    return this.#sources.flatMap(({ reflector }) =>
      [...reflector.collection.items.values()].flatMap(({ wrong }) => wrong ?? []),
    );
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
