import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until, untilEqual } from '../rig/until.ts';
import { axfr, dig } from './dig.ts';
import { everyAnswer, everyRecord } from './every-record.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';
import { openOutsidePrimary } from './outside.ts';

const patience = { withinMs: 30_000 };

const rig = openRig({}, () => undefined);

test('secondaries started before any primary exists serve a zone as soon as one is there', async () => {
  await rig().zone('first.example', { www: '192.0.2.1' });
  await Promise.all(
    rig()
      .podsOf('secondary')
      .map((pod) => pod.start()),
  );
  await Promise.all(
    rig()
      .podsOf('secondary')
      .map((pod) => pod.ready()),
  );
  expect(await rig().serial('secondary-0', 'first.example')).toBeUndefined();
  await rig().pod('primary-0').start();
  await rig().agreed('first.example');
  expect(await rig().data('secondary-1', 'www.first.example')).toEqual(['192.0.2.1']);
});

test('serves records of every kind and of both API versions, by every way in which they reach a zone', async () => {
  await rig().manifest('every', everyRecord('every.example', rig().cluster));
  await rig().agreed('every.example');
  for (const pod of rig().pods.values()) {
    const records = await axfr(pod.place, 'every.example', { key: rig().clusterKey ?? '' });
    expect(records).toEqual(everyAnswer('every.example'));
  }
});

test('changes a served zone by DNS UPDATE, and secondaries get an IXFR', async () => {
  await rig().zone('small.example', { www: '192.0.2.1' });
  const before = await rig().agreed('small.example');
  const log = logSince(rig().pod('primary-0').logs.named);
  await rig().zone('small.example', { www: ['192.0.2.1', '192.0.2.2'], new: '2001:db8::1' });
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, 'www.small.example'), ['192.0.2.1', '192.0.2.2']);
  expect(await rig().agreed('small.example')).toBe(before + 1);
  const sent = log().filter((line) => /small.example\/IN': (?:AXFR|IXFR).* started/.test(line));
  expect(sent.length).toBeGreaterThanOrEqual(2);
  for (const line of sent) expect(line).toMatch(/IN': IXFR started: TSIG cluster/);
  expect(log().join('\n')).toMatch(/updating zone 'small.example\/IN': adding an RR/);
});

test('serves a zone file with its own timers, at its serial or above; a bulk change comes as a file', async () => {
  const lines = (octet: number): string =>
    Array.from(
      { length: 2000 },
      (_, n) => `host-with-a-long-name-${n} A 10.${octet}.${n >> 8}.${n & 255}`,
    ).join('\n');
  const file = (serial: number, octet: number): string =>
    `$TTL 120\n@ SOA ns.example.net. admin.example.net. ${serial} 7201 901 700001 61\n@ NS ns.example.net.\n${lines(octet)}\n`;
  await rig().zone('file.example', {}, { zoneFile: file(500, 1), nameServers: [] });
  expect(await rig().agreed('file.example')).toBe(500);
  const soa = await dig(rig().pod('secondary-0').place, 'file.example', 'SOA');
  expect(soa.answer[0]).toMatch(/ns.example.net. admin.example.net. 500 7201 901 700001 61$/);

  const log = logSince(rig().pod('primary-0').logs.named);
  await rig().zone('file.example', {}, { zoneFile: file(400, 2), nameServers: [] });
  for (const pod of rig().pods.keys())
    await untilEqual(
      () => rig().data(pod, 'host-with-a-long-name-1999.file.example'),
      ['10.2.7.207'],
      patience,
    );
  expect(await rig().agreed('file.example')).toBe(501);
  expect(log().join('\n')).not.toMatch(/updating zone 'file.example/);
  expect(
    await axfr(rig().pod('secondary-1').place, 'file.example', { key: rig().clusterKey ?? '' }),
  ).toHaveLength(2001);

  await rig().zone('file.example', {}, { zoneFile: file(900, 2), nameServers: [] });
  await untilEqual(() => rig().serial('secondary-0', 'file.example'), 900, patience);
});

test('serves the zone file of a ConfigMap, and its changes', async () => {
  const map = (address: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: { name: texts }
data:
  mapped: |
    $TTL 300
    @ IN SOA ns1 admin ( 7 3600 600 604800
      300 )
    @ NS ns1
    ns1 A 192.0.2.53
    www A ${address}
`;
  const zoneFileFrom = { configMapKeyRef: { name: 'texts', key: 'mapped' } };
  await rig().zone('mapped.example', {}, { zoneFileFrom });
  await rig().manifest('texts', map('192.0.2.1'));
  expect(await rig().agreed('mapped.example')).toBe(7);
  await rig().manifest('texts', map('192.0.2.2'));
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, 'www.mapped.example'), ['192.0.2.2'], patience);
  expect(await rig().agreed('mapped.example')).toBe(8);
  // A map that is gone is no reason to stop serving what came from it.
  await rig().manifest('texts', undefined);
  await rig().zone('after.example', { www: '192.0.2.3' });
  await rig().agreed('after.example');
  expect(await rig().serial('primary-0', 'mapped.example')).toBe(8);
});

test('a DNSZone of type secondary without primaryServers follows the primaries that serve its name', async () => {
  const of = (role: string): Record<string, unknown> => ({
    instanceSelector: { matchLabels: { role } },
  });
  const none = { clusterRef: undefined, nameServers: [{ hostname: 'ns1.example.net.' }] };
  await rig().zone('peers.example', { www: '192.0.2.1' }, { ...none, ...of('primary') });
  await until(() => rig().serial('primary-0', 'peers.example'));
  expect((await dig(rig().pod('secondary-0').place, 'peers.example', 'SOA')).status).toBe(
    'REFUSED',
  );
  await rig().manifest(
    'followers',
    `
apiVersion: bindy.firestoned.io/v1beta1
kind: DNSZone
metadata: { name: followers }
spec: { zoneName: peers.example, type: secondary, instanceSelector: { matchLabels: { role: secondary } } }
`,
  );
  await rig().agreed('peers.example');
  await rig().zone('peers.example', { www: '192.0.2.2' }, { ...none, ...of('primary') });
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, 'www.peers.example'), ['192.0.2.2'], patience);
});

test('a zone with primaries outside follows the one that is alive', async () => {
  const places = [...rig().pods.values()].map((pod) => pod.place);
  const outsides = [
    await openOutsidePrimary('outside.example', places),
    await openOutsidePrimary('outside.example', places),
  ] as const;
  const [one, other] = outsides;
  try {
    await one.serve(3, '192.0.2.3');
    const primaryServers = [one.endpoint, other.endpoint];
    const spec = { type: 'secondary', secondaryConfig: { primaryServers }, nameServers: [] };
    await rig().zone('outside.example', {}, spec);
    expect(await rig().agreed('outside.example')).toBe(3);
    await one.serve(4, '192.0.2.4');
    for (const pod of rig().pods.keys())
      await untilEqual(() => rig().serial(pod, 'outside.example'), 4, patience);
    await one.kill();
    await other.serve(5, '192.0.2.5');
    for (const pod of rig().pods.keys()) {
      await untilEqual(() => rig().serial(pod, 'outside.example'), 5, patience);
      expect(await rig().data(pod, 'www.outside.example')).toEqual(['192.0.2.5']);
    }
  } finally {
    await Promise.all(outsides.map((each) => each.close()));
  }
});

test('a deleted zone is refused everywhere and its file lies in the trash', async () => {
  await rig().zone('gone.example', { www: '192.0.2.1' });
  await rig().agreed('gone.example');
  await rig().manifest('gone-example', undefined);
  for (const pod of rig().pods.values()) {
    const status = async () => (await dig(pod.place, 'gone.example', 'SOA')).status;
    await untilEqual(status, 'REFUSED', patience);
    await until(() => !existsSync(join(pod.path('zones'), 'gone.example.zone')));
    const trash = await readdir(join(pod.path('state'), 'trash'), { recursive: true });
    expect(trash.some((name) => name.includes('gone.example.zone'))).toBe(true);
  }
  expect(await rig().data('secondary-0', 'www.first.example')).toEqual(['192.0.2.1']);
});
