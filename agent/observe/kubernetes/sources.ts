import { kindSchemas } from '../../resources/schema.ts';
import { apiVersions, type ResourceKind } from '../../resources/types.ts';
import type { KeptObject } from './kept-object.ts';
import type { Reflector } from './reflector.ts';

export type SourceKind = ResourceKind | 'ConfigMap';

/** One collection that is watched. */
export interface Source {
  /** For people, and in the versions of views: the kind; of another namespace than the pod's, `kind/namespace`, of all `kind/*`. */
  readonly name: string;
  readonly kind: SourceKind;
  readonly reflector: Reflector<KeptObject>;
}

export const ourKinds = Object.keys(kindSchemas) as readonly ResourceKind[];

/** Zones are rendered from objects of this kind. */
export const isContent = (kind: SourceKind): boolean =>
  kind !== 'Bind9Instance' && kind !== 'Bind9Cluster';

/** Where a collection stands, in each version of its API. An empty namespace stands for all. */
export function pathsOf(kind: SourceKind, namespace: string): readonly string[] {
  const within = namespace === '' ? '' : `/namespaces/${namespace}`;
  return kind === 'ConfigMap'
    ? [`/api/v1${within}/configmaps`]
    : apiVersions.map((version) => `/apis/${version}${within}/${kindSchemas[kind].plural}`);
}

/** `DNSZone and 12 more: why`, of the first that has a reason; undefined where none has. */
export function reasonOf(
  sources: readonly Source[],
  reason: (source: Source) => string | undefined,
): string | undefined {
  const told = sources.flatMap((source) => {
    const why = reason(source);
    return why === undefined ? [] : [{ name: source.name, why }];
  });
  const [first] = told;
  if (first === undefined) return undefined;
  const more = told.length === 1 ? '' : ` and ${told.length - 1} more kinds`;
  return `${first.name}${more}: ${first.why}`;
}
