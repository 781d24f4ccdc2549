import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../agent/clock.ts';
import type { Cluster } from '../../agent/observe/cluster.ts';
import { WatchedTime } from '../../agent/observe/watched-time.ts';
import { until } from '../rig/until.ts';
import { registrationOf } from './contract.ts';
import { type DirectoryHarness, directoryHarness } from './directory-harness.ts';
import { some } from './some.ts';

describe('peers in a folder', () => {
  let harness: DirectoryHarness;

  beforeEach(async () => {
    harness = await directoryHarness();
  });
  afterEach(() => harness.close());

  async function start(pod: string, clock: Clock = systemClock): Promise<Cluster> {
    const cluster = harness.open(pod, { clock });
    await cluster.start(() => undefined);
    await until(() => cluster.view().synced);
    return cluster;
  }

  /** Waits for so many leases' durations, looking all the while. */
  async function watch(durations: number, look: () => void): Promise<void> {
    const deadline = performance.now() + durations * harness.lease.durationSeconds * 1000;
    await until(() => {
      look();
      return performance.now() > deadline;
    });
  }

  const shown = async (pod: string): Promise<Record<string, unknown>> =>
    JSON.parse(await readFile(join(harness.peers, `${pod}.json`), 'utf8'));

  test('a registration is a file for people to read, with the time of its renewal', async () => {
    const a = await start('pod-a');
    await a.register(registrationOf('pod-a'));
    const first = await shown('pod-a');
    expect(first).toEqual({ ...registrationOf('pod-a'), renewTime: expect.any(String) });
    await until(async () => (await shown('pod-a'))['renewTime'] !== first['renewTime']);
    expect(await readdir(harness.peers)).toEqual(['pod-a.json']);
    await a.deregister();
    expect(await readdir(harness.peers)).toEqual([]);
  });

  test('registering what is registered already writes nothing', async () => {
    const a = harness.open('pod-a', { lease: { ...harness.lease, renewSeconds: 3600 } });
    await a.start(() => undefined);
    await a.register(registrationOf('pod-a'));
    const before = await shown('pod-a');
    await a.register(registrationOf('pod-a'));
    expect(await shown('pod-a')).toEqual(before);
  });

  test('a registration whose address is none is told, and is nobody to transfer from', async () => {
    const a = await start('pod-a');
    const forged = registrationOf('pod-b', { ips: ['10.0.0.2; }; include "/etc/passwd'] });
    const text = JSON.stringify({ ...forged, renewTime: '2026-11-21T10:00:00Z' });
    await writeFile(join(harness.peers, 'pod-b.json'), text);
    const told = await some(() => a.view().invalid[0]);
    expect(told.problems).toEqual([
      { path: 'ips', problem: expect.stringContaining('want a list of IP addresses, got') },
    ]);
    expect(a.view().peers.size).toBe(0);
  });

  test('a registration that somebody removed is published again', async () => {
    const a = await start('pod-a');
    await a.register(registrationOf('pod-a'));
    await rm(join(harness.peers, 'pod-a.json'));
    await until(() => shown('pod-a'));
    await rm(harness.peers, { recursive: true });
    await until(() => shown('pod-a'));
    const b = await start('pod-b');
    await until(() => b.view().peers.has('pod-a'));
  });

  test('what is no registration is told and left alone', async () => {
    await start('pod-a').then((a) => a.stop());
    await writeFile(join(harness.peers, 'wrong.json'), '{"pod": "pod-x", "uid": ""}');
    await writeFile(join(harness.peers, 'half.json'), '{"pod": ');
    await writeFile(join(harness.peers, 'notes.txt'), 'nothing');
    const a = await start('pod-a');
    expect(a.view().peers.size).toBe(0);
    const told = new Map(a.view().invalid.map(({ object, problems }) => [object, problems]));
    expect([...told.keys()].sort()).toEqual(
      ['half.json', 'wrong.json'].map((name) => join(harness.peers, name)),
    );
    expect(told.get(join(harness.peers, 'wrong.json'))?.map(({ path }) => path)).toContain('uid');
  });

  test('clocks that jump, and clocks that differ, make nobody silent', async () => {
    let offset = 0;
    const jumping: Clock = { ...systemClock, now: () => systemClock.now() + offset };
    const [a, b] = [await start('pod-a', jumping), await start('pod-b', jumping)];
    await a.register(registrationOf('pod-a'));
    await b.register(registrationOf('pod-b'));
    await until(() => a.view().peers.has('pod-b') && b.view().peers.has('pod-a'));
    const jumps = [86_400_000, -86_400_000, 3_600_000, -1].values();
    await watch(2, () => {
      offset = jumps.next().value ?? offset;
      for (const cluster of [a, b]) {
        expect([...cluster.view().peers.values()].map(({ liveness }) => liveness)).toEqual([
          'live',
        ]);
      }
    });
  });

  test('nobody turns silent while the folder cannot be read', async () => {
    const [a, b] = [await start('pod-a'), await start('pod-b')];
    await b.register(registrationOf('pod-b'));
    const before = await some(() => a.view().peers.get('pod-b'));
    await rename(harness.peers, `${harness.peers}-aside`);
    await writeFile(harness.peers, 'in the way');
    await until(() => a.view().invalid.some(({ object }) => object === `folder ${harness.peers}`));
    await watch(2, () => expect(a.view().peers.get('pod-b')).toBe(before));
    expect(b.view().invalid.some(({ object }) => object === 'registration pod-b')).toBe(true);
    await rm(harness.peers);
    await rename(`${harness.peers}-aside`, harness.peers);
    await until(() => a.view().invalid.length === 0 && b.view().invalid.length === 0);
    await watch(1, () => expect(a.view().peers.get('pod-b')).toBe(before));
  });

  test('time in which nobody looked is not held against anybody', () => {
    let now = 1000;
    const time = new WatchedTime(() => now, 50);
    expect(time.look()).toBe(0);
    now += 20;
    expect(time.look()).toBe(20);
    // The process was stopped for an hour.
    now += 3_600_000;
    expect(time.look()).toBe(70);
  });
});
