import { readdir, readFile, rm, truncate, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Cluster, ZoneStatus } from '../../agent/observe/cluster.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { until } from '../rig/until.ts';
import { allocationOf, reportOf } from './contract.ts';
import { type DirectoryHarness, directoryHarness, type Writer } from './directory-harness.ts';
import { some } from './some.ts';

const example = objectKey('default', 'example');

describe('statuses in a folder', () => {
  let harness: DirectoryHarness;

  beforeEach(async () => {
    harness = await directoryHarness();
  });
  afterEach(() => harness.close());

  async function start(pod = 'pod-a'): Promise<Cluster> {
    // Without looking again every now and then: what is seen here is seen by being told.
    const cluster = harness.open(pod, { rescanMs: 3_600_000, statusGraceMs: 3_600_000 });
    await cluster.start(() => undefined);
    await until(() => cluster.view().synced);
    return cluster;
  }

  const statusOf = (cluster: Cluster): ZoneStatus | undefined =>
    cluster.view().statuses.get(example);

  /** Writes from what the view shows until it succeeds, and returns the serial. */
  async function countUp(cluster: Cluster): Promise<number> {
    for (;;) {
      const known = statusOf(cluster);
      const serial = (known?.allocated?.serial ?? 0) + 1;
      const allocated = allocationOf(serial);
      const { kind } = await cluster.agree(example, known?.version, { allocated });
      if (kind === 'written') return serial;
    }
  }

  const path = (): string => join(harness.status, 'default.example.yaml');
  const versions = (): Promise<string[]> =>
    readdir(join(harness.status, '.versions', 'default.example'));

  const shownSerial = async (): Promise<unknown> =>
    parse(await readFile(path(), 'utf8')).status.allocated.serial;

  test('are DNSZones in YAML for people to read', async () => {
    const cluster = await start();
    await cluster.agree(example, undefined, { allocated: allocationOf(7), writer: 'pod-a' });
    const written = await cluster.report(example, statusOf(cluster)?.version, reportOf(7));
    const text = await readFile(path(), 'utf8');
    expect(parse(text)).toEqual({
      apiVersion: 'bindy.firestoned.io/v1beta1',
      kind: 'DNSZone',
      metadata: {
        name: 'example',
        namespace: 'default',
        resourceVersion: written.kind === 'written' ? written.version : '',
      },
      status: {
        ...reportOf(7),
        firstSeen: statusOf(cluster)?.firstSeen,
        allocated: allocationOf(7),
        writer: 'pod-a',
      },
    });
    expect(text).toContain('  transfers:\n    - pod: pod-b\n      instance: secondary-dns\n');
    expect(await versions()).toEqual(['2']);
  });

  test('a file that was deleted or written over is written anew', async () => {
    const cluster = await start();
    await countUp(cluster);
    await unlink(path());
    await until(async () => (await shownSerial()) === 1);
    await truncate(path(), 10);
    await until(async () => (await shownSerial()) === 1);
  });

  test('a version that a power failure left empty is known from the file for people', async () => {
    const first = await start();
    await countUp(first);
    await first.report(example, statusOf(first)?.version, reportOf(1));
    await first.stop();
    await truncate(join(harness.status, '.versions', 'default.example', '2'));
    const second = await start('pod-b');
    expect(statusOf(second)).toMatchObject({ allocated: allocationOf(1), report: reportOf(1) });
    expect(await countUp(second)).toBe(2);
    expect(statusOf(second)?.report).toEqual(reportOf(1));
  });

  test('a version that is lost altogether holds up nobody', async () => {
    const first = await start();
    await countUp(first);
    await first.stop();
    await truncate(join(harness.status, '.versions', 'default.example', '1'));
    await unlink(path());
    const second = await start('pod-b');
    expect(statusOf(second)).toBeUndefined();
    expect(await countUp(second)).toBe(1);
    expect(await versions()).toEqual(['2']);
  });

  test('a folder that is deleted under the agents is made and used again', async () => {
    const [a, b] = [await start('pod-a'), await start('pod-b')];
    await countUp(a);
    await until(() => statusOf(b));
    await rm(harness.status, { recursive: true });
    await until(() => statusOf(a) === undefined && statusOf(b) === undefined);
    expect(await countUp(b)).toBe(1);
    await until(() => statusOf(a)?.allocated?.serial === 1);
  });

  describe('a writer that is stopped', () => {
    const stopped = async ({ pid }: Writer): Promise<void> => {
      await until(async () => / T /.test(await readFile(`/proc/${pid}/stat`, 'utf8')));
    };

    test('after its write succeeded holds up nobody, and takes nothing back when it goes on', async () => {
      const cluster = await start();
      await countUp(cluster);
      const writer = harness.writer('pod-w', example, '1', 'SIGSTOP before rename 1');
      await stopped(writer);
      expect(await countUp(cluster)).toBe(3);
      expect(await shownSerial()).toBe(3);
      writer.kill('SIGCONT');
      expect(await writer.output).toBe('written 2\n');
      await until(async () => (await shownSerial()) === 3);
      expect(statusOf(cluster)?.allocated?.serial).toBe(3);
      expect(await versions()).toEqual(['3']);
    });

    test('and killed when it has just shown what is old by now, is put right by the others', async () => {
      const cluster = await start();
      await countUp(cluster);
      const writer = harness.writer(
        'pod-w',
        example,
        '1',
        'SIGSTOP before rename 1,SIGKILL after rename 1',
      );
      await stopped(writer);
      expect(await countUp(cluster)).toBe(3);
      writer.kill('SIGCONT');
      expect(await writer.exited).toMatchObject({ signal: 'SIGKILL' });
      expect(await shownSerial()).toBe(2);
      await until(async () => (await shownSerial()) === 3);
      expect(statusOf(cluster)?.allocated?.serial).toBe(3);
    });

    test('before its write finds later that it came too late, though its version is free again', async () => {
      const cluster = await start();
      await countUp(cluster);
      const writer = harness.writer('pod-w', example, '1', 'SIGSTOP before link 1');
      await stopped(writer);
      for (const serial of [2, 3, 4, 5]) expect(await countUp(cluster)).toBe(serial);
      expect(await versions()).toEqual(['5']);
      writer.kill('SIGCONT');
      expect(await writer.output).toBe('conflict 2\nwritten 6\n');
      await until(() => statusOf(cluster)?.allocated?.serial === 6);
      expect(await versions()).toEqual(['6']);
    });
  });

  test('fifty writers killed in the middle of a write take nothing back and hold up nobody', async () => {
    const cluster = await start();
    const faults = ['writeFile', 'link', 'unlink', 'rename', 'readdir'].flatMap((call) =>
      [1, 2, 3, 4, 5].flatMap((nth) => [`before ${call} ${nth}`, `after ${call} ${nth}`]),
    );
    expect(faults.length).toBe(50);
    await harness.countUp('pod-w', example, 1);
    let newest = 0;
    const kill = async (fault: string): Promise<void> => {
      const before = newest;
      const writer = harness.writer('pod-w', example, '10', `SIGKILL ${fault}`);
      expect([fault, (await writer.exited).signal]).toEqual([fault, 'SIGKILL']);
      const written = [...(await writer.output).matchAll(/^written (\d+)$/gm)];
      const own = await countUp(cluster);
      for (const [, serial] of written) expect(own).toBeGreaterThan(Number(serial));
      expect(own).toBeGreaterThan(before);
      newest = Math.max(newest, own);
    };
    const waiting = faults.values();
    await Promise.all(
      [1, 2].map(async () => {
        for (const fault of waiting) await kill(fault);
      }),
    );
    await until(async () => (await shownSerial()) === newest);
    await until(async () => (await versions()).length === 1);
    const later = await start('pod-b');
    expect(statusOf(later)?.allocated?.serial).toBe(newest);
  });

  test('three hundred reports are seen by the others, all of them', async () => {
    const [a, b] = [await start('pod-a'), await start('pod-b')];
    const zones = Array.from({ length: 300 }, (_, i) => objectKey('default', `zone-${i}`));
    await Promise.all(zones.map((zone) => a.report(zone, undefined, reportOf(7))));
    await until(() => b.view().statuses.size === 300);
    expect(await some(() => b.view().statuses.get(zones[299] ?? example)?.report)).toEqual(
      reportOf(7),
    );
  });
});
