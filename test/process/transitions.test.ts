import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeKey } from '../rig/keys.ts';
import { until, untilEqual } from '../rig/until.ts';
import { axfr, dig } from './dig.ts';
import { nsupdate } from './nsupdate.ts';
import { openRig } from './open-rig.ts';
import { openOutside, openOutsidePrimary } from './outside.ts';
import { settled, zoneStatus } from './zone-status.ts';

const patience = { withinMs: 30_000 };
const keys = mkdtempSync(join(tmpdir(), 'bind9-agent-keys-'));
const partner = writeKey(keys, 'partner');
const rig = openRig({ secondaries: 1, settings: { 'keys.files': partner } });
afterAll(() => rmSync(keys, { recursive: true, force: true }));

const primary = () => rig().pod('primary-0');
const secondary = () => rig().pod('secondary-0');

async function served(zone: string, address: string, pods = [...rig().pods.keys()]): Promise<void> {
  for (const pod of pods)
    await untilEqual(() => rig().data(pod, `www.${zone}`), [address], patience);
}

test('a zone that others were allowed to update comes from its records again, above their serials', async () => {
  const zone = 'was-dynamic.example';
  await rig().zone(zone, { www: '192.0.2.0' });
  await settled(rig(), zone);
  await rig().zone(zone, { www: '192.0.2.1' }, { updates: { allow: ['partner'] } });
  await rig().agreed(zone);
  for (const octet of [2, 3, 4]) {
    const change = [`update delete www.${zone} A`, `update add www.${zone} 60 A 192.0.2.${octet}`];
    await until(
      async () => (await nsupdate(primary().place, zone, change, partner)) === undefined,
      patience,
    );
  }
  await served(zone, '192.0.2.4');
  const before = await rig().agreed(zone);
  await rig().zone(zone, { www: '192.0.2.5' });
  await served(zone, '192.0.2.5');
  expect(await settled(rig(), zone)).toBeGreaterThan(before);
  await rig().zone(zone, { www: '192.0.2.5' }, { updates: { allow: ['partner'] } });
  const change = [`update add more.${zone} 60 A 192.0.2.6`];
  await until(
    async () => (await nsupdate(primary().place, zone, change, partner)) === undefined,
    patience,
  );
  await untilEqual(() => rig().data('secondary-0', `more.${zone}`), ['192.0.2.6'], patience);
});

for (const [who, spec] of [
  ['all pods', {}],
  ['one pod', { clusterRef: undefined, instanceSelector: { matchLabels: { role: 'primary' } } }],
] as const)
  test(`a zone that came from outside becomes our own above the serial it had there (${who})`, async () => {
    const zone = `${who.replace(' ', '-')}.example`;
    const pods = who === 'all pods' ? [...rig().pods.keys()] : ['primary-0'];
    const outside = await openOutsidePrimary(zone);
    try {
      await outside.serve(2026010100, '192.0.2.1');
      const secondaryConfig = { primaryServers: [outside.endpoint] };
      await rig().zone(zone, {}, { ...spec, type: 'secondary', secondaryConfig });
      await served(zone, '192.0.2.1', pods);
    } finally {
      await outside.close();
    }
    await rig().zone(zone, { www: '192.0.2.2' }, spec);
    await served(zone, '192.0.2.2', pods);
    const agreed = async () => (await zoneStatus(rig(), zone)).allocated?.serial;
    await untilEqual(agreed, 2026010101, patience);
    for (const pod of pods) expect(await rig().serial(pod, zone)).toBe(2026010101);
  });

test('zones with slashes, capitals and letters beyond ASCII are served, changed, found again and dropped', async () => {
  const names = new Map([
    ['0/26.2.0.192.in-addr.arpa', 'slash'],
    ['Upper.Example', 'upper'],
    ['bücher.example', 'beyond'],
    ['_under.example', 'under'],
  ]);
  const canonical = [
    '0/26.2.0.192.in-addr.arpa',
    'upper.example',
    'xn--bcher-kva.example',
    '_under.example',
  ];
  const put = async (text: string): Promise<void> => {
    for (const [zoneName, name] of names) {
      const objects = [
        [
          'DNSZone',
          { zoneName, clusterRef: rig().cluster, nameServers: [{ hostname: 'ns.example.net.' }] },
        ],
        ['TXTRecord', { zoneRef: name, name: 'Text', text: [text] }],
      ] as const;
      const documents = objects.map(([kind, spec]) =>
        JSON.stringify({
          apiVersion: 'bindy.firestoned.io/v1beta1',
          kind,
          metadata: { name },
          spec,
        }),
      );
      await rig().manifest(name, documents.join('\n---\n'));
    }
    for (const zone of canonical)
      for (const pod of rig().pods.keys())
        await untilEqual(() => rig().data(pod, `text.${zone}`, 'TXT'), [text], patience);
  };
  await put('one');
  await put('two');
  for (const pod of [primary(), secondary()]) {
    await pod.killAgent();
    await pod.killNamed();
    pod.startAgent();
    await pod.ready();
  }
  await put('three');
  for (const name of names.values()) await rig().manifest(name, undefined);
  for (const { place } of rig().pods.values())
    for (const zone of canonical) {
      const status = async () => (await dig(place, zone, 'SOA')).status;
      await untilEqual(status, 'REFUSED', patience);
    }
});

test('a suspended zone stays as it is served until it is not suspended any more', async () => {
  const zone = 'suspended.example';
  await rig().zone(zone, { www: '192.0.2.1' });
  const before = await settled(rig(), zone);
  await rig().zone(zone, { www: '192.0.2.2' }, { suspend: true });
  await rig().zone('meanwhile.example', { www: '192.0.2.3' });
  await rig().agreed('meanwhile.example');
  expect(await rig().agreed(zone)).toBe(before);
  expect(await rig().data('secondary-0', `www.${zone}`)).toEqual(['192.0.2.1']);
  await rig().zone(zone, { www: '192.0.2.2' });
  await served(zone, '192.0.2.2');
});

test('a party outside is notified and transfers with its key, and no other may', async () => {
  const zone = 'shared.example';
  const { address, dnsPort } = primary().place;
  const from = `primaries { ${address} port ${dnsPort} key "partner"; };`;
  const outside = await openOutside(
    `zone "${zone}" { type secondary; file "zone"; ${from} allow-notify { key "partner"; }; };`,
    partner,
  );
  const transfer = {
    alsoNotify: [outside.endpoint],
    allowTransfer: ['127.0.0.9'],
    tsigKeyRef: 'partner',
  };
  try {
    await rig().zone(zone, { www: '192.0.2.1' }, { transfer });
    await rig().agreed(zone);
    outside.restart();
    await until(() => outside.serial(zone), patience);
    await rig().zone(zone, { www: '192.0.2.2' }, { transfer });
    await served(zone, '192.0.2.2');
    const serial = await rig().agreed(zone);
    await untilEqual(() => outside.serial(zone), serial, patience);
    expect(await axfr(primary().place, zone, { from: '127.0.0.9' })).toHaveLength(3);
    expect(await axfr(primary().place, zone, { from: '127.0.0.8' })).toBeUndefined();
    expect(await axfr(primary().place, zone, { key: partner })).toHaveLength(3);
  } finally {
    await outside.close();
  }
});

test('a primary outside that asks for a key gets it', async () => {
  const zone = 'keyed.example';
  const key = { file: partner, name: 'partner' };
  const outside = await openOutsidePrimary(zone, [primary().place, secondary().place], key);
  try {
    await outside.serve(5, '192.0.2.5');
    const spec = {
      type: 'secondary',
      secondaryConfig: { primaryServers: [outside.endpoint] },
      transfer: { tsigKeyRef: 'partner' },
    };
    await rig().zone(zone, {}, spec);
    await served(zone, '192.0.2.5');
    await outside.serve(6, '192.0.2.6');
    await served(zone, '192.0.2.6');
  } finally {
    await outside.close();
  }
  expect(existsSync(join(secondary().path('zones'), 'keyed.example.zone'))).toBe(true);
});
