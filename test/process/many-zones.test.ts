import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { untilAnswered } from '../rig/sweep.ts';
import { until, untilEqual } from '../rig/until.ts';
import { chanceOf } from './churn.ts';
import { databaseOf } from './database-of.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';
import { addOthersZone, rndc } from './rndc.ts';
import { watchSerials } from './serial-watch.ts';

const patience = { withinMs: 30_000 };
const zones = Array.from({ length: 150 }, (_, index) => `zone-${index}.example`);

const rig = openRig({}, async (opened) => {
  for (const zone of zones) await opened.zone(zone, { www: '192.0.2.1' });
  await opened.start();
  await opened.ready();
  await served('192.0.2.1', opened.pods.values());
});

async function served(address: string, pods: Iterable<Pod>): Promise<void> {
  const wanted = new Map(zones.map((zone) => [`www.${zone}`, address]));
  for (const pod of pods) await untilAnswered(pod.place, wanted, patience);
}

let changes = 1;

/** Everything is changed, and every pod has it. */
async function change(): Promise<void> {
  changes += 1;
  const address = `192.0.2.${changes}`;
  for (const zone of zones) await rig().zone(zone, { www: address });
  await served(address, rig().pods.values());
}

const primary = (): Pod => rig().pod('primary-0');

/** All zones of the primary change: each has another secondary to notify. */
async function moveSecondary(): Promise<void> {
  const pod = rig().pod('secondary-0');
  await pod.stop();
  await pod.move();
  await pod.start();
}

/** The primary notifies the secondary of each zone where it is now. */
async function untilTold(): Promise<void> {
  const { address } = rig().pod('secondary-0').place;
  const told = async (): Promise<number> => {
    const { stdout } = await promisify(execFile)('named-nzd2nzf', [databaseOf(primary())]);
    const lines = stdout.split('\n').filter((line) => line.includes(`${address} port`));
    return zones.filter((zone) => lines.some((line) => line.startsWith(`zone "${zone}"`))).length;
  };
  await untilEqual(told, zones.length, patience);
}

/** What lies where the primary's named keeps its zones. */
const stores = async (): Promise<string[]> => (await readdir(primary().path('nzd'))).sort();
const numbered = async (): Promise<string[]> =>
  (await stores()).filter((name) => /^\d+$/.test(name));

test('named gets the stanzas of many zones at once, and serves all the while', async () => {
  const log = logSince(primary().logs.named);
  const watch = watchSerials(rig().pods.values(), () => zones);
  await moveSecondary();
  await untilTold();
  expect(log().filter((line) => line.includes("command 'modzone"))).toEqual([]);
  expect(await watch.stop()).toEqual([]);
  await untilEqual(async () => (await numbered()).length, 1);
  await change();
});

test('each time in a new place, and the former one is gone', async () => {
  const before = await numbered();
  await moveSecondary();
  await untilTold();
  await untilEqual(async () => (await numbered()).length, 1);
  expect(await numbered()).not.toEqual(before);
  await change();
});

test('a pod that starts again goes on from there', async () => {
  const pod = primary();
  await pod.stop();
  await pod.start();
  await pod.ready();
  await change();
  const log = logSince(pod.logs.named);
  await pod.killNamed();
  await until(() => log().some((line) => line.includes('running')), patience);
  await change();
});

test('named and its zones are whole, whenever it or its agent is killed meanwhile', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32);
  console.info(`SEED=${seed}`);
  const chance = chanceOf(seed);
  const watch = watchSerials(rig().pods.values(), () => zones);
  for (let kill = 0; kill < 8; kill += 1) {
    await moveSecondary();
    await sleep(chance.upTo(800));
    const pod = primary();
    await Promise.all([pod.killAgent(), chance.percent(50) ? pod.killNamed() : undefined]);
    pod.startAgent();
    await pod.ready();
  }
  await untilTold();
  await change();
  expect(await watch.stop()).toEqual([]);
}, 180_000);

test('zones that came while the agents were away are added at once', async () => {
  const pods = [...rig().pods.values()];
  for (const pod of pods) await pod.killAgent();
  const more = zones.map((zone) => `more-${zone}`);
  for (const zone of more) await rig().zone(zone, { www: '192.0.2.1' });
  const logs = pods.map((pod) => logSince(pod.logs.named));
  for (const pod of pods) pod.startAgent();
  const wanted = new Map(more.map((zone) => [`www.${zone}`, '192.0.2.1']));
  for (const pod of pods) await untilAnswered(pod.place, wanted, patience);
  const added = logs.flatMap((log) => log().filter((line) => line.includes("command 'addzone")));
  expect(added).toEqual([]);
  await change();
});

test('a zone that somebody else has given named stays, and keeps the others from moving', async () => {
  await addOthersZone(primary());
  const before = await stores();
  const log = logSince(primary().logs.agent);
  await moveSecondary();
  await untilTold();
  expect(await rndc(primary(), 'zonestatus', 'other.test')).toContain('type: primary');
  expect(await stores()).toEqual(before);
  expect(log().join('\n')).toContain('named has zones that this agent did not give it');
});
