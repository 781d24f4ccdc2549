import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Cluster, ClusterView, ZoneStatus } from '../../agent/observe/cluster.ts';
import type { Lease } from '../../agent/observe/own-registration.ts';
import type { Allocation, Peer, Registration } from '../../agent/plan/registration.ts';
import type { ZoneReport } from '../../agent/report/zone-report.ts';
import { keyOfKind, type ObjectKey, objectKey } from '../../agent/resources/types.ts';
import { until } from '../rig/until.ts';
import { instance, record, type TestObject, zone } from './manifest-texts.ts';
import { some } from './some.ts';

/** Where the resources and the pods of one test meet. */
export interface ClusterHarness {
  /** Short enough for a test to wait for its end. */
  readonly lease: Lease;
  /** A pod's door to the cluster, not started yet. It is stopped at the end of the test. */
  open(pod: string): Cluster;
  put(object: TestObject): Promise<void>;
  remove(object: TestObject): Promise<void>;
  /** Makes resources unreadable, without deleting them; returns what mends it. */
  breakSource(): Promise<() => Promise<void>>;
  /**
   * Ends a pod without its doing anything more, as a crash would. Its `Cluster` is not used afterwards.
   */
  crash(cluster: Cluster): Promise<void>;
  /**
   * A process of its own that raises the zone's allocated serial by one, `updates` times, each time from what it reads and
   * by compare-and-swap until it succeeds. Resolves to the serials that it wrote.
   */
  countUp(pod: string, zone: ObjectKey, updates: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

const example = objectKey('default', 'example');

export const registrationOf = (pod: string, more: Partial<Registration> = {}): Registration => ({
  pod,
  uid: `uid-of-${pod}`,
  namespace: 'default',
  role: 'primary',
  cluster: 'main',
  instance: 'primary-dns',
  ips: ['10.0.0.1', 'fd00::1'],
  dnsPort: 53,
  httpPort: 8055,
  labels: { role: 'primary' },
  version: '0.1.0',
  keys: ['cluster'],
  draining: false,
  ...more,
});

export const allocationOf = (serial: number, by = 'pod-a'): Allocation => ({
  serial,
  contentHash: `sha256:${'0'.repeat(64)}`,
  by,
  view: { manifests: 1 },
});

export const reportOf = (serial: number, more: Partial<ZoneReport> = {}): ZoneReport => ({
  secondaryIps: ['10.0.0.2'],
  secondaryCount: 1,
  serial,
  reportedBy: 'pod-a',
  reportedTime: '2026-11-21T10:00:00Z',
  transfers: [
    {
      pod: 'pod-b',
      instance: 'secondary-dns',
      role: 'secondary',
      ip: '10.0.0.2',
      state: 'Failing',
      reason: 'Refused',
      message: 'primary 10.0.0.1 refused the transfer: "not allowed"',
    },
  ],
  conditions: [
    {
      type: 'Ready',
      status: 'True',
      reason: 'Served',
      message: 'served: 2 of 2',
      lastTransitionTime: '2026-11-21T10:00:00Z',
    },
  ],
  ...more,
});

/** What every implementation of `Cluster` promises. */
export function clusterContract(name: string, makeHarness: () => Promise<ClusterHarness>): void {
  describe(name, () => {
    let harness: ClusterHarness;
    let calls: number;

    beforeEach(async () => {
      harness = await makeHarness();
      calls = 0;
    });
    afterEach(() => harness.close());

    async function start(pod: string): Promise<Cluster> {
      const cluster = harness.open(pod);
      await cluster.start(() => {
        calls++;
      });
      await until(() => cluster.view().synced);
      return cluster;
    }

    const newest = (cluster: Cluster): number =>
      Math.max(...Object.values(cluster.view().progress.latest));

    const statusOf = (cluster: Cluster): ZoneStatus | undefined =>
      cluster.view().statuses.get(example);

    const peerOf = (cluster: Cluster, pod: string): Peer | undefined =>
      cluster.view().peers.get(pod);

    /** Writes until it succeeds, as its user does after a conflict. */
    async function agree(cluster: Cluster, fields: Parameters<Cluster['agree']>[2]): Promise<void> {
      await until(async () => {
        const written = await cluster.agree(example, statusOf(cluster)?.version, fields);
        return written.kind === 'written';
      });
    }

    describe('resources', () => {
      test('syncs also when there is nothing', async () => {
        const cluster = await start('pod-a');
        expect(cluster.view()).toMatchObject({ synced: true, invalid: [] });
        expect(cluster.view().zones.size).toBe(0);
        expect(cluster.view().removalsFrozen).toBeUndefined();
      });

      test('shows what was there before the start', async () => {
        await harness.put(zone('example'));
        await harness.put(record('www', 'example', '192.0.2.1'));
        await harness.put(instance('primary-dns', 'primary'));
        const view = (await start('pod-a')).view();
        expect(view.zones.get(example)?.spec.zoneName).toBe('example.example');
        expect([...view.records.values()].map(({ kind }) => kind)).toEqual(['ARecord']);
        expect([...view.instances.keys()]).toEqual(['default/primary-dns']);
      });

      test('shows what is put, changed and deleted, and tells each time', async () => {
        const cluster = await start('pod-a');
        const versions = [newest(cluster)];
        const shows = async (ttl: number | undefined): Promise<void> => {
          await until(() => cluster.view().zones.get(example)?.spec.ttl === ttl);
          versions.push(newest(cluster));
          await until(() => calls > 0);
          calls = 0;
        };
        calls = 0;
        await harness.put(zone('example', { ttl: 60 }));
        await shows(60);
        await harness.put(zone('example', { ttl: 61 }));
        await shows(61);
        await harness.remove(zone('example'));
        await shows(undefined);
        expect(cluster.view().zones.has(example)).toBe(false);
        expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
      });

      test('gives an object another identity only when it changes', async () => {
        await harness.put(zone('example'));
        await harness.put(zone('other'));
        await harness.put(record('www', 'example', '192.0.2.1'));
        const cluster = await start('pod-a');
        const before = cluster.view();
        await harness.put(zone('other', { ttl: 61 }));
        await until(() => cluster.view().zones.get(objectKey('default', 'other'))?.spec.ttl === 61);
        const after = cluster.view();
        expect(after).not.toBe(before);
        expect(after.zones.get(example)).toBe(before.zones.get(example));
        expect([...after.records.values()]).toEqual([...before.records.values()]);
        expect(after.records.get(keyOfKind('ARecord', 'default', 'www'))).toBe(
          before.records.get(keyOfKind('ARecord', 'default', 'www')),
        );
      });

      test('keeps the last good version of a zone that turns wrong, and tells all that is wrong', async () => {
        await harness.put(zone('example', { ttl: 60 }));
        const cluster = await start('pod-a');
        const good = cluster.view().zones.get(example);
        await harness.put(zone('example', { ttl: -1, type: 'tertiary' }));
        const wrong = await some(() =>
          cluster.view().invalid.find((each) => each.zone === example),
        );
        expect(wrong.object).toBe('DNSZone default/example');
        expect(wrong.problems.map(({ path }) => path).sort()).toEqual(['spec.ttl', 'spec.type']);
        expect(cluster.view().zones.get(example)).toBe(good);
        await harness.put(zone('example', { ttl: 62 }));
        await until(() => cluster.view().zones.get(example)?.spec.ttl === 62);
        await until(() => cluster.view().invalid.length === 0);
      });

      test('freezes removals, and removes nothing, while resources cannot be read', async () => {
        await harness.put(zone('example'));
        const cluster = await start('pod-a');
        const before = cluster.view().zones.get(example);
        const mend = await harness.breakSource();
        const frozen = await until(() => cluster.view().removalsFrozen);
        expect(frozen).not.toBe('');
        expect(cluster.view().zones.get(example)).toBe(before);
        await mend();
        await until(() => cluster.view().removalsFrozen === undefined);
        expect(cluster.view().zones.get(example)).toBe(before);
      });

      test('tells nothing any more once it is stopped', async () => {
        const cluster = await start('pod-a');
        const other = await start('pod-b');
        await cluster.stop();
        calls = 0;
        await harness.put(zone('example'));
        await until(() => other.view().zones.has(example));
        await until(() => calls > 0);
        expect(cluster.view().zones.has(example)).toBe(false);
      });
    });

    describe('peers', () => {
      test('sees another pod register, change and leave, and never itself', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        await a.register(registrationOf('pod-a'));
        await b.register(registrationOf('pod-b', { role: 'secondary', held: 'hash' }));
        const seen = await some(() => peerOf(a, 'pod-b'));
        expect(seen).toEqual({
          ...registrationOf('pod-b', { role: 'secondary', held: 'hash' }),
          liveness: 'live',
        });
        await until(() => peerOf(b, 'pod-a'));
        expect([...a.view().peers.keys()]).toEqual(['pod-b']);
        await b.register(registrationOf('pod-b', { ips: ['10.0.0.9'], draining: true }));
        await until(() => peerOf(a, 'pod-b')?.draining);
        expect(peerOf(a, 'pod-b')?.ips).toEqual(['10.0.0.9']);
        expect(peerOf(a, 'pod-b')?.held).toBeUndefined();
        await b.deregister();
        await until(() => peerOf(a, 'pod-b') === undefined);
      });

      test('keeps a peer live, and its identity, as long as it renews', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        await b.register(registrationOf('pod-b'));
        const seen = await some(() => peerOf(a, 'pod-b'));
        const deadline = performance.now() + harness.lease.durationSeconds * 1500;
        const states = new Set<Peer | undefined>();
        await until(() => {
          states.add(peerOf(a, 'pod-b'));
          return performance.now() > deadline;
        });
        expect([...states]).toEqual([seen]);
      });

      test('a peer that ends without a word turns silent, and is dropped after the grace', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        await a.register(registrationOf('pod-a'));
        await b.register(registrationOf('pod-b'));
        await until(() => peerOf(a, 'pod-b'));
        await harness.crash(b);
        await until(() => peerOf(a, 'pod-b')?.liveness === 'silent');
        await until(() => peerOf(a, 'pod-b') === undefined);
        // How old it is may be known in whole seconds.
        const known = performance.now() + 1000;
        await until(() => performance.now() > known);
        const later = await start('pod-c');
        expect([...later.view().peers.keys()]).toEqual(['pod-a']);
      });

      test('a peer that turned silent is live again with its next renewal', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        await a.register(registrationOf('pod-a'));
        await b.register(registrationOf('pod-b'));
        await until(() => peerOf(a, 'pod-b'));
        await harness.crash(b);
        await until(() => peerOf(a, 'pod-b')?.liveness === 'silent');
        const again = await start('pod-b');
        await again.register(registrationOf('pod-b', { uid: 'another' }));
        await until(() => peerOf(a, 'pod-b')?.liveness === 'live');
        expect(peerOf(a, 'pod-b')?.uid).toBe('another');
      });

      test('takes over what an earlier pod of the same name left', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        await b.register(registrationOf('pod-b', { uid: 'first' }));
        await harness.crash(b);
        const successor = await start('pod-b');
        expect([...successor.view().peers.keys()]).toEqual([]);
        await successor.register(registrationOf('pod-b', { uid: 'second' }));
        await until(() => peerOf(a, 'pod-b')?.uid === 'second');
      });

      test('a pod whose name another has taken stops, says so, and takes nothing back', async () => {
        const [a, first] = [await start('pod-a'), await start('pod-b')];
        await first.register(registrationOf('pod-b', { uid: 'first' }));
        const second = await start('pod-b');
        await second.register(registrationOf('pod-b', { uid: 'second' }));
        const told = await some(() =>
          first.view().invalid.find(({ object }) => object === 'registration pod-b'),
        );
        expect(told.problems[0]?.problem).toContain('second');
        await first.register(registrationOf('pod-b', { uid: 'first', draining: true }));
        await first.deregister();
        await until(() => peerOf(a, 'pod-b')?.uid === 'second');
        const deadline = performance.now() + harness.lease.durationSeconds * 1000;
        await until(() => {
          expect(peerOf(a, 'pod-b')).toMatchObject({ uid: 'second', liveness: 'live' });
          return performance.now() > deadline;
        });
        expect(second.view().invalid).toEqual([]);
      });

      test('a pod whose name another has taken is there again when that one has left', async () => {
        const [a, first] = [await start('pod-a'), await start('pod-b')];
        await first.register(registrationOf('pod-b', { uid: 'first' }));
        const second = await start('pod-b');
        await second.register(registrationOf('pod-b', { uid: 'second' }));
        await until(() => first.view().invalid.length === 1);
        await second.deregister();
        await until(() => peerOf(a, 'pod-b')?.uid === 'first');
        await until(() => first.view().invalid.length === 0);
      });
    });

    describe('statuses', () => {
      beforeEach(() => harness.put(zone('example')));

      test('what one pod agrees and reports, the others see', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        const first = await a.agree(example, statusOf(a)?.version, { allocated: allocationOf(7) });
        expect(first.kind).toBe('written');
        await until(() => statusOf(b)?.allocated);
        const seen = await some(() => statusOf(b));
        expect(seen.allocated).toEqual(allocationOf(7));
        expect(seen.report).toBeUndefined();
        expect(first).toEqual({ kind: 'written', version: seen.version });
        const second = await b.report(example, seen.version, reportOf(7));
        expect(second.kind).toBe('written');
        await until(() => statusOf(a)?.report);
        expect(statusOf(a)?.report).toEqual(reportOf(7));
      });

      test('an agreement leaves the report alone, and a report the agreement', async () => {
        const a = await start('pod-a');
        await agree(a, { allocated: allocationOf(7), writer: 'pod-a' });
        await a.report(example, statusOf(a)?.version, reportOf(7, { observedGeneration: 4 }));
        await agree(a, { allocated: allocationOf(8) });
        expect(statusOf(a)).toMatchObject({ allocated: allocationOf(8), writer: 'pod-a' });
        expect(statusOf(a)?.report).toEqual(reportOf(7, { observedGeneration: 4 }));
        await a.report(example, statusOf(a)?.version, reportOf(8));
        expect(statusOf(a)).toMatchObject({ allocated: allocationOf(8), writer: 'pod-a' });
        // What a report leaves out is gone.
        expect(statusOf(a)?.report).toEqual(reportOf(8));
      });

      test('a write from an older version is a conflict and changes nothing', async () => {
        const a = await start('pod-a');
        const old = await a.agree(example, statusOf(a)?.version, { allocated: allocationOf(7) });
        const at = old.kind === 'written' ? old.version : undefined;
        await a.agree(example, at, { allocated: allocationOf(8) });
        const conflict = { kind: 'conflict' };
        expect(await a.agree(example, at, { allocated: allocationOf(9) })).toEqual(conflict);
        expect(await a.report(example, at, reportOf(9))).toEqual(conflict);
        expect(await a.report(example, undefined, reportOf(9))).toEqual(conflict);
        expect(statusOf(a)?.allocated?.serial).toBe(8);
        expect(statusOf(a)?.report).toBeUndefined();
      });

      test('after a conflict the status that came first is in the view', async () => {
        const [a, b] = [await start('pod-a'), await start('pod-b')];
        const before = statusOf(b)?.version;
        await a.agree(example, statusOf(a)?.version, { allocated: allocationOf(7) });
        expect(await b.agree(example, before, { writer: 'pod-b' })).toEqual({ kind: 'conflict' });
        await until(() => statusOf(b)?.allocated?.serial === 7);
      });

      test('eight writers in processes of their own lose no update and write none twice', async () => {
        const updates = 8;
        const pods = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
        const written = await Promise.all(
          pods.map((pod) => harness.countUp(pod, example, updates)),
        );
        const serials = written.flat().sort((a, b) => a - b);
        expect(serials).toEqual(Array.from({ length: pods.length * updates }, (_, i) => i + 1));
        const a = await start('pod-a');
        expect(statusOf(a)?.allocated?.serial).toBe(pods.length * updates);
      });

      test('a zone is first seen once, and anew when it is made again', async () => {
        const a = await start('pod-a');
        await agree(a, { allocated: allocationOf(7) });
        const first = statusOf(a)?.firstSeen;
        expect(Number.isNaN(Date.parse(first ?? ''))).toBe(false);
        await a.report(example, statusOf(a)?.version, reportOf(7));
        expect(statusOf(a)?.firstSeen).toBe(first);
        const stale = statusOf(a)?.version;
        await harness.remove(zone('example'));
        await until(() => statusOf(a) === undefined);
        // Times may be whole seconds.
        await until(() => Date.now() > Date.parse(first ?? '') + 1000);
        await harness.put(zone('example'));
        await until(() => a.view().zones.has(example));
        expect(await a.report(example, stale, reportOf(7))).toEqual({ kind: 'conflict' });
        await agree(a, { allocated: allocationOf(1) });
        expect(statusOf(a)?.report).toBeUndefined();
        expect(Date.parse(statusOf(a)?.firstSeen ?? '')).toBeGreaterThan(Date.parse(first ?? ''));
      });

      test('a status keeps its identity while another changes', async () => {
        const a = await start('pod-a');
        const other = objectKey('default', 'other');
        await harness.put(zone('other'));
        await until(() => a.view().zones.has(other));
        await agree(a, { allocated: allocationOf(7) });
        const before: ClusterView['statuses'] = a.view().statuses;
        await a.agree(other, before.get(other)?.version, { allocated: allocationOf(1) });
        await until(() => a.view().statuses.get(other)?.allocated);
        expect(a.view().statuses.get(example)).toBe(before.get(example));
      });
    });
  });
}
