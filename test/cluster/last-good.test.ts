import { mkdir, readFile, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Cluster } from '../../agent/observe/cluster.ts';
import { LastGood } from '../../agent/observe/last-good.ts';
import { parseManifests } from '../../agent/resources/manifest.ts';
import { keyOfKind, objectKey } from '../../agent/resources/types.ts';
import { until, untilEqual } from '../rig/until.ts';
import { type DirectoryHarness, directoryHarness } from './directory-harness.ts';
import { manifestText, record, zone } from './manifest-texts.ts';

let harness: DirectoryHarness;
let state: string;
let failures: string[];

beforeEach(async () => {
  harness = await directoryHarness();
  state = `${harness.manifests}-state`;
  await mkdir(state);
  failures = [];
});
afterEach(() => harness.close());

const lastGood = (writes = true): LastGood =>
  new LastGood({ folder: state, writes, failed: (why) => failures.push(why) });

/** One run of an agent, from start to synced. */
async function run(writes = true): Promise<Cluster> {
  const cluster = harness.open('pod-a', { lastGood: lastGood(writes) });
  await cluster.start(() => undefined);
  await until(() => cluster.view().synced);
  return cluster;
}

/** As after a kill: nothing of the last run is left but what it has written. */
async function again(cluster: Cluster): Promise<Cluster> {
  await cluster.stop();
  return run();
}

const file = (name: string): string => join(harness.manifests, name);
const kept = (): Promise<string> =>
  readFile(join(state, 'last-good.jsonl'), 'utf8').catch(() => 'absent');
const recordsIn = (cluster: Cluster): string =>
  [...cluster.view().records.keys()]
    .map((id) => id.replace('ARecord/default/', ''))
    .sort()
    .join(' ');
const ttlOf = (cluster: Cluster, name: string): unknown =>
  cluster.view().zones.get(objectKey('default', name))?.spec.ttl;

const www = record('www', 'a', '192.0.2.1');
const api = record('api', 'a', '192.0.2.2');
const wrong = record('www', 'a', '192.0.2');
const texts = (...objects: (typeof www)[]): string => objects.map(manifestText).join('---\n');

test('writes nothing while nothing is wrong', async () => {
  await writeFile(file('a.yaml'), texts(zone('a'), www));
  const cluster = await run();
  await writeFile(file('a.yaml'), texts(zone('a')));
  await until(() => recordsIn(cluster) === '');
  await cluster.stop();
  expect(await kept()).toBe('absent');
});

test('the last good version of an object outlives a restart, until the object is right again', async () => {
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 60 }), www, api));
  const first = await run();
  const before = first.view().records.get(keyOfKind('ARecord', 'default', 'www'));
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: -1 }), wrong, api));
  await until(() => first.view().invalid.length === 2);
  expect((await kept()).split('\n').length).toBe(2);
  const second = await again(first);
  expect(second.view().records.get(keyOfKind('ARecord', 'default', 'www'))).toEqual(before);
  expect(ttlOf(second, 'a')).toBe(60);
  expect(recordsIn(second)).toBe('api www');
  expect(second.view().invalid).toHaveLength(2);
  const third = await again(second);
  expect(recordsIn(third)).toBe('api www');
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 61 }), www, api));
  await until(() => third.view().invalid.length === 0);
  expect(ttlOf(third, 'a')).toBe(61);
  await untilEqual(kept, '');
});

test('an object that was put right or deleted between two runs is not brought back', async () => {
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 60 }), www, api));
  const first = await run();
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: -1 }), wrong, api));
  await until(() => first.view().invalid.length === 2);
  await first.stop();
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 62 }), api));
  const second = await run();
  expect(ttlOf(second, 'a')).toBe(62);
  expect(recordsIn(second)).toBe('api');
  await untilEqual(kept, '');
  await second.stop();
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 62 }), wrong, api));
  expect(recordsIn(await run())).toBe('api');
});

test('a file that is gone takes what it stood in for with it', async () => {
  await writeFile(file('a.yaml'), texts(www));
  const first = await run();
  await writeFile(file('a.yaml'), texts(wrong));
  await until(() => first.view().invalid.length === 1);
  await first.stop();
  await rm(file('a.yaml'));
  const second = await run();
  expect(recordsIn(second)).toBe('');
  await untilEqual(kept, '');
});

test('all that a file held outlives a restart while it cannot be parsed; what it held is not unknown then', async () => {
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 60 }), www));
  const first = await run();
  await writeFile(file('a.yaml'), `${texts(zone('a', { ttl: 60 }))}---\nkind: [\n`);
  await until(() => first.view().removalsFrozen);
  const second = await again(first);
  expect(recordsIn(second)).toBe('www');
  expect(second.view().removalsFrozen).toContain('a.yaml');
  expect(second.view().unremembered).toBeUndefined();
  await writeFile(file('a.yaml'), texts(zone('a', { ttl: 60 })));
  await until(() => second.view().removalsFrozen === undefined);
  expect(recordsIn(second)).toBe('');
  await untilEqual(kept, '');
});

test('all that a file held outlives a restart while it cannot be read at all', async () => {
  await writeFile(file('a.yaml'), texts(www, api));
  const first = await run();
  await rm(file('a.yaml'));
  await symlink('a.yaml', file('a.yaml'));
  await until(() => first.view().removalsFrozen);
  const second = await again(first);
  expect(recordsIn(second)).toBe('api www');
  expect(second.view().unremembered).toBeUndefined();
  await unlink(file('a.yaml'));
  await writeFile(file('a.yaml'), texts(api));
  await until(() => recordsIn(second) === 'api');
});

test('a file that cannot be read at the start holds up none of the others, and may hold anything', async () => {
  await symlink('a.yaml', file('a.yaml'));
  await writeFile(file('b.yaml'), texts(www));
  const cluster = await run();
  expect(recordsIn(cluster)).toBe('www');
  expect(cluster.view().removalsFrozen).toContain('a.yaml');
  expect(cluster.view().unremembered).toContain('a.yaml');
  await unlink(file('a.yaml'));
  await until(() => cluster.view().unremembered === undefined);
});

test('a file that was never read right may hold anything, until it is', async () => {
  await writeFile(file('a.yaml'), 'kind: [\n');
  await writeFile(file('b.yaml'), texts(www));
  const first = await run();
  expect(first.view().unremembered).toContain('a.yaml');
  const second = await again(first);
  expect(second.view().unremembered).toContain('a.yaml');
  await writeFile(file('a.yaml'), texts(api));
  await until(() => second.view().unremembered === undefined);
  await writeFile(file('a.yaml'), `${texts(api)}---\nkind: [\n`);
  await until(() => second.view().removalsFrozen);
  expect(second.view().unremembered).toBeUndefined();
  expect((await again(second)).view().unremembered).toBeUndefined();
});

test('who only looks sees the last good versions, and writes nothing', async () => {
  await writeFile(file('a.yaml'), texts(www));
  const first = await run();
  await writeFile(file('a.yaml'), texts(wrong));
  await until(() => first.view().invalid.length === 1);
  const text = await kept();
  const onlooker = await run(false);
  expect(recordsIn(onlooker)).toBe('www');
  await writeFile(file('b.yaml'), texts(api));
  await until(() => recordsIn(onlooker) === 'api www');
  await first.stop();
  await writeFile(file('a.yaml'), texts(www));
  await until(() => onlooker.view().invalid.length === 0);
  expect(await kept()).toBe(text);
});

test('a damaged line costs what is in it, and is told; a folder that cannot be written is told once', async () => {
  const good = JSON.stringify({ source: 'a.yaml', whole: true, objects: [JSON.parse(asJson())] });
  await writeFile(join(state, 'last-good.jsonl'), `{"source":\n${good}\n`);
  const read = await lastGood().read();
  expect(read.map(({ source, whole, objects }) => [source, whole, objects.length])).toEqual([
    ['a.yaml', true, 1],
  ]);
  expect(failures).toEqual([expect.stringContaining('line 1')]);
  await rm(state, { recursive: true });
  const unwritable = lastGood();
  await unwritable.read();
  await unwritable.keep(read);
  await unwritable.keep(read);
  expect(failures).toHaveLength(2);
  await mkdir(state);
  await unwritable.keep(read);
  expect(await kept()).toBe(`${good}\n`);
});

const asJson = (): string => {
  const { objects } = parseManifests(texts(zone('a')), { file: 'a.yaml', defaultNamespace: 'x' });
  const [object] = objects;
  if (object?.kind !== 'DNSZone') throw new Error('the test text is no zone');
  const { apiVersion, kind, metadata, spec } = object;
  return JSON.stringify({ apiVersion, kind, metadata, spec });
};
