import { readdirSync, readFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { until, untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { command, listen, planOf } from './said.ts';

const patience = { withinMs: 30_000 };

/** The only zone at first; its secondary comes by `clusterRef`, its primary by the selector. */
const only = 'only.example';
const byRole = (role: string) => ({ instanceSelector: { matchLabels: { role } } });
const www = { www: '192.0.2.1' };

const rig = openRig({ secondaries: 1 }, async (opened) => {
  await opened.start();
  await opened.ready();
  await opened.zone(only, www, byRole('primary'));
  await opened.agreed(only);
});

const pods = (): Pod[] => [...rig().pods.values()];
const ears = () => pods().map((pod) => listen(pod));

test('a slip in the selector of the only zone is held, told, and has no effect on what is served', async () => {
  const primary = rig().pod('primary-0');
  const heard = listen(primary);
  await rig().zone(only, www, byRole('primry'));
  await heard('held until it is approved', 'it would stop serving 1 of 1 zones');
  const why =
    'stop serving only.example: DNSZone default/only-example does not select this instance';
  expect(await planOf(primary)).toMatch(
    new RegExp(`^Held until [0-9a-f]{16} is approved, because it would .*:\n- ${why}`),
  );
  for (const pod of pods())
    expect(await rig().data(pod.name, `www.${only}`)).toEqual(['192.0.2.1']);
  await rig().zone(only, { www: '192.0.2.2' }, byRole('primary'));
  await heard('nothing is held any more');
  for (const pod of pods())
    await untilEqual(() => rig().data(pod.name, `www.${only}`), ['192.0.2.2'], patience);
});

test('an emptied folder is held by every pod, also by one that starts again; what is new is served', async () => {
  await rig().zone('second.example', www);
  await rig().zone('third.example', www);
  await rig().agreed('second.example');
  await rig().agreed('third.example');
  const options = join(rig().pod('primary-0').path('config'), 'options.conf');
  const restricted = () => readFileSync(options, 'utf8').includes('127.0.0.0/8;');
  await rig().manifest('primary', restrictedInstance());
  await until(restricted, patience);
  const all = ears();
  await takeAway();
  for (const heard of all) await heard('held until it is approved', 'stop serving 3 of 3 zones');
  await rig().zone('new.example', www);
  await rig().agreed('new.example');
  for (const pod of pods()) {
    expect(heldBy(pod)).toMatch(/^[0-9a-f]{16}$/);
    await pod.killAgent();
    const heard = listen(pod);
    pod.startAgent();
    await heard('held until it is approved', 'stop serving 3 of 4 zones');
  }
  await stillServed();
  expect(restricted()).toBe(true);
  const peers = await command(rig().pod('primary-0'), 'get', 'peers');
  expect(peers.stdout).toMatch(
    /primary-0 .* live, holds [0-9a-f]{16} .*\nsecondary-0 .* live, holds /,
  );
});

test('files that come back one by one cost no zone that is still missing', async () => {
  // With the labels that the selector wants.
  for (const instance of ['primary', 'secondary']) await bringBack(instance);
  for (const zone of ['third-example', only.replace('.', '-'), 'second-example']) {
    const all = ears();
    await bringBack(zone);
    for (const heard of all)
      await heard(
        zone === 'second-example' ? 'nothing is held any more' : 'held until it is approved',
      );
    await stillServed();
  }
  for (const name of await awayNames()) await bringBack(name);
  await until(() => pods().every((pod) => heldBy(pod) === undefined), patience);
  expect(await planOf(rig().pod('primary-0'))).toBe('Nothing would change.\n');
});

test('a folder that is gone, or cannot be read, takes nothing away', async () => {
  const heard = listen(rig().pod('primary-0'));
  await rename(rig().manifests, `${rig().manifests}.gone`);
  await heard('what is missing does not count as deleted for now');
  await stillServed();
  await rename(`${rig().manifests}.gone`, rig().manifests);
  await heard('what is missing counts as deleted again');
  await stillServed();
});

test('the loss of most records of a zone is held, while other zones change', async () => {
  const hosts = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`h${i}`, `192.0.2.${i}`]));
  await rig().zone('many.example', hosts);
  const serial = await rig().agreed('many.example');
  const heard = listen(rig().pod('primary-0'));
  await rig().zone('many.example', { h0: '192.0.2.0' });
  await heard('it would remove more than half of the records of a zone');
  await rig().zone('new.example', { www: '192.0.2.3' });
  for (const pod of pods())
    await untilEqual(() => rig().data(pod.name, 'www.new.example'), ['192.0.2.3'], patience);
  expect(await rig().agreed('many.example')).toBe(serial);
  expect(await rig().data('secondary-0', 'h11.many.example')).toEqual(['192.0.2.11']);
  const told =
    /its content stays as it is served: \d of 1\d records of\s+many.example would be left/;
  await until(() => told.test(statusText('many-example')), patience);
  // One that has nothing of the zone takes it from the others, and not what is left of it.
  const pod = rig().pod('primary-0');
  await pod.kill();
  await pod.move({ wiped: true });
  await pod.start();
  await untilEqual(() => rig().data(pod.name, 'h11.many.example'), ['192.0.2.11'], patience);
  expect(await rig().agreed('many.example')).toBe(serial);
  await until(() => heldBy(pod) !== undefined, patience);
  await approve(rig().pod('primary-0'));
  await untilEqual(() => rig().data('secondary-0', 'h11.many.example'), [], patience);
});

test('approved on each pod, the zones go and their files lie in the trash; the approval is spent', async () => {
  const all = ears();
  await takeAway();
  for (const heard of all) await heard('held until it is approved', 'stop serving 5 of 5 zones');
  for (const pod of pods()) await approve(pod);
  for (const pod of pods()) {
    await untilEqual(() => rig().serial(pod.name, only), undefined, patience);
    await until(() => trashOf(pod).includes(`${only}.zone`), patience);
    await until(() => heldBy(pod) === undefined, patience);
  }
  for (const name of await awayNames()) await bringBack(name);
  for (const zone of [only, 'second.example', 'third.example', 'many.example', 'new.example'])
    await rig().agreed(zone);
  const again = ears();
  await takeAway();
  for (const heard of again) await heard('held until it is approved', 'stop serving 5 of 5 zones');
  for (const name of await awayNames()) await bringBack(name);
  await stillServed();
});

const restrictedInstance = () => `apiVersion: bindy.firestoned.io/v1beta1
kind: Bind9Instance
metadata: { name: primary, labels: { role: primary } }
spec: { clusterRef: ${rig().cluster}, role: primary, config: { allowQuery: [127.0.0.0/8] } }
`;

const away = () => join(rig().folder, 'away');

async function takeAway(): Promise<void> {
  await rm(away(), { recursive: true, force: true });
  await rename(rig().manifests, away());
  await rig().manifest('comment', '# Nothing here.\n');
  await rig().manifest('comment', undefined);
}

const awayNames = async (): Promise<string[]> =>
  readdirSync(away()).map((name) => name.replace('.yaml', ''));

const bringBack = async (name: string): Promise<void> =>
  rename(join(away(), `${name}.yaml`), join(rig().manifests, `${name}.yaml`));

async function stillServed(): Promise<void> {
  for (const pod of pods())
    for (const zone of [only, 'second.example', 'third.example'])
      expect(await rig().serial(pod.name, zone), `${zone} at ${pod.name}`).toBeDefined();
}

function heldBy(pod: Pod): string | undefined {
  const text = readFileSync(join(rig().clusterFolder, 'peers', `${pod.name}.json`), 'utf8');
  return /"held": ?"([^"]+)"/.exec(text)?.[1];
}

const statusText = (zone: string): string =>
  readFileSync(join(rig().clusterFolder, 'status', `default.${zone}.yaml`), 'utf8');

async function approve(pod: Pod): Promise<void> {
  const response = await fetch(`${pod.url}/approve`, { method: 'POST' });
  expect(await response.text()).toMatch(/approved [0-9a-f]{16}: it would /);
}

const trashOf = (pod: Pod): string[] =>
  readdirSync(join(pod.path('state'), 'trash'), { recursive: true }).map(
    (name) => String(name).split('/').at(-1) ?? '',
  );
