import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { transfersOf } from '../rig/transfers.ts';
import { until, untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { watchSerials } from './serial-watch.ts';

const patience = { withinMs: 30_000 };
const zones = Array.from({ length: 12 }, (_, i) => `zone-${i}.example`);

const rig = openRig({ primaries: 3 }, async (opened) => {
  for (const zone of zones) await opened.zone(zone, { www: '192.0.2.1' });
  // The third one joins later.
  const early = [...opened.pods.values()].filter(({ name }) => name !== 'primary-2');
  await Promise.all(early.map((pod) => pod.start()));
  await Promise.all(early.map((pod) => pod.ready()));
});

/** Of an address that no zone has yet. */
let lastOctet = 100;

const running = (): Pod[] =>
  [...rig().pods.values()].filter(({ agent }) => agent?.running() === true);

/** The one serial of a zone at all running pods. */
async function agreed(zone: string): Promise<number> {
  const serial = await until(
    async () => {
      const serials = await Promise.all(running().map(({ name }) => rig().serial(name, zone)));
      return new Set(serials).size === 1 ? serials[0] : undefined;
    },
    { ...patience, what: `one serial of ${zone}` },
  );
  return serial ?? 0;
}

/** The primary that allocated last. */
async function allocatorOf(zone: string): Promise<Pod> {
  const status = join(rig().clusterFolder, 'status', `default.${zone.replaceAll('.', '-')}.yaml`);
  const name = await until(
    async () => /^ {4}by: (\S+)$/m.exec(await readFile(status, 'utf8'))?.[1],
    { ...patience, what: `an allocation of ${zone}` },
  );
  return rig().pod(name ?? '');
}

/** Changes a zone's `www`; waits until these pods, all that run by default, serve it. Returns the time it took in ms. */
async function change(zone: string, address: string, at = running()): Promise<number> {
  const start = performance.now();
  await rig().zone(zone, { www: address });
  await Promise.all(
    at.map(({ name }) => untilEqual(() => rig().data(name, `www.${zone}`), [address], patience)),
  );
  return performance.now() - start;
}

/** What all running pods serve for these zones, for a while in which nothing should change. */
async function quiet(ms: number): Promise<string[]> {
  const seen = new Set<string>();
  const end = performance.now() + ms;
  while (performance.now() < end) {
    for (const { name } of running())
      for (const zone of zones.slice(0, 3))
        seen.add(
          `${zone} ${await rig().serial(name, zone)} ${await rig().data(name, `www.${zone}`)}`,
        );
    await sleep(20);
  }
  return [...seen].sort();
}

const first = zones[0] ?? '';

test('primaries that start at the same moment agree on one serial for one content', async () => {
  // Each that does not see another yet begins alone.
  for (const zone of zones) expect(await agreed(zone)).toBeLessThanOrEqual(running().length);
});

test('a burst of changes costs one serial a second, and all end with the last content', async () => {
  const serial = await agreed(first);
  const watch = watchSerials(running(), () => [first]);
  const start = performance.now();
  for (let i = 1; i <= 60; i += 1) {
    await rig().zone(first, { www: `198.51.100.${i}` });
    await sleep(40);
  }
  const late = await change(first, '198.51.100.61');
  const seconds = (performance.now() - start) / 1000;
  const burnt = (await agreed(first)) - serial;
  console.info(
    `burst of 61 contents in ${seconds.toFixed(1)} s: ${burnt} serials; the last was served after ${late.toFixed(0)} ms`,
  );
  expect(burnt).toBeLessThanOrEqual(Math.ceil(seconds) + 1);
  expect(await watch.stop()).toEqual([]);
});

test('a primary whose agent is frozen during changes catches up; nothing flips, no serial is burnt', async () => {
  const serial = await agreed(first);
  const frozen = await allocatorOf(first);
  const others = running().filter((pod) => pod !== frozen);
  const watch = watchSerials(running(), () => [first]);
  frozen.agent?.signal('SIGSTOP');
  try {
    for (const last of [1, 2, 3]) await change(first, `203.0.113.${last}`, others);
  } finally {
    frozen.agent?.signal('SIGCONT');
  }
  await untilEqual(() => rig().data(frozen.name, `www.${first}`), ['203.0.113.3'], patience);
  expect(await agreed(first)).toBe(serial + 3);
  const seen = await quiet(1500);
  expect(seen).toEqual(
    seen.filter((line) => !line.startsWith(first) || line.endsWith(` ${serial + 3} 203.0.113.3`)),
  );
  expect(await watch.stop()).toEqual([]);
});

test('where the agent of one is killed, the other goes on within about two seconds', async () => {
  const times: number[] = [];
  for (const zone of zones.slice(0, 3)) {
    const serial = await agreed(zone);
    const dead = await allocatorOf(zone);
    await dead.killAgent();
    lastOctet += 1;
    const address = `203.0.113.${lastOctet}`;
    times.push(await change(zone, address, running()));
    dead.startAgent();
    await dead.ready();
    await untilEqual(() => rig().data(dead.name, `www.${zone}`), [address], patience);
    expect(await agreed(zone)).toBe(serial + 1);
  }
  console.info(`changes with a dead primary: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  expect(Math.min(...times)).toBeLessThan(3000);
});

test('a third primary joins at the agreed serial, and nothing is transferred again', async () => {
  const before = await Promise.all(zones.map(agreed));
  const transfers = await transfersOf(rig());
  await rig().pod('primary-2').start();
  await rig().pod('primary-2').ready();
  const after = await Promise.all(zones.map(agreed));
  expect(after).toEqual(before);
  expect(await transfersOf(rig())).toBe(transfers);
  await change(first, '192.0.2.3');
  expect(await agreed(first)).toBe((before[0] ?? 0) + 1);
});

test('a lost status store costs neither a serial nor a transfer, and changes go on', async () => {
  const before = await Promise.all(zones.map(agreed));
  const transfers = await transfersOf(rig());
  const watch = watchSerials(running(), () => zones);
  await rm(join(rig().clusterFolder, 'status'), { recursive: true, maxRetries: 10 });
  for (const zone of zones) await allocatorOf(zone);
  const after = await Promise.all(zones.map(agreed));
  expect(after).toEqual(before);
  expect(await transfersOf(rig())).toBe(transfers);
  await change(first, '192.0.2.4');
  expect(await agreed(first)).toBe((before[0] ?? 0) + 1);
  expect(await watch.stop()).toEqual([]);
});

test('a primary that lost its disk comes back with records and serial, never empty, never older', async () => {
  const before = await Promise.all(zones.map(agreed));
  const pod = rig().pod('primary-0');
  await pod.kill();
  await pod.move({ wiped: true });
  const watch = watchSerials([pod], () => zones);
  await pod.start();
  await rig().served(new Map(zones.map((zone, i) => [zone, before[i]])), [pod.name], 30_000);
  expect(await watch.stop()).toEqual([]);
  expect(await rig().data(pod.name, `www.${first}`)).toEqual(['192.0.2.4']);
});

test('primaries that all lost their disks, with the status store lost too, go on from what secondaries have', async () => {
  const before = await Promise.all(zones.map(agreed));
  const secondaries = rig().podsOf('secondary');
  const primaries = rig().podsOf('primary');
  const watch = watchSerials(secondaries, () => zones);
  await Promise.all(primaries.map((pod) => pod.kill()));
  for (const pod of primaries) await pod.move({ wiped: true });
  await rm(join(rig().clusterFolder, 'status'), { recursive: true, maxRetries: 10 });
  await rig().zone(first, { www: '192.0.2.5' });
  await Promise.all(primaries.map((pod) => pod.start()));
  for (const { name } of rig().pods.values())
    await untilEqual(() => rig().data(name, `www.${first}`), ['192.0.2.5'], patience);
  const after = await Promise.all(zones.map(agreed));
  for (const [i, serial] of after.entries()) expect(serial).toBeGreaterThan(before[i] ?? 0);
  expect(await watch.stop()).toEqual([]);
});

test('secondaries go over to another primary when theirs dies', async () => {
  const dead = rig().pod('primary-0');
  await dead.kill();
  const others = running();
  const times = await Promise.all(
    zones.map((zone, i) => change(zone, `192.0.2.${100 + i}`, others)),
  );
  console.info(
    `changes served everywhere after a primary died with its pod: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`,
  );
  expect(Math.max(...times)).toBeLessThan(15_000);
  await dead.start();
  for (const zone of zones) await agreed(zone);
});
