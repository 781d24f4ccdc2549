import { mkdir, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster } from '../../agent/observe/cluster.ts';
import type { DirectoryClusterOptions } from '../../agent/observe/directory-cluster.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { until } from '../rig/until.ts';
import { registrationOf } from './contract.ts';
import { type DirectoryHarness, directoryHarness } from './directory-harness.ts';
import { manifestText, zone } from './manifest-texts.ts';
import { some } from './some.ts';

describe('manifests in folders', () => {
  let harness: DirectoryHarness;
  let folder: string;
  /** Each set of zones that was to be seen when a change was told. */
  let seen: string[];
  let told: Set<string>;

  beforeEach(async () => {
    harness = await directoryHarness();
    folder = harness.manifests;
    seen = [];
    told = new Set();
  });
  afterEach(() => harness.close());

  async function start(options: Partial<DirectoryClusterOptions> = {}): Promise<Cluster> {
    const cluster = harness.open('pod-a', options);
    await cluster.start(() => {
      seen.push(zonesIn(cluster));
      for (const { object } of cluster.view().invalid) told.add(object);
    });
    return cluster;
  }

  async function synced(options: Partial<DirectoryClusterOptions> = {}): Promise<Cluster> {
    const cluster = await start(options);
    await until(() => cluster.view().synced);
    seen = [];
    return cluster;
  }

  const write = (file: string, ...names: string[]): Promise<void> =>
    writeFile(join(folder, file), texts(...names));

  const texts = (...names: string[]): string =>
    names.map((name) => manifestText(zone(name))).join('---\n');

  const versionOf = (cluster: Cluster): number => cluster.view().progress.latest['manifests'] ?? 0;

  const zonesIn = (cluster: Cluster): string =>
    [...cluster.view().zones.keys()].map((key) => key.replace('default/', '')).join(' ');

  const untilZones = (cluster: Cluster, names: string): Promise<boolean> =>
    until(() => zonesIn(cluster) === names, { what: `zones ${names}`, everyMs: 2 });

  /** Waits until a change that was made later than all others is seen: what came before has been looked at. */
  async function untilLookedAt(cluster: Cluster, marker: string): Promise<void> {
    await write(`${marker}.yaml`, marker);
    await until(() => cluster.view().zones.has(objectKey('default', marker)), { everyMs: 2 });
  }

  test('reads YAML and JSON, also in subfolders and behind links, and nothing else', async () => {
    await mkdir(join(folder, 'team', 'a'), { recursive: true });
    await mkdir(join(folder, '.git'));
    await mkdir(`${folder}-elsewhere`);
    await symlink(`${folder}-elsewhere`, join(folder, 'linked'));
    await symlink('..', join(folder, 'team', 'circle'));
    await write('a.yaml', 'a');
    await write('team/b.yml', 'b');
    await write('team/a/c.yaml', 'c');
    await write('linked/d.yaml', 'd');
    await writeFile(
      join(folder, 'e.json'),
      JSON.stringify({
        apiVersion: 'bindy.firestoned.io/v1beta1',
        kind: 'DNSZone',
        metadata: { name: 'e' },
        spec: { zoneName: 'e.example' },
      }),
    );
    await write('.hidden.yaml', 'hidden');
    await write('.git/f.yaml', 'hidden-too');
    await write('notes.txt', 'not-a-manifest');
    const cluster = await synced();
    expect(zonesIn(cluster).split(' ').sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    await write('linked/g.yaml', 'g');
    await mkdir(join(folder, 'later'));
    await write('later/h.yaml', 'h');
    await until(() => zonesIn(cluster).split(' ').length === 7);
    await rm(join(folder, 'team'), { recursive: true });
    await until(() => zonesIn(cluster).split(' ').sort().join(' ') === 'a d e g h');
    await rm(`${folder}-elsewhere`, { recursive: true });
  });

  describe('a mounted ConfigMap', () => {
    /** As the kubelet does it: a new folder, and one rename of the link that all files go through. */
    async function mount(version: string, files: Record<string, string>): Promise<void> {
      const mounted = join(folder, `..${version}`);
      await mkdir(mounted);
      for (const [file, name] of Object.entries(files)) {
        await writeFile(join(mounted, file), texts(name));
        await symlink(join('..data', file), join(folder, file)).catch(() => undefined);
      }
      await symlink(`..${version}`, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    }

    test('is followed when it is swapped, and only what changed is new', async () => {
      await mount('2026_1', { 'a.yaml': 'a', 'b.yaml': 'b' });
      const cluster = await synced();
      const before = cluster.view();
      const version = versionOf(cluster);
      expect(zonesIn(cluster)).toBe('a b');
      await mount('2026_2', { 'a.yaml': 'a', 'b.yaml': 'other', 'c.yaml': 'c' });
      await untilZones(cluster, 'a other c');
      const a = objectKey('default', 'a');
      expect(cluster.view().zones.get(a)).toBe(before.zones.get(a));
      expect(versionOf(cluster)).toBeGreaterThan(version);
      await rm(join(folder, '..2026_1'), { recursive: true });
      await mount('2026_3', { 'a.yaml': 'a' });
      await untilZones(cluster, 'a');
      expect(cluster.view().removalsFrozen).toBeUndefined();
    });
  });

  describe('a file that is being written', () => {
    const slow = { settleMs: 3000 };

    test('gives nothing up while its second half is still to come', async () => {
      await write('zones.yaml', 'a', 'b', 'c');
      const cluster = await synced(slow);
      const whole = texts('a', 'b', 'd', 'c');
      await writeFile(join(folder, 'zones.yaml'), '');
      await untilLookedAt(cluster, 'm1');
      await writeFile(join(folder, 'zones.yaml'), whole.slice(0, whole.length / 3));
      await untilLookedAt(cluster, 'm2');
      await writeFile(join(folder, 'zones.yaml'), 'spec: [');
      await untilLookedAt(cluster, 'm3');
      await writeFile(join(folder, 'zones.yaml'), whole);
      await until(() => cluster.view().zones.has(objectKey('default', 'd')));
      expect(seen.every((zones) => /a.*b.*c/.test(zones))).toBe(true);
      expect([...told]).toEqual([]);
    });

    test('is not used as long as it ends in the middle of a line', async () => {
      const cluster = await synced(slow);
      await writeFile(join(folder, 'a.yaml'), `${texts('a')}  ttl: 36`);
      await untilLookedAt(cluster, 'm');
      expect(zonesIn(cluster)).toBe('m');
      await writeFile(join(folder, 'a.yaml'), `${texts('a')}  ttl: 3600\n`);
      await until(() => cluster.view().zones.get(objectKey('default', 'a'))?.spec.ttl === 3600);
    });

    test('is not missed while an editor moves it aside and writes it anew', async () => {
      await write('a.yaml', 'a');
      const cluster = await synced(slow);
      await rename(join(folder, 'a.yaml'), join(folder, 'a.yaml~'));
      await untilLookedAt(cluster, 'm1');
      await write('a.yaml', 'a', 'b');
      await untilZones(cluster, 'a b m1');
      await write('.a.yaml.swp', 'c');
      await rename(join(folder, '.a.yaml.swp'), join(folder, 'a.yaml'));
      await untilLookedAt(cluster, 'm2');
      expect(seen.every((zones) => zones.startsWith('a') || zones.startsWith('c'))).toBe(true);
    });

    test('is believed in the end: what it does not hold any more is deleted', async () => {
      await write('zones.yaml', 'a', 'b');
      const cluster = await synced();
      await write('zones.yaml', 'b');
      await untilZones(cluster, 'b');
      await writeFile(join(folder, 'zones.yaml'), '');
      await untilZones(cluster, '');
      expect(cluster.view().removalsFrozen).toBeUndefined();
    });
  });

  describe('a file that is wrong', () => {
    test('keeps its last good objects, freezes removals, and is told with the line', async () => {
      await write('a.yaml', 'a');
      await write('b.yaml', 'b');
      const cluster = await synced();
      const before = cluster.view().zones.get(objectKey('default', 'a'));
      await writeFile(join(folder, 'a.yaml'), 'kind: DNSZone\nspec: [\n');
      const frozen = await some(() => cluster.view().removalsFrozen);
      expect(frozen).toContain('a.yaml');
      const [invalid] = cluster.view().invalid;
      expect(invalid?.object).toContain('a.yaml');
      expect(invalid?.problems[0]?.problem).toMatch(/line \d/);
      expect(cluster.view().zones.get(objectKey('default', 'a'))).toBe(before);
      await rm(join(folder, 'b.yaml'));
      await untilZones(cluster, 'a');
      await write('a.yaml', 'c');
      await untilZones(cluster, 'c');
      expect(cluster.view()).toMatchObject({ invalid: [] });
      expect(cluster.view().removalsFrozen).toBeUndefined();
    });

    test('does not hold up the start: the others are read, removals are frozen', async () => {
      await writeFile(join(folder, 'a.yaml'), 'spec: [\n');
      await write('b.yaml', 'b');
      const cluster = await synced();
      expect(zonesIn(cluster)).toBe('b');
      expect(cluster.view().removalsFrozen).toContain('a.yaml');
    });

    test('keeps its objects when it cannot be read at all', async () => {
      await write('a.yaml', 'a');
      const cluster = await synced();
      await rm(join(folder, 'a.yaml'));
      await symlink('a.yaml', join(folder, 'a.yaml'));
      await until(() => cluster.view().removalsFrozen);
      await untilLookedAt(cluster, 'm');
      expect(zonesIn(cluster)).toBe('a m');
      await unlink(join(folder, 'a.yaml'));
      await write('a.yaml', 'b');
      await untilZones(cluster, 'b m');
      expect(cluster.view().removalsFrozen).toBeUndefined();
    });
  });

  describe('an object in two files', () => {
    test('counts where it stands first by name; the other is told', async () => {
      await writeFile(join(folder, 'b.yaml'), manifestText(zone('x', { ttl: 2 })));
      const cluster = await synced();
      const ttl = (): unknown => cluster.view().zones.get(objectKey('default', 'x'))?.spec.ttl;
      await writeFile(join(folder, 'a.yaml'), manifestText(zone('x', { ttl: 1 })));
      await until(() => ttl() === 1);
      const [invalid] = cluster.view().invalid;
      expect(invalid?.object).toBe('DNSZone default/x');
      expect(invalid?.problems[0]?.problem).toBe(
        'want the object in one file, got it in a.yaml (used) and in b.yaml (not used)',
      );
      await rm(join(folder, 'a.yaml'));
      await until(() => ttl() === 2);
      expect(cluster.view().invalid).toEqual([]);
    });

    test('counts in the folder that is named first', async () => {
      const second = `${folder}-second`;
      await mkdir(second);
      await writeFile(join(second, 'a.yaml'), manifestText(zone('x', { ttl: 2 })));
      await writeFile(join(folder, 'z.yaml'), manifestText(zone('x', { ttl: 1 })));
      const cluster = await synced({ manifests: [folder, second] });
      expect(cluster.view().zones.get(objectKey('default', 'x'))?.spec.ttl).toBe(1);
      await rm(second, { recursive: true });
    });
  });

  test('the statuses and peers of a folder that holds everything are no manifests', async () => {
    await write('x.yaml', 'x');
    const x = objectKey('default', 'x');
    const options = { peers: join(folder, 'peers'), status: join(folder, 'status') };
    const cluster = await synced(options);
    await cluster.register(registrationOf('pod-a'));
    expect((await cluster.agree(x, undefined, { writer: 'pod-a' })).kind).toBe('written');
    await untilLookedAt(cluster, 'm');
    const other = await synced(options);
    expect(zonesIn(other)).toBe('m x');
    expect([...told, ...other.view().invalid]).toEqual([]);
  });

  describe('a folder', () => {
    test('that is missing at the start is told and waited for', async () => {
      await rm(folder, { recursive: true });
      const cluster = await start();
      const [invalid] = await some(() =>
        cluster.view().invalid.length > 0 ? cluster.view().invalid : undefined,
      );
      expect(invalid?.object).toBe(`folder ${folder}`);
      expect(cluster.view().removalsFrozen).toContain(folder);
      expect(cluster.view().synced).toBe(false);
      await mkdir(folder);
      await write('a.yaml', 'a');
      await untilZones(cluster, 'a');
      await until(() => cluster.view().synced && cluster.view().invalid.length === 0);
    });

    test('that is deleted takes nothing with it; made again, it counts again', async () => {
      await write('a.yaml', 'a');
      await write('b.yaml', 'b');
      const cluster = await synced();
      await rm(folder, { recursive: true });
      await until(() => cluster.view().removalsFrozen);
      await mkdir(folder);
      await write('b.yaml', 'b');
      await untilZones(cluster, 'b');
      expect(cluster.view().removalsFrozen).toBeUndefined();
      expect(seen.every((zones) => zones.endsWith('b'))).toBe(true);
      await write('c.yaml', 'c');
      await untilZones(cluster, 'b c');
    });
  });

  test('the version grows also when a file is replaced by one with an older time', async () => {
    await write('a.yaml', 'a');
    const cluster = await synced();
    const version = versionOf(cluster);
    // Microseconds since 1970, of the file system's clock.
    expect(Math.abs(version / 1000 - Date.now())).toBeLessThan(60_000);
    await writeFile(join(folder, '.old'), texts('b'));
    await utimes(join(folder, '.old'), 1_000_000, 1_000_000);
    await rename(join(folder, '.old'), join(folder, 'a.yaml'));
    await untilZones(cluster, 'b');
    expect(versionOf(cluster)).toBeGreaterThan(version);
    const other = harness.open('pod-b');
    await other.start(() => undefined);
    await until(() => other.view().synced);
    expect(Math.abs(versionOf(other) - versionOf(cluster))).toBeLessThan(2);
  });

  test('a burst of a thousand files is told in a few calls', async () => {
    const cluster = await synced();
    seen = [];
    await Promise.all(Array.from({ length: 1000 }, (_, i) => write(`${i}.yaml`, `z${i}`)));
    await until(() => cluster.view().zones.size === 1000, { everyMs: 5 });
    expect(seen.length).toBeLessThanOrEqual(10);
  });
});
