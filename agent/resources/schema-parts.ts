import type { Static, TArray, TObject, TProperties, TSchema, TUnsafe } from 'typebox';
import Type from 'typebox';
import { requirementRule, requirementValidations } from './object-rules.ts';
import {
  alphanumericPattern,
  configMapKeyPattern,
  keyNamePattern,
  namePattern,
  oneLinePattern,
  policyPattern,
  recordTypePattern,
  zoneNamePattern,
} from './patterns.ts';
import { type ObjectRule, objectRule, type TextRule, textRule, type Validation } from './rule.ts';
import {
  accessRule,
  endpointRule,
  ipRule,
  ipv4Rule,
  ipv6Rule,
  listenRule,
  mailboxRule,
  nameRule,
  recordDataRule,
  recordTypeRule,
} from './text-rules.ts';

/**
 * The pieces that resource schemas are made of. They yield JSON Schema that is also a structural schema of Kubernetes:
 * a `type` on every node, no references, no unions, patterns that JavaScript and RE2 read alike.
 */

/** Marks an object whose unlisted fields the API server keeps. */
export const preserve = 'x-kubernetes-preserve-unknown-fields';

export const text = (
  description: string,
  limits: { minLength?: number; maxLength?: number; pattern?: string; rule?: TextRule } = {},
) => {
  const { rule, ...keywords } = limits;
  return Type.String({
    description,
    minLength: 1,
    maxLength: 1024,
    ...keywords,
    ...(rule === undefined ? {} : { [textRule]: rule }),
  });
};

export const domainName = (description: string) =>
  text(description, { pattern: namePattern, rule: nameRule });

export const zoneName = (description: string) =>
  text(description, { pattern: zoneNamePattern, rule: nameRule });

export const mailbox = (description: string) =>
  text(description, { pattern: namePattern, rule: mailboxRule });

export const keyName = (description: string) => text(description, { pattern: keyNamePattern });

export const policyName = (description: string) => text(description, { pattern: policyPattern });

export const alphanumeric = (description: string) =>
  text(description, { maxLength: 255, pattern: alphanumericPattern });

export const configMapKey = (description: string) =>
  text(description, { maxLength: 253, pattern: configMapKeyPattern });

export const recordType = (description: string) =>
  text(description, { maxLength: 32, pattern: recordTypePattern, rule: recordTypeRule });

export const recordData = (description: string) =>
  text(description, { maxLength: 65_535, pattern: oneLinePattern, rule: recordDataRule });

/** The API server stores objects of up to 1.5 MiB; a folder of manifests may hold more. */
export const zoneText = (description: string) => text(description, { maxLength: 67_108_864 });

export const oneLine = (description: string) =>
  text(description, { minLength: 0, maxLength: 65_535, pattern: oneLinePattern });

const address = (rule: TextRule) => (description: string) =>
  text(description, { maxLength: 300, rule });

export const ipv4 = address(ipv4Rule);
export const ipv6 = address(ipv6Rule);
export const ip = address(ipRule);
/** An IP, `ip:port` or `[ipv6]:port`. */
export const endpoint = address(endpointRule);
/** An entry of `allowQuery` or `allowTransfer`. */
export const access = address(accessRule);
/** An entry of `listenOn`. */
export const listen = address(listenRule);

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
  more: { readonly default?: Values[number] } = {},
) => Type.Enum<Values>(values, { type: 'string', description, ...more });

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

/** Free keys, values of one kind. Not a `Record`: its `patternProperties` are no structural schema. */
export const freeMap = <Value>(
  description: string,
  items: TSchema,
  rule?: ObjectRule,
): TUnsafe<Record<string, Value>> =>
  Type.Unsafe<Record<string, Value>>({
    type: 'object',
    description,
    maxProperties: 1000,
    additionalProperties: items,
    ...ruled(rule),
  });

export const textMap = (
  description: string,
  limits: { items?: TSchema; rule?: ObjectRule } = {},
): TUnsafe<Record<string, string>> =>
  freeMap<string>(
    description,
    limits.items ?? Type.String({ description: 'A value.', maxLength: 1024 }),
    limits.rule,
  );

export const object = <Properties extends TProperties>(
  description: string,
  properties: Properties,
  rule?: ObjectRule,
  validations?: readonly Validation[],
): TObject<Properties> =>
  Type.Object(properties, { description, ...ruled(rule), ...validated(validations) });

/** An object of which users' manifests hold more than the agent uses: the rest is kept. */
export const openObject = <Properties extends TProperties>(
  description: string,
  properties: Properties,
  rule?: ObjectRule,
): TObject<Properties> =>
  Type.Object(properties, { description, [preserve]: true, ...ruled(rule) });

const validated = (validations: readonly Validation[] | undefined) =>
  validations === undefined ? {} : { 'x-kubernetes-validations': validations };

const ruled = (rule: ObjectRule | undefined) => (rule === undefined ? {} : { [objectRule]: rule });

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
        object(
          'One requirement.',
          {
            key: text('The label that it is about.', { maxLength: 317 }),
            operator: choice('How the label is compared with the values.', selectorOperators),
            values: optional(
              list(
                'The values: some for In and NotIn, none for Exists and DoesNotExist.',
                Type.String({ maxLength: 63, description: 'A label value.' }),
              ),
            ),
          },
          requirementRule,
          requirementValidations,
        ),
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
