import { expect, test } from 'vitest';
import { untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { settled } from './zone-status.ts';

const zone = 'away.example';
const patience = { withinMs: 30_000 };

const rig = openRig(
  {
    primaries: 1,
    secondaries: 1,
    settingsOf: (pod) => (pod === 'hasty' ? { 'start.deadlineSeconds': '2' } : {}),
  },
  async (opened) => {
    await opened.zone(zone, { www: '192.0.2.1' });
    await opened.start();
    await opened.ready();
    await settled(opened, zone);
  },
);

const why = async (pod: string): Promise<string> =>
  (await rig().pod(pod).get('/readyz'))?.body ?? '';

test('a new secondary waits for a primary that is being replaced, but not for ever', async () => {
  await rig().pod('primary-0').stop();
  await rig().zone(zone, { www: '192.0.2.2' });
  for (const name of ['patient', 'hasty'])
    await rig().add({ name, instance: name, role: 'secondary', cluster: rig().cluster });
  await Promise.all(['patient', 'hasty'].map((name) => rig().pod(name).start()));
  await untilEqual(
    async () =>
      (await why('patient')).match(/not served yet: [a-z.]*/)?.[0] ?? (await why('patient')),
    `not served yet: ${zone}`,
    patience,
  );
  // One zone does not keep a pod from its others.
  await rig().pod('hasty').ready();
  expect(await rig().pod('patient').status('/readyz')).toBe(503);
  await rig().pod('primary-0').start();
  await rig().pod('patient').ready();
  // Clients that come now get an answer.
  expect(await rig().data('patient', `www.${zone}`)).toHaveLength(1);
  for (const pod of ['patient', 'hasty'])
    await untilEqual(() => rig().data(pod, `www.${zone}`), ['192.0.2.2'], patience);
});
