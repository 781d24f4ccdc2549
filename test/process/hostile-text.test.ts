import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readObject } from '../../agent/resources/read-object.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';
import type { ResourceKind } from '../../agent/resources/types.ts';
import type { Pod } from '../rig/pod.ts';
import { until, untilEqual } from '../rig/until.ts';
import { databaseOf } from './database-of.ts';
import { axfr } from './dig.ts';
import {
  evil,
  hostileTexts,
  sampledFieldsOf,
  textFieldsOf,
  type Variant,
  variantsOf,
} from './hostile-objects.ts';
import { openRig } from './open-rig.ts';
import { planOf } from './said.ts';

const patience = { withinMs: 30_000 };
const apiVersion = 'bindy.firestoned.io/v1beta1';
const kinds = Object.keys(kindSchemas) as ResourceKind[];
const records = 'records.example';
const rig = openRig({ secondaries: 1 });

test.each(kinds)('the texts below come to every field of text of a %s', (kind) => {
  expect(sampledFieldsOf(kind)).toEqual(textFieldsOf(kind));
});

test('no text that could do harm is taken for an option of named', () => {
  const taken = (kind: ResourceKind) => [
    ...new Set(
      variantsOf(kind)
        .filter(isAccepted)
        .map(({ path }) => path),
    ),
  ];
  expect(taken('Bind9Instance')).toEqual(['clusterRef', 'version', 'primaryServers[]']);
  expect(taken('Bind9Cluster')).toEqual(['version']);
});

describe('a text that would mean something to named', () => {
  const ofZones = variantsOf('DNSZone').map((variant, index) => ({
    name: `zone${index}`,
    zone: `zone${index}.example`,
    variant,
  }));
  const ofRecords = kinds
    .filter((kind) => kind.endsWith('Record'))
    .flatMap(variantsOf)
    .map((variant, index) => ({ name: `record${index}`, variant }));
  let before: string;

  beforeAll(async () => {
    await rig().zone(records, { www: '192.0.2.1' });
    await rig().agreed(records);
    before = confOf(rig().pod('primary-0'));
    const hostileInstance = { clusterRef: nasty, version: nasty, primaryServers: [nasty] };
    await rig().manifest('primary', list([object('Bind9Instance', 'primary', hostileInstance)]));
    const zones = ofZones.map(({ name, zone, variant }) =>
      object(
        'DNSZone',
        name,
        variant.path === 'zoneName' ? variant.spec : { ...variant.spec, zoneName: zone },
      ),
    );
    await rig().manifest('zones', list(zones));
    const all = ofRecords.map(({ name, variant }) =>
      object(
        variant.kind,
        name,
        variant.path === 'name' ? variant.spec : { ...variant.spec, name },
      ),
    );
    await rig().manifest('records', list(all));
    await rig().zone('last.example');
    await rig().agreed('last.example');
    await until(
      async () => (await planOf(rig().pod('primary-0'))).startsWith('Nothing would change.'),
      patience,
    );
  });

  test('adds no statement to named.conf', () => {
    expect(confOf(rig().pod('primary-0'))).toBe(before);
  });

  test('adds no zone and no statement to the stanzas that named has', () => {
    const wanted = new Set([
      records,
      'last.example',
      ...ofZones
        .filter(({ variant }) => isAccepted(variant))
        .map(({ zone, variant }) => (variant.path === 'zoneName' ? variant.text : zone)),
    ]);
    for (const pod of rig().pods.values()) {
      const stanzas = stanzasOf(pod);
      expect(stanzas.size).toBeGreaterThan(100);
      for (const [zone, body] of stanzas) {
        expect(wanted).toContain(zone);
        expectStanza(body, join(pod.path('zones'), `${zone}.zone`));
      }
    }
  });

  test('is no directive in any zone file, and in no zone a record but what it was written as', async () => {
    const pod = rig().pod('primary-0');
    const fileOf = (zone: string): string => join(pod.path('zones'), `${zone}.zone`);
    // Of a zone that is transferred from elsewhere there is none.
    const zones = [...stanzasOf(pod).keys()].filter((zone) => existsSync(fileOf(zone)));
    expect(zones.length).toBeGreaterThan(100);
    const suspects = zones.filter((zone) => {
      const text = readFileSync(fileOf(zone), 'utf8');
      expect(text.match(/^\s*\$.*$/gm), zone).toEqual([expect.stringMatching(/^\$TTL \d+$/)]);
      // Its records lie in the journal yet.
      return zone === records || text.includes(evil);
    });
    expect(suspects.length).toBeGreaterThan(5);
    for (const zone of suspects) {
      const found = await axfr(pod.place, zone, { key: rig().clusterKey ?? '' });
      expect(found, zone).toBeDefined();
      for (const record of found ?? []) {
        expect(record).not.toMatch(/^evil\.| IN A 192\.0\.2\.66$|root:x:0/);
        expect(`.${record.split(' ')[0]}`.endsWith(`.${zone}.`), record).toBe(true);
      }
    }
  });

  test('is served as it is where any text may stand', async () => {
    const found = await axfr(rig().pod('secondary-0').place, records, {
      key: rig().clusterKey ?? '',
    });
    const free = ofRecords.filter(({ variant: { path } }) => path === 'text[]' || path === 'value');
    const accepted = free.filter(({ variant }) => isAccepted(variant));
    expect(accepted.length).toBeGreaterThan(hostileTexts.length * 2);
    for (const { name, variant } of accepted) {
      const line = found?.find((record) => record.startsWith(`${name}.${records}. `));
      expect(textOf(line ?? ''), `${name} ${line}`).toBe(variant.text);
    }
  });

  test('kills no named, and keeps no other zone from being changed', async () => {
    await rig().host(records, 'mail', '192.0.2.2');
    for (const pod of rig().pods.values()) {
      await untilEqual(() => rig().data(pod.name, `mail.${records}`), ['192.0.2.2'], patience);
      expect(pod.namedStarts).toBe(1);
    }
  });
});

const nasty = 'x"; }; zone "evil.example" { type primary; file "/etc/passwd"; }; //';

const object = (kind: ResourceKind, name: string, spec: object) => ({
  apiVersion,
  kind,
  metadata: { name },
  spec,
});

const list = (items: readonly object[]): string =>
  `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items }, undefined, 1)}\n`;

const isAccepted = ({ kind, spec }: Variant): boolean =>
  readObject(object(kind, 'any', spec), { where: 'here', defaultNamespace: 'default' }).kind ===
  'object';

/** All that named has read but its zones, and where these lie. */
const confOf = (pod: Pod): string =>
  readdirSync(join(pod.path('config'), '..data'))
    .map((file) => readFileSync(join(pod.path('config'), '..data', file), 'utf8'))
    .join('')
    .replace(/new-zones-directory "[^"]*";/, '')
    // The folder of this version of them.
    .replaceAll(/\/\.\.[0-9a-f]+\//g, '/');

/** The zones that named was told of, and what it was told. */
function stanzasOf(pod: Pod): Map<string, string> {
  const text = execFileSync('named-nzd2nzf', [databaseOf(pod)], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const lines = text.trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [, zone, body] = /^zone "?([^" ]+)"? (\{.*\});$/.exec(line) ?? [];
      if (zone === undefined || body === undefined) throw new Error(`not a stanza: ${line}`);
      return [zone, body];
    }),
  );
}

const statements = [
  'type file masterfile-format notify also-notify allow-transfer allow-query max-records-per-type',
  'max-types-per-name max-ixfr-ratio update-policy primaries allow-notify try-tcp-refresh',
].flatMap((line) => line.split(' '));

/** Holds each statement of a stanza, as the lexical rules of named.conf have it, against what we write. */
function expectStanza(body: string, file: string): void {
  const tokens = body.match(/"(?:[^"\\]|\\.)*"|[{};]|[^\s"{};]+/g) ?? [];
  expect([tokens[0], tokens.at(-1)]).toEqual(['{', '}']);
  for (const [word, argument] of statementsIn(tokens.slice(1, -1))) {
    expect(statements).toContain(word);
    if (word === 'file') expect(argument).toBe(`"${file}"`);
  }
  for (const string of tokens.filter((token) => token.startsWith('"')))
    expect(string).toMatch(/^"(?:[\w.-]+|\/[\w./=-]+)"$/);
}

/** The words of each statement, what stands in braces left out. */
function statementsIn(tokens: readonly string[]): string[][] {
  const found: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token === '}') depth -= 1;
    if (depth === 0 && token === ';') found.push([]);
    else if (depth === 0 && token !== '{' && token !== '}') found.at(-1)?.push(token);
    if (token === '{') depth += 1;
  }
  expect(depth).toBe(0);
  return found.slice(0, -1);
}

/** The text of a TXT or CAA record as dig shows it. */
function textOf(line: string): string {
  const strings = line.match(/"(?:[^"\\]|\\.)*"/g) ?? [];
  const octets = strings
    .map((each) => each.slice(1, -1))
    .join('')
    .replaceAll(/\\(\d{3}|.)/g, (_, escaped: string) =>
      escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped,
    );
  return Buffer.from(octets, 'latin1').toString('utf8');
}
