import type {
  Bind9Cluster,
  Bind9Instance,
  ConfigMap,
  DNSZone,
  DnsRecord,
  ObjectKey,
  ResourceObject,
} from '../resources/types.ts';
import type { InvalidObject, ResourceMaps } from './cluster.ts';
import { nameOf } from './manifest-file.ts';

export interface NamedFile {
  /** As users know it. */
  readonly name: string;
  readonly objects: readonly ResourceObject[];
}

/**
 * The objects of all files, in the files' order. An object that stands in two files counts where it comes first; the other
 * is told as invalid. A kind in which nothing changed keeps its `known` map.
 */
export function mergeObjects(
  files: readonly NamedFile[],
  known: ResourceMaps,
): { readonly objects: ResourceMaps; readonly invalid: readonly InvalidObject[] } {
  const zones = new Map<ObjectKey, DNSZone>();
  const records = new Map<ObjectKey, DnsRecord>();
  const instances = new Map<ObjectKey, Bind9Instance>();
  const clusters = new Map<ObjectKey, Bind9Cluster>();
  const configMaps = new Map<ObjectKey, ConfigMap>();
  const invalid: InvalidObject[] = [];
  /** The object that has the name already. */
  const claim = (object: ResourceObject): ResourceObject | undefined => {
    switch (object.kind) {
      case 'DNSZone':
        return putUnlessThere(zones, object.key, object);
      case 'Bind9Instance':
        return putUnlessThere(instances, object.key, object);
      case 'Bind9Cluster':
        return putUnlessThere(clusters, object.key, object);
      case 'ConfigMap':
        return putUnlessThere(configMaps, object.key, object);
      default:
        return putUnlessThere(records, object.key, object);
    }
  };
  for (const { name: file, objects } of files)
    for (const object of objects) {
      const first = claim(object);
      if (first !== undefined) invalid.push(twice(object, fileOf(first, files), file));
    }
  const now: ResourceMaps = {
    zones: sameOr(known.zones, zones),
    records: sameOr(known.records, records),
    instances: sameOr(known.instances, instances),
    clusters: sameOr(known.clusters, clusters),
    configMaps: sameOr(known.configMaps, configMaps),
  };
  const same = Object.values(now).every((map) => Object.values(known).includes(map));
  return { objects: same ? known : now, invalid };
}

function putUnlessThere<K, V>(map: Map<K, V>, key: K, value: V): V | undefined {
  const there = map.get(key);
  if (there === undefined) map.set(key, value);
  return there;
}

const fileOf = (object: ResourceObject, files: readonly NamedFile[]): string =>
  files.find(({ objects }) => objects.includes(object))?.name ?? '';

function twice(object: ResourceObject, first: string, file: string): InvalidObject {
  const problem = `want the object in one file, got it in ${first} (used) and in ${file} (not used)`;
  // Without `zone`: the zone itself is fine, as it stands in the first file.
  return { object: nameOf(object), problems: [{ path: 'metadata.name', problem }] };
}

const sameOr = <K, V>(known: ReadonlyMap<K, V>, now: ReadonlyMap<K, V>): ReadonlyMap<K, V> => {
  if (known.size !== now.size) return now;
  for (const [key, value] of now) if (known.get(key) !== value) return now;
  return known;
};
