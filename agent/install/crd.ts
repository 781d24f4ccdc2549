import type { TSchema } from 'typebox';
import { type Rules, type TextRule, textRule } from '../resources/rule.ts';
import { type KindSchema, kindSchemas, unusedKindSchemas } from '../resources/schema.ts';
import { ipv4Rule, ipv6Rule } from '../resources/text-rules.ts';
import { apiGroup, apiVersions } from '../resources/types.ts';
import { type Manifest, partOf } from './manifest.ts';

/** The CustomResourceDefinition of each kind, in the order of their names. */
export const customResourceDefinitions = (): readonly Manifest[] =>
  [
    ...Object.entries(kindSchemas).map(([kind, schema]) =>
      definitionOf(kind, 'Namespaced', schema),
    ),
    ...Object.entries(unusedKindSchemas).map(([kind, schema]) =>
      definitionOf(kind, 'Cluster', schema),
    ),
  ].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));

function definitionOf(
  kind: string,
  scope: 'Namespaced' | 'Cluster',
  { plural, shortNames, columns, spec, status }: KindSchema,
): Manifest {
  const openAPIV3Schema = {
    type: 'object',
    description: String(written(spec)['description']),
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'The version of the API.' },
      kind: { type: 'string', description: 'The kind of the object.' },
      metadata: { type: 'object' },
      spec: structural(spec),
      status: structural(status),
    },
  };
  // The one that is stored comes first: where two versions say the same, none is converted.
  const versions = apiVersions.map((version, index) => ({
    name: version.slice(apiGroup.length + 1),
    served: true,
    storage: index === 0,
    additionalPrinterColumns: columns,
    schema: { openAPIV3Schema },
    subresources: { status: {} },
  }));
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${apiGroup}`, labels: partOf },
    spec: {
      group: apiGroup,
      scope,
      names: {
        kind,
        listKind: `${kind}List`,
        plural,
        singular: kind.toLowerCase(),
        ...(shortNames.length === 0 ? {} : { shortNames }),
      },
      conversion: { strategy: 'None' },
      versions,
    },
  };
}

type Node = Readonly<Record<string, unknown>> & Rules;

const written = (schema: TSchema): Node => schema as unknown as Node;

/** Rules that the API server has a word for. Others it cannot look at: what they find is told in the status. */
const formats = new Map<TextRule, string>([
  [ipv4Rule, 'ipv4'],
  [ipv6Rule, 'ipv6'],
]);

/** The schema as plain JSON, with the formats that stand for its rules. */
function structural(schema: TSchema): Readonly<Record<string, unknown>> {
  const node = written(schema);
  const rule = node[textRule];
  const format = rule === undefined ? undefined : formats.get(rule);
  const children = Object.entries(node)
    // The API server keeps nothing that is empty, and kubectl would find a difference at each apply.
    .filter(
      ([keyword, value]) => keyword !== 'properties' || Object.keys(value as object).length > 0,
    )
    .map(([keyword, value]) => [keyword, nested(keyword, value)]);
  return { ...Object.fromEntries(children), ...(format === undefined ? {} : { format }) };
}

function nested(keyword: string, value: unknown): unknown {
  switch (keyword) {
    case 'properties':
      return Object.fromEntries(
        Object.entries(value as Readonly<Record<string, TSchema>>).map(([name, child]) => [
          name,
          structural(child),
        ]),
      );
    case 'items':
    case 'additionalProperties':
      return structural(value as TSchema);
    default:
      return value;
  }
}
