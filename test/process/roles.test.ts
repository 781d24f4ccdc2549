import { mkdtempSync, rmSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Role } from '../../agent/plan/registration.ts';
import { instanceManifest } from '../rig/manifests.ts';
import { until, untilEqual } from '../rig/until.ts';
import { dig } from './dig.ts';
import { openRig } from './open-rig.ts';
import { typeAt } from './type-at.ts';
import { watchAnswers } from './watch-answers.ts';
import { settled } from './zone-status.ts';

const labels = mkdtempSync(join(tmpdir(), 'bind9-agent-labels-'));
const patience = { withinMs: 30_000 };

/** As the kubelet writes the downward API's file. */
async function label(pod: string, role: Role | undefined): Promise<void> {
  const text = `app="bind9"\nsite="${pod}"\n${role === undefined ? '' : `role="${role}"\n`}`;
  await writeFile(join(labels, `.${pod}`), text);
  await rename(join(labels, `.${pod}`), join(labels, pod));
}

/** The instances `east` and `west` have the role that their object says. */
const instance = (name: string, role: Role): Promise<void> =>
  rig().manifest(name, instanceManifest({ name, cluster: rig().cluster, role, replicas: 1 }));

const untilType = (pod: string, zone: string, role: Role): Promise<void> =>
  untilEqual(() => typeAt(rig().pod(pod), zone), role, { ...patience, what: `${zone} at ${pod}` });

async function untilServed(address: string): Promise<void> {
  await rig().zone('turns.example', { www: address });
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, 'www.turns.example'), [address], patience);
}

/** named loads a zone whose type changes anew, and fails for the moment; it never says that there is no such thing. */
async function servedAllTheWhile(watched: ReturnType<typeof watchAnswers>): Promise<void> {
  const { answers, servfails } = await watched.wrong();
  expect(answers).toEqual([]);
  expect(servfails).toBeLessThan(20);
}

const rig = openRig(
  {
    secondaries: 1,
    instances: { primary: 'east', secondary: 'west' },
    settings: { 'pod.role': '' },
    settingsOf: (pod) => ({ 'pod.labelsFile': join(labels, pod) }),
  },
  async () => {
    await label('east-0', undefined);
    await label('west-0', undefined);
    await rig().zone('turns.example', { www: '192.0.2.1' });
    await rig().start();
    await rig().ready();
    await settled(rig(), 'turns.example');
  },
);
afterAll(() => rmSync(labels, { recursive: true, force: true }));

test('two pods that change places by their labels go on serving the zone all the while', async () => {
  const watched = watchAnswers(rig().pods.values(), 'www.turns.example', ['192.0.2.1']);
  const before = await settled(rig(), 'turns.example');
  await label('west-0', 'primary');
  await untilType('west-0', 'turns.example', 'primary');
  await label('east-0', 'secondary');
  await untilType('east-0', 'turns.example', 'secondary');
  expect(await settled(rig(), 'turns.example')).toBe(before);
  await servedAllTheWhile(watched);
  await untilServed('192.0.2.2');
  expect(await settled(rig(), 'turns.example')).toBe(before + 1);
});

test('two pods that change places by the role of their Bind9Instance, both secondary in between, do too', async () => {
  const watched = watchAnswers(rig().pods.values(), 'www.turns.example', ['192.0.2.2']);
  const before = await settled(rig(), 'turns.example');
  await instance('east', 'secondary');
  await instance('west', 'secondary');
  await label('east-0', undefined);
  await label('west-0', undefined);
  await untilType('west-0', 'turns.example', 'secondary');
  await instance('east', 'primary');
  await untilType('east-0', 'turns.example', 'primary');
  expect(await settled(rig(), 'turns.example')).toBe(before);
  await servedAllTheWhile(watched);
  await untilServed('192.0.2.3');
  expect(await settled(rig(), 'turns.example')).toBe(before + 1);
});

test('a zone that is selected for another instance moves there, its serial with it', async () => {
  await instance('west', 'primary');
  const at = (site: string): Record<string, unknown> => ({
    clusterRef: undefined,
    instanceSelector: { matchLabels: { site } },
  });
  await rig().zone('moved.example', { www: '192.0.2.1' }, at('east-0'));
  const first = (await until(() => rig().serial('east-0', 'moved.example'), patience)) ?? 0;
  await rig().zone('moved.example', { www: '192.0.2.2' }, at('east-0'));
  await untilEqual(() => rig().serial('east-0', 'moved.example'), first + 1, patience);
  expect(await rig().serial('west-0', 'moved.example')).toBeUndefined();
  await rig().zone('moved.example', { www: '192.0.2.2' }, at('west-0'));
  await untilEqual(() => rig().serial('west-0', 'moved.example'), first + 1, patience);
  const atEast = async () => (await dig(rig().pod('east-0').place, 'moved.example', 'SOA')).status;
  await untilEqual(atEast, 'REFUSED', patience);
});
