import type { Static, TArray, TObject, TProperties, TSchema, TUnsafe } from 'typebox';
import Type from 'typebox';

/**
 * The pieces that resource schemas are made of. They yield JSON Schema that is also a structural schema of Kubernetes:
 * a `type` on every node, no references, no unions, patterns that JavaScript and RE2 read alike.
 */

/** Marks an object whose unlisted fields the API server keeps. */
export const preserve = 'x-kubernetes-preserve-unknown-fields';

/** Text that can stand for a domain name: nothing that would end a statement or a record. `dns/name.ts` reads it closely. */
const namePattern = '^[^\\x00-\\x20\\x7f"\'(){};#$!,|&<>]+$';

/** Names of keys, policies and `tls` blocks: they end up in named.conf, so nothing there needs quoting. */
export const keyNamePattern = '^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?\\.?$';

/** Record data ends at the line's end: a control character would start another record. */
export const oneLinePattern = '^[^\\x00-\\x1f\\x7f]*$';

const alphanumericPattern = '^[A-Za-z0-9]+$';
const configMapKeyPattern = '^[-._a-zA-Z0-9]+$';
const recordTypePattern = '^[A-Za-z][A-Za-z0-9-]*$';

/** BIND's `dnssec-policy` names, as Bindy accepts them. */
const policyPattern = '^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$';

/** What each pattern wants, in words. */
export const patternWords: ReadonlyMap<string, string> = new Map([
  [namePattern, 'a domain name'],
  [keyNamePattern, "a key's name (letters, digits, - _ and .)"],
  [policyPattern, "a policy's name (letters, digits, - and _)"],
  [oneLinePattern, 'one line of text'],
  [alphanumericPattern, 'letters and digits'],
  [configMapKeyPattern, 'a key (letters, digits, - _ and .)'],
  [recordTypePattern, 'a record type'],
]);

export const text = (description: string, limits: { maxLength?: number; pattern?: string } = {}) =>
  Type.String({ description, minLength: 1, maxLength: 1024, ...limits });

export const domainName = (description: string) =>
  Type.String({ description, minLength: 1, maxLength: 1024, pattern: namePattern });

export const keyName = (description: string) => text(description, { pattern: keyNamePattern });

export const policyName = (description: string) => text(description, { pattern: policyPattern });

export const alphanumeric = (description: string) =>
  text(description, { maxLength: 255, pattern: alphanumericPattern });

export const configMapKey = (description: string) =>
  text(description, { maxLength: 253, pattern: configMapKeyPattern });

export const recordType = (description: string) =>
  text(description, { maxLength: 32, pattern: recordTypePattern });

export const oneLine = (description: string) =>
  text(description, { maxLength: 65_535, pattern: oneLinePattern });

/** An address, with a port or a prefix where the field takes one; `endpoint.ts` and `acl.ts` read it closely. */
export const address = (description: string) => text(description, { maxLength: 300 });

export const whole = (description: string, minimum: number, maximum: number) =>
  Type.Integer({
    description,
    minimum,
    maximum,
    // The API server does not enforce int32, and typed clients would overflow.
    format: maximum > 2_147_483_647 ? 'int64' : 'int32',
  });

export const flag = (description: string) => Type.Boolean({ description });

export const choice = <const Values extends string[]>(
  description: string,
  values: readonly [...Values],
) => Type.Enum<Values>(values, { type: 'string', description });

export const ttl = (description: string) => whole(description, 0, 2_147_483_647);

export const serial = (description: string) => whole(description, 0, 4_294_967_295);

export const time = (description: string) =>
  Type.String({ description, format: 'date-time', maxLength: 64 });

export const list = <Item extends TSchema>(
  description: string,
  items: Item,
  limits: { minItems?: number; maxItems?: number } & Record<string, unknown> = {},
): TArray<Item> => Type.Array(items, { description, maxItems: 1000, ...limits });

/** A list whose entries are told apart by one field, so that several writers can own one entry each. */
export const mapList = <Item extends TSchema>(description: string, key: string, items: Item) =>
  list(description, items, {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
  });

/** Free keys, text values. Not a `Record`: its `patternProperties` are no structural schema. */
export const textMap = (description: string): TUnsafe<Record<string, string>> =>
  Type.Unsafe<Record<string, string>>({
    type: 'object',
    description,
    maxProperties: 1000,
    additionalProperties: Type.String({ maxLength: 1024 }),
  });

export const object = <Properties extends TProperties>(
  description: string,
  properties: Properties,
): TObject<Properties> => Type.Object(properties, { description });

/** An object of which users' manifests hold more than the agent uses: the rest is kept. */
export const openObject = <Properties extends TProperties>(
  description: string,
  properties: Properties,
): TObject<Properties> => Type.Object(properties, { description, [preserve]: true });

/** An object that the agent does not look into. */
export const kept = (description: string) => openObject(description, {});

/** A list that the agent does not look into. */
export const keptList = (description: string) =>
  list(description, kept('An entry, kept as it is.'));

export const optional = Type.Optional;

const selectorOperators = ['In', 'NotIn', 'Exists', 'DoesNotExist'] as const;

/** Kubernetes' label selector. An empty one matches everything. */
export const labelSelector = (description: string) =>
  object(description, {
    matchLabels: optional(textMap('Labels that must have exactly these values.')),
    matchExpressions: optional(
      list(
        'Requirements that must all hold.',
        object('One requirement.', {
          key: text('The label that it is about.', { maxLength: 317 }),
          operator: choice('How the label is compared with the values.', selectorOperators),
          values: optional(
            list(
              'The values: some for In and NotIn, none for Exists and DoesNotExist.',
              Type.String({ maxLength: 63, description: 'A label value.' }),
            ),
          ),
        }),
        { maxItems: 100 },
      ),
    ),
  });

export const selection = (description: string) =>
  list(
    description,
    object('A label selector.', {
      selector: labelSelector('The labels that an object must carry.'),
    }),
    { maxItems: 100 },
  );

/** A type as its readers see it: nothing in a resource is ever changed. */
export type Immutable<T> = T extends string | number | boolean | undefined
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Immutable<Item>[]
    : { readonly [Key in keyof T]: Immutable<T[Key]> };

/** What a schema's valid values look like. */
export type Read<Schema extends TSchema> = Immutable<Static<Schema>>;
