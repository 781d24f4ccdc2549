import type { InvalidObject } from '../observe/cluster.ts';
import type { Parsed, Problem } from '../problem.ts';
import { type Check, checkOf, type Findings, unknownField } from './check.ts';
import { got, isObject, oneOf } from './got.ts';
import { readMetadata } from './metadata.ts';
import { readConfigMap } from './read-config-map.ts';
import { withAddressList } from './record-addresses.ts';
import { kindSchemas, unusedKindSchemas } from './schema.ts';
import {
  type ApiVersion,
  apiGroup,
  apiVersions,
  keyOfKind,
  type Metadata,
  objectKey,
  type ResourceKind,
  type ResourceObject,
} from './types.ts';
import { probablyMeant } from './typo.ts';

/** Where an object was found, for those that do not say who they are. */
export interface Origin {
  /** What names it where it has no name itself, e.g. `zones.yaml, document 3`. */
  readonly where: string;
  readonly defaultNamespace: string;
}

export type ReadObject =
  | {
      readonly kind: 'object';
      readonly object: ResourceObject;
      /** The object can be used in spite of these, but its author should know. */
      readonly warnings: readonly Problem[];
    }
  | {
      readonly kind: 'invalid';
      readonly invalid: InvalidObject;
      /** It is known which object it is, so that its last good version can be told from a deleted one. */
      readonly named: boolean;
    }
  | { readonly kind: 'skipped'; readonly object: string; readonly why: string };

/** How an object is called in what users read, `DNSZone default/example-com`. */
export const objectName = (kind: string, { namespace, name }: Metadata): string =>
  `${kind} ${namespace}/${name}`;

/**
 * Reads one object, whatever it may be: one of ours, a ConfigMap, or one to skip. All problems are listed at once. Never
 * throws.
 */
export function readObject(value: unknown, origin: Origin): ReadObject {
  if (!isObject(value))
    return invalid('', {}, origin, [wanted('', 'an object with apiVersion and kind', value)]);
  const { apiVersion, kind } = value;
  if (!isName(apiVersion) || !isName(kind))
    return invalid(isName(kind) ? kind : '', value, origin, [
      ...(isName(apiVersion) ? [] : [wanted('apiVersion', 'text', apiVersion)]),
      ...(isName(kind) ? [] : [wanted('kind', 'text', kind)]),
    ]);
  if (apiVersion === 'v1' && kind === 'ConfigMap') return configMap(value, origin);
  if (!isOurs(apiVersion, kind)) return skipped(value, kind, origin, foreign(apiVersion, kind));
  if (Object.hasOwn(unusedKindSchemas, kind)) return skipped(value, kind, origin, unused);
  return resource(value, apiVersion, kind, origin);
}

const isName = (value: unknown): value is string => typeof value === 'string' && value !== '';

const wanted = (path: string, want: string, value: unknown): Problem => ({
  path,
  problem: `want ${want}, got ${got(value)}`,
});

const isKind = (kind: string): kind is ResourceKind => Object.hasOwn(kindSchemas, kind);

const isVersion = (version: string): version is ApiVersion =>
  (apiVersions as readonly string[]).includes(version);

/** A version of our group, or, for a kind of ours, one without a group: those were not meant for anybody else. */
const isOurs = (apiVersion: string, kind: string): boolean =>
  apiVersion.startsWith(`${apiGroup}/`) ||
  apiVersion === apiGroup ||
  (isKind(kind) && !apiVersion.includes('/'));

const unused = 'the agent does not use this kind';

const foreign = (apiVersion: string, kind: string): string =>
  isKind(kind) ? `want apiVersion ${apiVersions[0]} for it to be used, got ${apiVersion}` : unused;

function resource(
  value: Readonly<Record<string, unknown>>,
  apiVersion: string,
  kind: string,
  origin: Origin,
): ReadObject {
  const version = isVersion(apiVersion)
    ? []
    : [wanted('apiVersion', oneOf(apiVersions), apiVersion)];
  if (!isKind(kind)) return invalid(kind, value, origin, [...version, unknownKind(kind)]);
  if (!isVersion(apiVersion)) return invalid(kind, value, origin, version);
  const found: Findings = { problems: [], warnings: unknownParts(value) };
  const spec = checks[kind].read(value['spec'] ?? {}, 'spec', found);
  const metadata = metadataOf(value, origin);
  // A slip of the finger in a field's name often is why another field is missing.
  if (!metadata.ok || found.problems.length > 0)
    return invalid(kind, value, origin, [...found.problems, ...found.warnings]);
  const object = build(kind, apiVersion, metadata.value, spec);
  return { kind: 'object', object, warnings: found.warnings };
}

const parts = ['apiVersion', 'kind', 'metadata', 'spec', 'status'];

const unknownParts = (value: object): Problem[] =>
  Object.keys(value)
    .filter((name) => !parts.includes(name))
    .map((name) => unknownField(name, '', parts, false))
    .filter((each) => each !== undefined);

function unknownKind(kind: string): Problem {
  const kinds = Object.keys(kindSchemas);
  return wanted('kind', probablyMeant(kind, kinds) ?? oneOf(kinds), kind);
}

const checks = Object.fromEntries(
  Object.entries(kindSchemas).map(([kind, { spec }]) => [kind, checkOf(spec)]),
) as { readonly [Kind in ResourceKind]: Check };

const metadataOf = (value: Readonly<Record<string, unknown>>, origin: Origin): Parsed<Metadata> =>
  readMetadata(value['metadata'], origin.defaultNamespace);

/** The check has proven that the spec is what its kind's type says: here, and only here, that is taken on trust. */
function build(
  kind: ResourceKind,
  apiVersion: ApiVersion,
  metadata: Metadata,
  spec: unknown,
): ResourceObject {
  const key = keyOfKind(kind, metadata.namespace, metadata.name);
  return { kind, apiVersion, key, metadata, spec: withAddressList(kind, spec) } as ResourceObject;
}

function configMap(value: Readonly<Record<string, unknown>>, origin: Origin): ReadObject {
  const metadata = metadataOf(value, origin);
  if (!metadata.ok) return invalid('ConfigMap', value, origin, []);
  const read = readConfigMap(value, metadata.value);
  if (!read.ok) return invalid('ConfigMap', value, origin, read.problems);
  return { kind: 'object', object: read.value, warnings: [] };
}

function skipped(
  value: Readonly<Record<string, unknown>>,
  kind: string,
  origin: Origin,
  why: string,
): ReadObject {
  const metadata = metadataOf(value, origin);
  const object = metadata.ok ? objectName(kind, metadata.value) : `${kind} in ${origin.where}`;
  return { kind: 'skipped', object, why };
}

/** An object with these problems and those of its metadata. */
function invalid(
  kind: string,
  value: Readonly<Record<string, unknown>>,
  origin: Origin,
  problems: readonly Problem[],
): ReadObject {
  const metadata = metadataOf(value, origin);
  if (kind === '' || !metadata.ok) {
    const object = kind === '' ? origin.where : `${kind} in ${origin.where}`;
    const ofName = kind === '' || metadata.ok ? [] : metadata.problems;
    return {
      kind: 'invalid',
      named: false,
      invalid: { object, problems: [...ofName, ...problems] },
    };
  }
  const object = objectName(kind, metadata.value);
  const zone = objectKey(metadata.value.namespace, metadata.value.name);
  const invalid = { object, ...(kind === 'DNSZone' ? { zone } : {}), problems };
  return { kind: 'invalid', named: true, invalid };
}
