import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeKey } from '../rig/keys.ts';
import type { Rig } from '../rig/rig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { type Asker, axfr, dig } from './dig.ts';
import { openRig } from './open-rig.ts';
import { zoneStatus } from './zone-status.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';
const stranger = '127.0.0.66';

const prepare = async (rig: Rig): Promise<void> => {
  await rig.zone(zone, { www: '192.0.2.1' });
  await rig.start();
  await rig.ready();
  await rig.agreed(zone);
};

const addressOf = (rig: Rig, pod: string): string => rig.pod(pod).place.address;

async function transfers(rig: Rig, asker: Asker): Promise<boolean> {
  return (await axfr(rig.pod('primary-0').place, zone, asker)) !== undefined;
}

async function changed(rig: Rig, address: string): Promise<void> {
  await rig.zone(zone, { www: address });
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.data(pod, `www.${zone}`), [address], patience);
}

/** The secondary is replaced by one on another address; returns where it was. */
async function replaceSecondary(rig: Rig): Promise<string> {
  const pod = rig.pod('secondary-0');
  const before = pod.place.address;
  await pod.stop();
  await pod.move();
  await pod.start();
  await pod.ready();
  return before;
}

describe('with a key', () => {
  const rig = openRig({ secondaries: 1 }, prepare);
  const key = () => rig().clusterKey ?? '';

  test('gives a zone to nobody without the key, wherever they ask from, and to anybody with it', async () => {
    for (const from of [addressOf(rig(), 'secondary-0'), addressOf(rig(), 'primary-0'), stranger])
      expect(await transfers(rig(), { from })).toBe(false);
    const forged = writeKey(join(rig().folder, 'pods'), 'cluster');
    expect(await transfers(rig(), { key: forged })).toBe(false);
    expect(await transfers(rig(), { key: key(), from: stranger })).toBe(true);
    const { place } = rig().pod('secondary-0');
    expect(await axfr(place, zone, { from: addressOf(rig(), 'primary-0') })).toBeUndefined();
    expect(await axfr(place, zone, { key: key() })).toHaveLength(3);
  });

  test('takes a NOTIFY with the key only, and signs its own', async () => {
    const { place, logs } = rig().pod('secondary-0');
    const notify = async (asker: Asker) =>
      (await dig(place, zone, 'SOA', { ...asker, opcode: 'NOTIFY', from: stranger })).status;
    expect(await notify({})).toBe('REFUSED');
    expect(await notify({ key: key() })).toBe('NOERROR');
    await changed(rig(), '192.0.2.2');
    const log = (await readFile(logs.named)).toString();
    const heard = log.split('\n').filter((line) => line.includes('received notify for zone'));
    const ours = heard.filter((line) => line.includes(addressOf(rig(), 'primary-0')));
    expect(ours.length).toBeGreaterThan(0);
    for (const line of ours) expect(line).toMatch(/TSIG 'cluster'/);
  });

  test('does all its own work where nobody may ask anything', async () => {
    const config = { allowQuery: ['192.0.2.1'] };
    const global = {
      apiVersion: 'bindy.firestoned.io/v1beta1',
      kind: 'Bind9Cluster',
      metadata: { name: rig().cluster },
      spec: { global: config },
    };
    await rig().manifest('cluster', JSON.stringify(global));
    for (const { place } of rig().pods.values())
      await untilEqual(async () => (await dig(place, zone, 'SOA')).status, 'REFUSED', patience);
    await rig().zone('hidden.example', { www: '192.0.2.1' });
    await replaceSecondary(rig());
    await rig().zone('hidden.example', { www: '192.0.2.2' });
    for (const { place } of rig().pods.values())
      await until(async () => {
        const { answer } = await dig(place, 'www.hidden.example', 'A', { key: key() });
        return answer[0]?.endsWith('192.0.2.2');
      }, patience);
    const states = async () =>
      (await zoneStatus(rig(), 'hidden.example')).transfers?.map(
        ({ pod, state }) => `${pod} ${state}`,
      );
    await untilEqual(states, ['primary-0 Current', 'secondary-0 Current'], patience);
  });
});

describe('without a key', () => {
  const rig = openRig({ secondaries: 1, keyed: false }, prepare);

  test('gives zones to the addresses of its peers, and follows them when they change', async () => {
    const from = addressOf(rig(), 'secondary-0');
    expect(await transfers(rig(), { from })).toBe(true);
    expect(await transfers(rig(), { from: stranger })).toBe(false);
    await changed(rig(), '192.0.2.2');
    expect(await replaceSecondary(rig())).toBe(from);
    await changed(rig(), '192.0.2.3');
    await untilEqual(() => transfers(rig(), { from }), false, patience);
  });
});

describe('with access by address as well', () => {
  const rig = openRig({ secondaries: 1, settings: { 'access.byAddress': 'true' } }, prepare);

  test('asks for the key and for the address of a peer', async () => {
    const key = rig().clusterKey ?? '';
    const from = addressOf(rig(), 'secondary-0');
    expect(await transfers(rig(), { from, key })).toBe(true);
    expect(await transfers(rig(), { from })).toBe(false);
    expect(await transfers(rig(), { from: stranger, key })).toBe(false);
    await changed(rig(), '192.0.2.2');
    await replaceSecondary(rig());
    await changed(rig(), '192.0.2.3');
    await untilEqual(() => transfers(rig(), { from, key }), false, patience);
  });
});
