import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeKey } from '../rig/keys.ts';
import type { Pod } from '../rig/pod.ts';
import { until, untilEqual } from '../rig/until.ts';
import { nsupdate } from './nsupdate.ts';
import { openRig } from './open-rig.ts';
import { typeAt } from './type-at.ts';
import { watchAnswers } from './watch-answers.ts';
import { zoneStatus } from './zone-status.ts';

const keys = mkdtempSync(join(tmpdir(), 'bind9-agent-keys-'));
const allowed = writeKey(keys, 'external');
const stranger = writeKey(keys, 'stranger');
const zone = 'dyn.example';
const patience = { withinMs: 30_000 };
/** What was written by updates so far, by name. */
const written = new Map<string, string>();

const rig = openRig(
  { primaries: 2, secondaries: 1, settings: { 'keys.files': `${allowed},${stranger}` } },
  async () => {
    await rig().zone(zone, { www: '192.0.2.1' }, { updates: { allow: ['external'] } });
    await rig().start();
    await rig().ready();
    await rig().agreed(zone);
  },
);
afterAll(() => rmSync(keys, { recursive: true, force: true }));

/** The pod that the zone's status names as its writer. */
async function writer(): Promise<Pod> {
  return rig().pod((await zoneStatus(rig(), zone)).writer ?? '');
}

const otherThan = (pod: Pod): Pod =>
  rig()
    .podsOf('primary')
    .find((each) => each !== pod) ?? expect.fail('one primary only');

/** Adds an address by update, and waits until every pod (or those given) answers it. */
async function add(to: Pod, name: string, pods?: readonly Pod[]): Promise<void> {
  const address = `198.51.100.${written.size + 1}`;
  const change = `update add ${name}.${zone} 60 A ${address}`;
  await until(
    async () => (await nsupdate(to.place, zone, [change], allowed)) === undefined,
    patience,
  );
  written.set(name, address);
  await untilAllIsThere(pods);
}

async function untilAllIsThere(pods: readonly Pod[] = [...rig().pods.values()]): Promise<void> {
  for (const pod of pods)
    for (const [name, address] of written)
      await untilEqual(() => rig().data(pod.name, `${name}.${zone}`), [address], patience);
}

test('takes updates at its one writer from the allowed key alone; the other primary serves it as a secondary', async () => {
  const pod = await writer();
  const other = otherThan(pod);
  await add(pod, 'one');
  const change = [`update add bad.${zone} 60 A 192.0.2.66`];
  expect(await nsupdate(pod.place, zone, change, stranger)).toMatch(/REFUSED/);
  expect(await nsupdate(other.place, zone, change, allowed)).toMatch(/REFUSED|NOTAUTH/);
  expect(await rig().data(pod.name, `bad.${zone}`)).toEqual([]);
  expect(await typeAt(pod, zone)).toBe('primary');
  expect(await typeAt(other, zone)).toBe('secondary');
});

test('keeps what was written when agent and named are restarted or killed and when the manifests change', async () => {
  const pod = await writer();
  await pod.killAgent();
  await add(pod, 'without-agent');
  pod.startAgent();
  await pod.ready();
  await untilAllIsThere();

  await pod.killNamed();
  await add(pod, 'after-kill');

  await pod.named?.stop('SIGTERM');
  await add(pod, 'after-restart');

  await rig().zone(
    zone,
    { www: '192.0.2.2', more: '192.0.2.3' },
    { updates: { allow: ['external'] } },
  );
  await rig().zone('marker.example', { www: '192.0.2.4' });
  await rig().agreed('marker.example');
  await add(pod, 'after-change');
  expect(await rig().data(pod.name, `www.${zone}`)).toEqual(['192.0.2.1']);
  expect((await writer()).name).toBe(pod.name);
});

test('a writer that lost its disk takes the zone back from a peer before it serves it', async () => {
  const pod = await writer();
  const before = await rig().agreed(zone);
  await pod.kill();
  await pod.move({ wiped: true });
  const watched = watchAnswers([pod], `www.${zone}`, ['192.0.2.1']);
  await pod.start();
  await untilAllIsThere();
  const { answers } = await watched.wrong();
  expect(answers.filter((answer) => !answer.includes('REFUSED'))).toEqual([]);
  expect(await rig().agreed(zone)).toBe(before);
  expect((await writer()).name).toBe(pod.name);
  await add(pod, 'after-loss');
});

test('a writer that is gone for good is followed by another primary, and comes back as its secondary', async () => {
  const pod = await writer();
  const other = otherThan(pod);
  await pod.stop();
  await until(async () => (await writer()) === other, patience);
  await add(other, 'at-the-next', [other, ...rig().podsOf('secondary')]);
  await pod.start();
  await add(other, 'after-return');
  expect((await writer()).name).toBe(other.name);
  await untilEqual(() => typeAt(pod, zone), 'secondary', patience);
});

test('a primary that missed the last updates takes them from a secondary before it becomes the writer', async () => {
  const pod = await writer();
  const late = otherThan(pod);
  await late.stop();
  await add(pod, 'missed', [pod, ...rig().podsOf('secondary')]);
  await pod.stop();
  await late.start();
  await until(async () => (await writer()) === late, patience);
  await add(late, 'after-missed', [late, ...rig().podsOf('secondary')]);
  await pod.start();
  await untilAllIsThere();
});

test('a former writer gives up what nobody but it has, and does not serve another zone under the same serial', async () => {
  const pod = await writer();
  const others = [...rig().pods.values()].filter((each) => each !== pod);
  const before = await rig().agreed(zone);
  for (const each of others) each.named?.signal('SIGSTOP');
  const change = [`update add lost.${zone} 60 A 192.0.2.66`];
  expect(await nsupdate(pod.place, zone, change, allowed)).toBeUndefined();
  await pod.kill();
  for (const each of others) each.named?.signal('SIGCONT');
  // As when the node was taken away, and the registration with its pod.
  await rm(join(rig().clusterFolder, 'peers', `${pod.name}.json`));
  const next = otherThan(pod);
  await until(async () => (await writer()) === next, patience);
  await add(next, 'instead', others);
  expect(await rig().serial(next.name, zone)).toBe(before + 1);
  await pod.start();
  await untilAllIsThere();
  expect(await rig().data(pod.name, `lost.${zone}`)).toEqual([]);
});
