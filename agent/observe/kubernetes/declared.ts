import { isObject } from '../../resources/got.ts';
import type { RawObject } from './collection.ts';

/** A schema as the API server publishes it (OpenAPI v3), as far as it tells what may be written. */
export interface PublishedSchema {
  readonly properties?: Readonly<Record<string, PublishedSchema>>;
  readonly items?: PublishedSchema;
  readonly additionalProperties?: PublishedSchema | boolean;
  readonly 'x-kubernetes-preserve-unknown-fields'?: boolean;
  /** `atomic` where it is missing: who writes an entry writes them all. */
  readonly 'x-kubernetes-list-type'?: string;
}

/** What of a value the schema declares: a server-side apply with anything else fails whole. */
export function declaredPart(value: unknown, schema: PublishedSchema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? value : value.map((each) => declaredPart(each, items));
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([field, each]) => {
      const declared = schemaOf(field, schema);
      return declared === undefined ? [] : [[field, declaredPart(each, declared)]];
    }),
  );
}

/** Paths of the fields that one schema has and the other does not declare: `transfers`, `conditions[].observedGeneration`. */
export function undeclared(wanted: RawObject, schema: PublishedSchema, path = ''): string[] {
  const { properties, items } = wanted;
  if (isObject(items) && schema.items !== undefined)
    return undeclared(items, schema.items, `${path}[]`);
  if (!isObject(properties)) return [];
  return Object.entries(properties).flatMap(([field, each]) => {
    const at = path === '' ? field : `${path}.${field}`;
    const declared = schemaOf(field, schema);
    if (declared === undefined) return [at];
    return isObject(each) ? undeclared(each, declared, at) : [];
  });
}

export const isAtomicList = (schema: PublishedSchema | undefined): boolean =>
  schema !== undefined && (schema['x-kubernetes-list-type'] ?? 'atomic') === 'atomic';

/** Undefined: not declared. */
function schemaOf(field: string, schema: PublishedSchema): PublishedSchema | undefined {
  const { properties, additionalProperties: rest } = schema;
  const declared = properties !== undefined && Object.hasOwn(properties, field);
  if (declared) return properties[field];
  if (typeof rest === 'object') return rest;
  return rest === true || schema['x-kubernetes-preserve-unknown-fields'] === true
    ? ANYTHING
    : undefined;
}

const ANYTHING: PublishedSchema = { 'x-kubernetes-preserve-unknown-fields': true };
