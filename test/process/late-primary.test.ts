import { cp, mkdtemp, readdir, rename, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { listen } from './said.ts';
import { watchSerials } from './serial-watch.ts';

const patience = { withinMs: 30_000 };
/** The manifests as the second primary sees them: changed as a mounted ConfigMap is, all at once, and later. */
const late = await mkdtemp(join(tmpdir(), 'bind9-agent-late-'));
afterAll(() => rm(late, { recursive: true }));

// Several, so that each primary has some in which it goes first.
const zones = Array.from({ length: 6 }, (_, i) => `zone-${i}.example`);
let versions = 0;

const rig = openRig(
  {
    primaries: 2,
    secondaries: 1,
    settingsOf: (pod) => (pod === 'primary-1' ? { 'directory.manifests': late } : {}),
  },
  async (opened) => {
    for (const zone of zones) await opened.zone(zone, { www: '192.0.2.1' });
    await arrive(opened.manifests);
    await opened.start();
    await opened.ready();
  },
);

/** All files arrive at the second primary, with their old modification times. */
async function arrive(manifests: string): Promise<void> {
  versions += 1;
  const version = `..version-${versions}`;
  await cp(manifests, join(late, version), { recursive: true, preserveTimestamps: true });
  await symlink(version, join(late, '..next'));
  await rename(join(late, '..next'), join(late, '..data'));
  for (const file of await readdir(join(late, version)))
    if (file.endsWith('.yaml'))
      await symlink(join('..data', file), join(late, file)).catch(() => undefined);
}

async function change(address: string): Promise<void> {
  for (const zone of zones) await rig().zone(zone, { www: address });
}

const answers = (pod: string) => Promise.all(zones.map((zone) => rig().data(pod, `www.${zone}`)));
const serials = () => Promise.all(zones.map((zone) => rig().agreed(zone)));

test('a primary that sees the records later takes the zones from the one that has allocated', async () => {
  const before = await serials();
  const heard = listen(rig().pod('primary-1'));
  const watch = watchSerials(rig().pods.values(), () => zones);
  const start = performance.now();
  await change('192.0.2.2');
  for (const pod of ['primary-0', 'secondary-0', 'primary-1'])
    await untilEqual(
      () => answers(pod),
      zones.map(() => ['192.0.2.2']),
      patience,
    );
  console.info(`zones taken from the allocator after ${(performance.now() - start).toFixed(0)} ms`);
  await heard('content differs from what was agreed');
  expect(await serials()).toEqual(before.map((serial) => serial + 1));
  expect(await watch.stop()).toEqual([]);
});

test('when the records arrive nothing flips and no serial is burnt, and the next change is agreed on as ever', async () => {
  const before = await serials();
  const watch = watchSerials(rig().pods.values(), () => zones);
  await arrive(rig().manifests);
  const end = performance.now() + 2500;
  while (performance.now() < end) {
    for (const pod of rig().pods.keys())
      expect(await answers(pod)).toEqual(zones.map(() => ['192.0.2.2']));
    await sleep(50);
  }
  expect(await serials()).toEqual(before);
  await change('192.0.2.3');
  await arrive(rig().manifests);
  for (const pod of rig().pods.keys())
    await untilEqual(
      () => answers(pod),
      zones.map(() => ['192.0.2.3']),
      patience,
    );
  expect(await serials()).toEqual(before.map((serial) => serial + 1));
  expect(await watch.stop()).toEqual([]);
});

test('where the late one is the only one left, it does not put old records under a new serial', async () => {
  const before = await serials();
  await change('192.0.2.4');
  await untilEqual(
    () => answers('primary-0'),
    zones.map(() => ['192.0.2.4']),
    patience,
  );
  await rig().pod('primary-0').killAgent();
  const watch = watchSerials(rig().pods.values(), () => zones);
  const pod = rig().pod('primary-1');
  await pod.killAgent();
  pod.startAgent();
  await pod.ready();
  await untilEqual(
    () => answers('primary-1'),
    zones.map(() => ['192.0.2.4']),
    patience,
  );
  await arrive(rig().manifests);
  await change('192.0.2.5');
  await arrive(rig().manifests);
  for (const each of ['primary-1', 'secondary-0'])
    await untilEqual(
      () => answers(each),
      zones.map(() => ['192.0.2.5']),
      patience,
    );
  rig().pod('primary-0').startAgent();
  await untilEqual(
    () => answers('primary-0'),
    zones.map(() => ['192.0.2.5']),
    patience,
  );
  expect(await serials()).toEqual(before.map((serial) => serial + 2));
  expect(await watch.stop()).toEqual([]);
});
