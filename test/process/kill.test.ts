import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { untilAnswered } from '../rig/sweep.ts';
import { untilEqual } from '../rig/until.ts';
import { Churn, chanceOf } from './churn.ts';
import { openRig } from './open-rig.ts';
import { watchSerials } from './serial-watch.ts';

const kills = 50;
const patience = { withinMs: 30_000 };

const rig = openRig({ settings: { 'guard.zones': '1000' } }, () => undefined);
const seed = Number(process.env['SEED'] ?? Date.now() % 2 ** 32);
const chance = chanceOf(seed);
/** What a try that failed has left is to go first. */
let former: Churn | undefined;

interface Statistics {
  readonly views: { readonly _default: { readonly zones?: readonly { readonly name: string }[] } };
}

/** The zones that a pod's named has, without those that it makes by itself. */
async function zonesOf(pod: Pod): Promise<string[]> {
  const response = await fetch(`${pod.statisticsUrl}/json/v1/zones`);
  const told = (await response.json()) as Statistics;
  const names = (told.views._default.zones ?? []).map(({ name }) => name);
  return names.filter((name) => name.endsWith('.example')).sort();
}

/** Everything that named reads at its start; its zones stand in the other store alone. */
async function configurationOf(pod: Pod): Promise<string> {
  const files = (await readdir(pod.path('config'))).filter((name) => name.endsWith('.conf'));
  const texts = files.map((file) => readFile(join(pod.path('config'), file), 'utf8'));
  return (await Promise.all(texts)).join('');
}

test('an agent that is killed at any point of its first start leaves what the next one goes on from', async () => {
  console.info(`SEED=${seed}`);
  await rig().zone('first.example', { www: '192.0.2.1' });
  const pod = rig().pod('primary-0');
  await pod.settle();
  for (let kill = 0; kill < 8; kill += 1) {
    pod.startAgent();
    await sleep(chance.upTo(500));
    await pod.killAgent();
  }
  await rig().start();
  await rig().ready();
  await rig().agreed('first.example');
});

test(`named and its zones are whole after ${kills} kills of agents, and some of named, amid changes`, async () => {
  await former?.end();
  const churn = new Churn(rig(), chance);
  former = churn;
  await churn.begin();
  const everything = () => [...churn.wanted.keys(), ...churn.dropped];
  const watch = watchSerials(rig().pods.values(), everything);
  for (let kill = 0; kill < kills; kill += 1) {
    const pod = chance.percent(60) ? rig().pod('primary-0') : chance.of(rig().podsOf('secondary'));
    for (let steps = 1 + chance.upTo(4); steps > 0; steps -= 1) {
      await churn.step();
      await sleep(chance.upTo(60));
    }
    await sleep(chance.upTo(250));
    await Promise.all([pod.killAgent(), chance.percent(30) ? pod.killNamed() : undefined]);
    pod.startAgent();
    if (chance.percent(60)) continue;
    await pod.ready();
    expect(await configurationOf(pod)).not.toMatch(/^\s*zone\b/m);
  }
  const wanted = new Map([...churn.wanted].map(([zone, address]) => [`www.${zone}`, address]));
  const served = [...churn.wanted.keys(), 'first.example'].sort();
  for (const pod of rig().pods.values()) {
    await untilAnswered(pod.place, wanted, patience);
    await untilEqual(() => zonesOf(pod), served, patience);
  }
  for (const zone of churn.wanted.keys()) await rig().agreed(zone);
  expect(await watch.stop()).toEqual([]);
}, 150_000);

test('named was never given a zone that it could not load', async () => {
  for (const pod of rig().pods.values()) {
    const lines = (await readFile(pod.logs.named, 'utf8')).split('\n');
    const refusals =
      /not loaded due to errors|rollforward failed|out of sync|gone backwards|already exists/;
    expect(lines.filter((line) => refusals.test(line))).toEqual([]);
  }
});

test('nothing half-written is left behind by the killed agents', async () => {
  for (const pod of rig().pods.values())
    for (const part of ['config', 'zones', 'state', 'nzd'] as const)
      await untilEqual(
        async () =>
          // Of a named that is killed while it writes a zone down, its own `tmp-…` stays.
          (await readdir(pod.path(part))).filter(
            (name) => /tmp|\.last$|\.link$/.test(name) && !/^tmp-\w{10}$/.test(name),
          ),
        [],
        { what: `${pod.name} ${part}`, ...patience },
      );
});
