import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { until, untilEqual } from '../rig/until.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';
import { rndc } from './rndc.ts';
import { typeAt } from './type-at.ts';

const patience = { withinMs: 30_000 };
const rig = openRig({ secondaries: 1 });
const pods = (): Pod[] => [...rig().pods.values()];
const www = (pod: Pod, zone: string) => rig().data(pod.name, `www.${zone}`);

/** Suspends a zone, so that nothing about it is planned any more, and changes a record that is not to be served then. */
async function suspend(zone: string): Promise<void> {
  await rig().zone(zone, { www: '192.0.2.99' }, { suspend: true });
  await rig().zone('marker.example', { www: '192.0.2.1' });
  await rig().agreed('marker.example');
  await rig().manifest('marker-example', undefined);
}

async function wipeDatabase(pod: Pod): Promise<void> {
  for (const file of await readdir(pod.path('nzd'))) await rm(join(pod.path('nzd'), file));
}

test('a zone that somebody deletes by hand comes back as it was served, also a suspended one', async () => {
  await rig().zone('planned.example', { www: '192.0.2.1' });
  await rig().zone('kept.example', { www: '192.0.2.2' });
  await rig().agreed('planned.example');
  const serial = await rig().agreed('kept.example');
  await suspend('kept.example');
  for (const pod of pods()) {
    await rndc(pod, 'delzone', 'kept.example');
    await rndc(pod, 'delzone', 'planned.example');
    expect(await www(pod, 'kept.example')).toBeUndefined();
  }
  for (const pod of pods()) {
    await untilEqual(() => www(pod, 'kept.example'), ['192.0.2.2'], patience);
    await untilEqual(() => www(pod, 'planned.example'), ['192.0.2.1'], patience);
  }
  expect(await rig().agreed('kept.example')).toBe(serial);
});

test('a suspended zone is served again by a named that has lost its store of zones, and can be changed after', async () => {
  await rig().zone('wiped.example', { www: '192.0.2.3' });
  await rig().agreed('wiped.example');
  await rig().zone('wiped.example', { www: '192.0.2.4' });
  for (const pod of pods())
    await untilEqual(() => www(pod, 'wiped.example'), ['192.0.2.4'], patience);
  const serial = await rig().agreed('wiped.example');
  await suspend('wiped.example');
  for (const pod of pods()) {
    const log = logSince(pod.logs.agent);
    await pod.stop();
    await wipeDatabase(pod);
    await pod.start();
    await untilEqual(() => www(pod, 'wiped.example'), ['192.0.2.4'], patience);
    await until(() => log().some((line) => /named had lost/.test(line)), patience);
  }
  expect(await rig().agreed('wiped.example')).toBe(serial);
  await rig().zone('wiped.example', { www: '192.0.2.5' });
  for (const pod of pods())
    await untilEqual(() => www(pod, 'wiped.example'), ['192.0.2.5'], patience);
});

test('a zone whose spec became unusable is served again by a named that has lost its store of zones', async () => {
  await rig().zone('broken.example', { www: '192.0.2.6' });
  await rig().agreed('broken.example');
  const pod = rig().pod('primary-0');
  const log = logSince(pod.logs.agent);
  await rig().zone('broken.example', { www: '192.0.2.6' }, { zoneFile: 'this is no zone' });
  await until(() => log().some((line) => /broken-example is wrong/.test(line)), patience);
  await pod.stop();
  await wipeDatabase(pod);
  await pod.start();
  await untilEqual(() => www(pod, 'broken.example'), ['192.0.2.6'], patience);
});

test('a secondary does not start on the files that a former zone of the name has left', async () => {
  const pod = rig().pod('secondary-0');
  const file = join(pod.path('zones'), 'again.example.zone');
  await writeFile(
    file,
    '@ 300 IN SOA ns1.again.example. admin.again.example. 2000000000 3600 600 604800 300\n' +
      '@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\nwww 300 IN A 192.0.2.77\n',
  );
  await rig().zone('again.example', { www: '192.0.2.7' });
  expect(await rig().agreed('again.example')).toBeLessThan(100);
  expect(await www(pod, 'again.example')).toEqual(['192.0.2.7']);
  expect(await typeAt(pod, 'again.example')).toBe('secondary');
  const trash = await readdir(join(pod.path('state'), 'trash'), { recursive: true });
  expect(trash.some((path) => path.endsWith('again.example.zone'))).toBe(true);
});
