import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { showProblem } from '../../agent/problem.ts';
import { type Manifests, parseManifests } from '../../agent/resources/manifest.ts';
import { quickStart, seedPage, seedParts, v1alpha1, v1beta1 } from './bindy-objects.ts';

const source = { file: 'zones.yaml', defaultNamespace: 'default' };

const parse = (text: string): Manifests => parseManifests(text, source);

const zone = (name: string, more = ''): string =>
  `apiVersion: bindy.firestoned.io/v1beta1
kind: DNSZone
metadata: {name: ${name}}
spec: {zoneName: ${name}.example${more}}
`;

const idsOf = ({ objects }: Manifests) => objects.map(({ kind, key }) => `${kind} ${key}`);

const told = ({ invalid }: Manifests) =>
  invalid.map(({ object, problems }) => [object, ...problems.map(showProblem)]);

describe("manifests of Bindy's users", () => {
  test('as its page on secondary instances shows them are accepted without a word', () => {
    const page = parse(seedPage);
    expect(page).toMatchObject({ invalid: [], skipped: [], warnings: [], complete: true });
    expect(idsOf(page)).toEqual([
      'Bind9Instance dns-system/secondary-dns',
      'DNSZone dns-system/example-com-secondary',
      'Bind9Instance dns-system/secondary-dns-2',
      'DNSZone dns-system/example-com',
    ]);
    const parts = parse(seedParts);
    expect(parts).toMatchObject({ invalid: [], warnings: [] });
    expect(parts.objects[0]).toMatchObject({ spec: { config: { allowTransfer: [] } } });
  });

  test.each([
    ['v1alpha1', v1alpha1, 6, 0],
    ['v1beta1', v1beta1, 13, 1],
    ["its quick start's mixture", quickStart, 1, 0],
  ])('of %s are accepted', (_, text, objects, skipped) => {
    const read = parse(text);
    expect(told(read)).toEqual([]);
    expect([read.objects.length, read.skipped.length]).toEqual([objects, skipped]);
    expect(read.warnings.map(({ object }) => object)).toEqual(
      text === v1beta1 ? ['Bind9Instance dns-system/primary-0'] : [],
    );
  });

  test('mean the same in both versions', () => {
    const other = v1beta1.replaceAll('/v1beta1', '/v1alpha1');
    const specs = (text: string) => parse(text).objects.map((each) => 'spec' in each && each.spec);
    expect(specs(other)).toEqual(specs(v1beta1));
  });
});

describe('a file', () => {
  test('may hold Lists, JSON, comments, empty documents and objects of others', () => {
    const list = `apiVersion: v1
kind: List
items:
- ${zone('in-list').trim().replaceAll('\n', '\n  ')}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: d}}
`;
    const text = [
      '# only a comment',
      zone('one'),
      '',
      list,
      '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}',
      '...',
    ].join('\n---\n');
    const read = parse(text);
    expect(told(read)).toEqual([]);
    expect(idsOf(read)).toEqual([
      'DNSZone default/one',
      'DNSZone default/in-list',
      'ConfigMap default/c',
    ]);
    expect(read.skipped).toEqual([
      { object: 'Deployment default/d', why: 'the agent does not use this kind' },
    ]);
    expect(parse('')).toMatchObject({ objects: [], invalid: [], complete: true });
  });

  test('of JSON, or as the API server lists a kind, is read as well', () => {
    const item = { metadata: { name: 'one', namespace: 'dns' }, spec: { zoneName: 'one.example' } };
    const list = { apiVersion: 'bindy.firestoned.io/v1beta1', kind: 'DNSZoneList', items: [item] };
    expect(idsOf(parse(JSON.stringify(list)))).toEqual(['DNSZone dns/one']);
    const bad = { apiVersion: 'v1', kind: 'List', items: [{}, 7] };
    expect(told(parse(JSON.stringify(bad))).map(([object]) => object)).toEqual([
      'zones.yaml, document 1 (line 1), item 1',
      'zones.yaml, document 1 (line 1), item 2',
    ]);
  });

  test('may end its lines as Windows does, start with a byte-order mark, or carry directives', () => {
    const two = `${zone('one')}---\n${zone('two')}`;
    const ids = ['DNSZone default/one', 'DNSZone default/two'];
    expect(idsOf(parse(two.replaceAll('\n', '\r\n')))).toEqual(ids);
    expect(idsOf(parse(`\ufeff${two}`))).toEqual(ids);
    expect(idsOf(parse(`%YAML 1.2\n---\n${two}`))).toEqual(ids);
  });

  test('may use anchors and merges, within reason', () => {
    const text = `apiVersion: v1
kind: List
items:
- apiVersion: &api bindy.firestoned.io/v1beta1
  kind: DNSZone
  metadata: {name: one}
  spec: &spec {zoneName: one.example, ttl: 60}
- apiVersion: *api
  kind: DNSZone
  metadata: {name: two}
  spec: {<<: *spec, zoneName: two.example}
`;
    expect(parse(text).objects[1]).toMatchObject({ spec: { zoneName: 'two.example', ttl: 60 } });
  });

  test.each([
    ['of aliases', (level: number) => `[${Array(9).fill(`*a${level}`).join(', ')}]`],
    ['of merges', (level: number) => `{<<: [${Array(9).fill(`*a${level}`).join(', ')}]}`],
  ])('that is a bomb %s is refused at once', (_, repeat) => {
    const levels = Array.from({ length: 12 }, (__, i) => `a${i + 1}: &a${i + 1} ${repeat(i)}`);
    const read = parse(`a0: &a0 {x: 1}\n${levels.join('\n')}\n---\n${zone('one')}`);
    expect(told(read)).toEqual([
      ['zones.yaml, document 1 (line 1)', expect.stringContaining('Excessive alias count')],
    ]);
    expect(idsOf(read)).toEqual(['DNSZone default/one']);
  });

  test.each(['a: &a [*a]', 'a: *nothing', '['.repeat(10_000), '\t\t- : -', '? [a]\n: b'])(
    'with %j is told as unreadable',
    (text) => {
      const read = parse(text);
      expect(told(read)[0]).toEqual([
        'zones.yaml, document 1 (line 1)',
        ...(told(read)[0] ?? [])
          .slice(1)
          .map(() => expect.stringMatching(/^want YAML, got in line 1, column \d+: /)),
      ]);
      expect(read.complete).toBe(false);
    },
  );

  test('takes YAML 1.2: y is text, and what kubectl would make a flag of is told', () => {
    const read = parse(zone('y', ', suspend: yes'));
    expect(told(read)).toEqual([
      ['DNSZone default/y', 'spec.suspend: want true or false, got "yes"'],
    ]);
    expect(
      parse(
        'apiVersion: bindy.firestoned.io/v1beta1\nkind: ARecord\nmetadata: {name: y}\nspec: {name: y, ipv4Address: 192.0.2.1}',
      ).objects[0],
    ).toMatchObject({ spec: { name: 'y' } });
  });
});

describe('a mistake', () => {
  test('costs its document only, and is told with its line in the file', () => {
    const text = `${zone('one')}---\nkind: DNSZone\nmetadata:\n\tname: x\n---\n${zone('two')}`;
    const read = parse(text);
    expect(idsOf(read)).toEqual(['DNSZone default/one', 'DNSZone default/two']);
    expect(told(read)[0]?.[0]).toBe('DNSZone in zones.yaml, document 2 (line 6)');
    expect(told(read)[0]?.[1]).toBe(
      'want YAML, got in line 8, column 1: Tabs are not allowed as indentation',
    );
  });

  test('of syntax in an object whose name can be made out is told under that name', () => {
    const read = parse(`${zone('one')}spec: {}\n---\n${zone('two')}`);
    expect(read.invalid).toEqual([
      {
        object: 'DNSZone default/one',
        zone: 'default/one',
        problems: [
          { path: '', problem: 'want YAML, got in line 5, column 1: Map keys must be unique' },
        ],
      },
    ]);
  });

  test('that may hide an object leaves it open what the file holds', () => {
    expect(parse(zone('one')).complete).toBe(true);
    expect(parse(zone('one', ', ttl: x')).complete).toBe(true);
    expect(parse(`${zone('one')}spec: {}`).complete).toBe(false);
    expect(parse(zone('one').replace('name: one', 'nam: one')).complete).toBe(false);
  });

  test('in an object without a name is told by file, document and line', () => {
    const read = parse(`${zone('one')}---\n---\n${zone('two').replace('name: two', 'nam: two')}`);
    expect(told(read)).toEqual([
      [
        'DNSZone in zones.yaml, document 2 (line 7)',
        'metadata.name: want a name of lower case letters, digits, - and ., got nothing',
      ],
    ]);
  });

  test('of writing an object twice is told, and the first one is used', () => {
    const read = parse(`${zone('one')}---\n${zone('one', ', ttl: 5')}`);
    expect(told(read)).toEqual([
      [
        'DNSZone default/one',
        'metadata.name: want the object once in zones.yaml, got it in line 1 (used) and in line 6 (not used)',
      ],
    ]);
    expect(read.objects).toMatchObject([{ spec: { zoneName: 'one.example' } }]);
    expect(idsOf(parse(v1alpha1.replaceAll('name: blog', 'name: www')))).toHaveLength(6);
  });

  test('in a text that is no YAML at all is told by file, line and column', () => {
    expect(told(parse('hello: world: now'))).toEqual([
      [
        'zones.yaml, document 1 (line 1)',
        'want YAML, got in line 1, column 8: Nested mappings are not allowed in compact mappings',
      ],
    ]);
    expect(told(parse('just words'))).toEqual([
      [
        'zones.yaml, document 1 (line 1)',
        'want an object with apiVersion and kind, got "just words"',
      ],
    ]);
  });

  test('never makes the parser throw', () => {
    const snippet = fc.constantFrom(
      '---',
      '\n',
      'kind: ',
      'DNSZone',
      '{',
      '[',
      '"',
      "'",
      '&a ',
      '*a',
      '- ',
      '|\n',
      ': ',
      '%YAML 1.1\n',
      '...\n',
      '!!set ',
      zone('z'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(snippet).map((all) => all.join('')),
          fc.string(),
        ),
        (text) => {
          expect(parse(text).objects.length).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('a file read again', () => {
  const [one, two, three] = [zone('one'), zone('two'), zone('three')];
  const before = parse([one, two, 'not: ours\n'].join('---\n'));

  test('gives the same objects for unchanged documents, wherever they moved', () => {
    const after = parseManifests([three, two, one].join('---\n'), { ...source, previous: before });
    expect(idsOf(after)).toEqual([
      'DNSZone default/three',
      'DNSZone default/two',
      'DNSZone default/one',
    ]);
    expect(after.objects[2]).toBe(before.objects[0]);
    expect(after.objects[1]).toBe(before.objects[1]);
  });

  test('gives new objects for changed documents, and for another namespace', () => {
    const changed = one.replace('one.example', 'uno.example');
    const after = parseManifests(changed, { ...source, previous: before });
    expect(after.objects).toMatchObject([{ spec: { zoneName: 'uno.example' } }]);
    const moved = parseManifests(one, { ...source, defaultNamespace: 'dns', previous: before });
    expect(idsOf(moved)).toEqual(['DNSZone dns/one']);
  });

  test('tells mistakes at their new place, and repetitions', () => {
    const text = [three, one, 'not: ours\n', one].join('---\n');
    expect(told(parseManifests(text, { ...source, previous: before }))).toEqual(told(parse(text)));
  });

  test('forgets what is gone', () => {
    const after = parseManifests(three, { ...source, previous: before });
    expect(after.readBefore.size).toBe(1);
  });
});
