import fc from 'fast-check';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { describe, expect, test } from 'vitest';
import type { ZoneReport } from '../../agent/report/zone-report.ts';
import { checkOf, type Findings } from '../../agent/resources/check.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';
import type { DNSZoneStatus } from '../../agent/resources/types.ts';

interface Node {
  readonly type?: unknown;
  readonly description?: unknown;
  readonly pattern?: string;
  readonly properties?: Record<string, Node>;
  readonly additionalProperties?: Node;
  readonly items?: Node;
}

/** The schema as JSON has it: without the rules that stand under symbols. */
const plain = (schema: unknown): Node => JSON.parse(JSON.stringify(schema));

function* nodesOf(node: Node, path: string): Generator<readonly [string, Node]> {
  yield [path, node];
  for (const [name, child] of Object.entries(node.properties ?? {}))
    yield* nodesOf(child, `${path}.${name}`);
  if (node.additionalProperties) yield* nodesOf(node.additionalProperties, `${path}.*`);
  if (node.items) yield* nodesOf(node.items, `${path}[]`);
}

const allNodes = Object.entries(kindSchemas).flatMap(([kind, { spec, status }]) => [
  ...nodesOf(plain(spec), `${kind}.spec`),
  ...nodesOf(plain(status), `${kind}.status`),
]);

const allowed = new Set([
  ...['type', 'description', 'properties', 'required', 'additionalProperties', 'items', 'enum'],
  ...['format', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems'],
  ...['maxProperties', 'x-kubernetes-preserve-unknown-fields', 'x-kubernetes-list-type'],
  ...['x-kubernetes-list-map-keys', 'x-kubernetes-validations', 'default'],
]);

describe('the schemas', () => {
  test('are structural schemas of Kubernetes: a type and a description on every node, known keywords only', () => {
    const wrong = allNodes.flatMap(([path, node]) => [
      ...(typeof node.type === 'string' ? [] : [`${path}: no type`]),
      ...(typeof node.description === 'string' && node.description !== ''
        ? []
        : [`${path}: no description`]),
      ...Object.keys(node)
        .filter((keyword) => !allowed.has(keyword))
        .map((keyword) => `${path}: ${keyword}`),
    ]);
    expect(wrong).toEqual([]);
  });

  test('bound every list, map and text, so that rules over them have a price', () => {
    const bounds = {
      string: ['maxLength', 'enum'],
      array: ['maxItems'],
      object: ['maxProperties'],
    };
    const unbound = allNodes.filter(([, node]) => {
      const isMap = node.type !== 'object' || node.additionalProperties !== undefined;
      const type = isMap ? (node.type as keyof typeof bounds) : undefined;
      return type !== undefined && bounds[type]?.every((bound) => !(bound in node));
    });
    expect(unbound.map(([path]) => path)).toEqual([]);
  });

  test('use patterns without what RE2 lacks', () => {
    for (const [, { pattern = '' }] of allNodes) expect(pattern).not.toMatch(/\(\?|\\[1-9uk]/);
  });

  test("keep what Bindy's users hold in instances and clusters", () => {
    for (const kind of ['Bind9Instance', 'Bind9Cluster'] as const)
      expect(kindSchemas[kind].spec).toHaveProperty('x-kubernetes-preserve-unknown-fields', true);
  });

  test('declare every field that is reported of a zone', () => {
    const report: ZoneReport = {
      observedGeneration: 4,
      secondaryIps: ['10.244.1.5'],
      secondaryCount: 1,
      serial: 2026112104,
      behindSince: '2026-11-21T00:00:00Z',
      worstReason: 'Refused',
      reportedBy: 'primary-dns-0',
      reportedTime: '2026-11-21T00:00:00Z',
      transfers: [
        {
          pod: 'secondary-dns-7c9f',
          instance: 'secondary-dns',
          role: 'secondary',
          ip: '10.244.1.5',
          state: 'Failing',
          serial: 2026112103,
          from: '10.244.0.7',
          method: 'IXFR',
          lastTransferTime: '2026-11-21T00:00:00Z',
          expiresAt: '2026-11-28T00:00:00Z',
          reason: 'Refused',
          message: 'primary 10.244.0.7 refused the transfer',
        },
      ],
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          observedGeneration: 4,
          reason: 'Served',
          message: '',
          lastTransitionTime: '2026-11-21T00:00:00Z',
        },
      ],
    };
    const status: DNSZoneStatus = {
      ...report,
      allocated: {
        serial: 1,
        contentHash: 'sha256:00',
        by: 'primary-dns-0',
        view: { manifests: 7 },
      },
      writer: 'primary-dns-0',
    };
    const found: Findings = { problems: [], warnings: [] };
    checkOf(kindSchemas.DNSZone.status).read(status, 'status', found);
    expect(found).toEqual({ problems: [], warnings: [] });
  });
});

type AnyNode = Node & Readonly<Record<string, unknown>>;

const texts = ['example.com', '10.0.0.1', 'k', 'issue', 'a b', '', 'x"', 'a\nb', '-', 'ü'];
const wrongText = fc.constantFrom<unknown>(...texts);
const wrongNumber = fc.constantFrom<unknown>(-1, 256, 65_536, 2 ** 31, 2 ** 32, 1.5, Number.NaN);
const wrongType = fc.constantFrom<unknown>(7, 'x', true, [], {}, ['x'], { x: 1 });

/** Values that mostly fit a schema, with a wrong one here and there. */
function almost(node: AnyNode): fc.Arbitrary<unknown> {
  const wrong = fc.oneof(wrongType, wrongText, wrongNumber);
  return fc.oneof({ weight: 80, arbitrary: fitting(node) }, { weight: 1, arbitrary: wrong });
}

function fitting(node: AnyNode): fc.Arbitrary<unknown> {
  const child = (value: unknown) => almost(value as AnyNode);
  switch (node.type) {
    case 'object':
      if (node.additionalProperties)
        return fc.dictionary(fc.string(), child(node.additionalProperties), { maxKeys: 2 });
      return fc.record(
        Object.fromEntries(
          Object.entries(node.properties ?? {}).map(([name, each]) => [name, child(each)]),
        ),
        { requiredKeys: (node['required'] ?? []) as string[] },
      );
    case 'array':
      return fc.array(child(node.items), {
        minLength: Number(node['minItems'] ?? 0),
        maxLength: 2,
      });
    case 'integer':
      return fc.integer({ min: Number(node['minimum']), max: Number(node['maximum']) });
    case 'boolean':
      return fc.boolean();
    default:
      return fc.constantFrom(...fittingTexts(node));
  }
}

function fittingTexts({ pattern = '', ...node }: AnyNode): unknown[] {
  if (Array.isArray(node['enum'])) return node['enum'];
  const [shortest, form] = [Number(node['minLength'] ?? 0), new RegExp(pattern, 'u')];
  return texts.filter((text) => text.length >= shortest && form.test(text));
}

describe('the check', () => {
  test.each(Object.entries(kindSchemas))(
    'finds a problem in a spec of %s exactly where the schema refuses it',
    (_, { spec }) => {
      const schema = plain(spec);
      const check = checkOf(schema);
      const oracle = Compile(Type.Unsafe(schema));
      const verdicts = { good: 0, bad: 0 };
      fc.assert(
        fc.property(almost(schema as AnyNode), (value) => {
          const found: Findings = { problems: [], warnings: [] };
          check.read(value, 'spec', found);
          const accepted = oracle.Check(value);
          verdicts[accepted ? 'good' : 'bad'] += 1;
          expect(found.problems.length === 0).toBe(accepted);
        }),
        { numRuns: 300 },
      );
      expect(Math.min(verdicts.good, verdicts.bad)).toBeGreaterThan(5);
    },
  );

  test('lists more problems than eight', () => {
    const found: Findings = { problems: [], warnings: [] };
    const schema = Type.Array(Type.Integer());
    checkOf(schema).read(Array(50).fill('x'), 'list', found);
    expect(found.problems).toHaveLength(50);
  });

  test('gives back the very value where nothing had to be changed', () => {
    const value = { zoneName: 'example.com', soaRecord: { refresh: 60 }, other: { kept: null } };
    const found: Findings = { problems: [], warnings: [] };
    expect(checkOf(kindSchemas.DNSZone.spec).read(value, 'spec', found)).toBe(value);
  });
});
