import { describe, expect, test } from 'vitest';
import { customResourceDefinitions } from '../../agent/install/crd.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';

interface Version {
  readonly name: string;
  readonly served: boolean;
  readonly storage: boolean;
  readonly schema: { readonly openAPIV3Schema: Node };
  readonly additionalPrinterColumns: readonly { readonly jsonPath: string }[];
}

interface Node {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, Node>>;
}

const crds = customResourceDefinitions().map((crd) => ({
  name: crd.metadata.name,
  text: JSON.stringify(crd),
  spec: crd['spec'] as {
    readonly versions: readonly Version[];
    readonly conversion: unknown;
    readonly names: { readonly kind: string; readonly shortNames?: readonly string[] };
  },
}));

const crdOf = (kind: string) => {
  const found = crds.find(({ spec }) => spec.names.kind === kind);
  if (found === undefined) throw new Error(`no CRD of ${kind}`);
  return found;
};

const fieldOf = (kind: string, ...path: readonly string[]): Node | undefined =>
  path.reduce<Node | undefined>(
    (node, name) => (name === '[]' ? (node?.['items'] as Node) : node?.properties?.[name]),
    crdOf(kind).spec.versions[0]?.schema.openAPIV3Schema,
  );

describe('the CRDs', () => {
  test('there is one for each kind, and for the kind of Bindy that is not used', () => {
    const kinds = [...Object.keys(kindSchemas), 'ClusterBind9Provider'];
    expect(crds.map(({ spec }) => spec.names.kind).sort()).toEqual(kinds.sort());
  });

  test('both versions are served with one schema, v1beta1 is stored, nothing is converted', () => {
    for (const { spec } of crds) {
      expect(spec.versions).toMatchObject([
        { name: 'v1beta1', served: true, storage: true, subresources: { status: {} } },
        { name: 'v1alpha1', served: true, storage: false, subresources: { status: {} } },
      ]);
      expect(spec.versions[1]?.schema).toEqual(spec.versions[0]?.schema);
      expect(spec.conversion).toEqual({ strategy: 'None' });
    }
  });

  test('no two kinds share a short name', () => {
    const names = crds.flatMap(({ spec }) => spec.names.shortNames ?? []);
    expect(new Set(names).size).toBe(names.length);
  });

  test('a column of a zone shows a field that there is', () => {
    const columns = crdOf('DNSZone').spec.versions[0]?.additionalPrinterColumns ?? [];
    const fields = columns
      .map(({ jsonPath }) => /^\.(spec|status)\.(\w+)/.exec(jsonPath))
      .filter((found) => found !== null);
    expect(fields.length).toBeGreaterThan(5);
    for (const [path, part = '', field = ''] of fields)
      expect(fieldOf('DNSZone', part, field), path).toBeDefined();
  });

  test('an address is judged by the API server, where Kubernetes 1.29 can', () => {
    expect(fieldOf('ARecord', 'spec', 'ipv4Addresses', '[]')).toMatchObject({ format: 'ipv4' });
    expect(fieldOf('AAAARecord', 'spec', 'ipv6Address')).toMatchObject({ format: 'ipv6' });
    for (const { text } of crds) expect(text).not.toMatch(/isIP|isCIDR|format\.named/);
  });

  test('a zone that says no type is shown as a primary one', () => {
    expect(fieldOf('DNSZone', 'spec', 'type')).toMatchObject({ default: 'primary' });
  });

  test('each fits into the annotation in which kubectl keeps what it applied', () => {
    for (const { text } of crds) expect(text.length).toBeLessThan(200_000);
  });
});
