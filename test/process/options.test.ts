import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { until, untilEqual } from '../rig/until.ts';
import { axfr, dig } from './dig.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';
import { openOutsidePrimary } from './outside.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';
const [friend, enemy] = ['127.0.0.77', '127.0.0.66'];

/** BIND's tools, of which the checker refuses one forwarder. (What it truly refuses is never written in the first place.) */
const tools = mkdtempSync(join(tmpdir(), 'bind9-agent-tools-'));
const refused = '192.0.2.254';

async function makeTools(): Promise<void> {
  const folders = (process.env['PATH'] ?? '').split(':').filter((folder) => existsSync(folder));
  for (const folder of folders)
    for (const name of (await readdir(folder)).filter((each) => /^(named-|rndc|nsup)/.test(each)))
      if (!existsSync(join(tools, name))) await symlink(join(folder, name), join(tools, name));
  const checker = join(tools, 'named-checkconf');
  const real = await readlink(checker);
  await rm(checker);
  const check = `grep -qs ${refused} "$(dirname "$1")/options.conf" && echo "bad forwarder" && exit 1`;
  await writeFile(checker, `#!/bin/sh\n${check}\nexec ${real} "$@"\n`, { mode: 0o755 });
}

const settings = { 'dns.listenOn': 'any', 'named.tools': tools };
const rig = openRig({ secondaries: 0, settings }, async () => {
  await makeTools();
  await rig().zone(zone, { www: '192.0.2.1' });
  await rig().start();
  await rig().ready();
  await rig().agreed(zone);
});

afterAll(() => rmSync(tools, { recursive: true, force: true }));

const pod = () => rig().pod('primary-0');

const manifest = (kind: string, name: string, spec: object): Promise<void> =>
  rig().manifest(
    name,
    JSON.stringify({ apiVersion: 'bindy.firestoned.io/v1beta1', kind, metadata: { name }, spec }),
  );

/** The `config` of the pod's instance. */
const instance = (config: object): Promise<void> =>
  manifest('Bind9Instance', 'primary', { clusterRef: rig().cluster, role: 'primary', config });

/** The `global` of its cluster. */
const cluster = (global: object): Promise<void> =>
  manifest('Bind9Cluster', rig().cluster, { global });

const transfers = async (from: string): Promise<boolean> =>
  (await axfr(pod().place, zone, { from })) !== undefined;

const status = async (from: string): Promise<string | undefined> =>
  (await dig(pod().place, zone, 'SOA', { from })).status;

test('allowTransfer of the cluster, and of the instance over it, says which outsiders may transfer', async () => {
  expect(await transfers(friend)).toBe(false);
  await cluster({ allowTransfer: [friend] });
  await untilEqual(() => transfers(friend), true, patience);
  expect(await transfers(enemy)).toBe(false);
  await instance({ allowTransfer: ['127.0.0.0/26'] });
  await untilEqual(() => transfers(friend), false, patience);
  expect(await transfers('127.0.0.5')).toBe(true);
  await instance({ allowTransfer: [] });
  await untilEqual(() => transfers('127.0.0.5'), false, patience);
});

test('allowQuery says who may ask, from one second to the next and without a restart of named', async () => {
  const stranger = 'elsewhere.example';
  await instance({ allowQuery: ['!127.0.0.66', 'any'] });
  await untilEqual(() => status(enemy), 'REFUSED', patience);
  expect(await status(friend)).toBe('NOERROR');
  await cluster({ allowQuery: [friend] });
  await instance({});
  await untilEqual(() => status('127.0.0.5'), 'REFUSED', patience);
  expect(await status(friend)).toBe('NOERROR');
  // The agent itself is not locked out.
  await rig().zone(stranger, { www: '192.0.2.2' });
  await until(async () => {
    const { answer } = await dig(pod().place, `www.${stranger}`, 'A', { from: friend });
    return answer[0]?.endsWith('192.0.2.2');
  }, patience);
  await cluster({});
  await untilEqual(() => status(enemy), 'NOERROR', patience);
  expect(pod().namedStarts).toBe(1);
});

test('resolves names of others through its forwarders once recursion is allowed', async () => {
  const outside = await openOutsidePrimary('outside.example');
  try {
    await outside.serve(1, '192.0.2.7');
    const ask = () => dig(pod().place, 'www.outside.example', 'A', { recursive: true });
    expect((await ask()).status).toBe('REFUSED');
    await instance({ recursion: true, forwarders: [outside.endpoint] });
    await untilEqual(async () => (await ask()).status, 'NOERROR', patience);
    expect((await ask()).answer).toEqual([
      expect.stringMatching(/^www.outside.example. \d+ IN A 192.0.2.7$/),
    ]);
    // named that resolves names makes empty zones of private addresses; ours comes in its place.
    await rig().zone('10.in-addr.arpa', { www: '192.0.2.8' });
    await untilEqual(() => rig().data('primary-0', 'www.10.in-addr.arpa'), ['192.0.2.8'], patience);
    expect(await rig().data('primary-0', '168.192.in-addr.arpa', 'NS')).toHaveLength(1);
    await instance({});
    await untilEqual(async () => (await ask()).status, 'REFUSED', patience);
    expect(await rig().data('primary-0', 'www.10.in-addr.arpa')).toEqual(['192.0.2.8']);
    expect(pod().namedStarts).toBe(1);
  } finally {
    await outside.close();
  }
});

test('keeps the last configuration when named would refuse the next one, and tells why', async () => {
  const log = logSince(pod().logs.agent);
  await instance({ forwarders: [refused] });
  await until(() => log().some((line) => line.includes('bad forwarder')), patience);
  await rig().zone('meanwhile.example', { www: '192.0.2.5' });
  await rig().agreed('meanwhile.example');
  expect(await status(friend)).toBe('NOERROR');
  await pod().killNamed();
  await untilEqual(() => status(friend), 'NOERROR', patience);
  await instance({});
  await until(() => log().some((line) => line.includes('as wanted again')), patience);
});

test('listens where listenOn says, and still knows what it serves', async () => {
  const at = (address: string) =>
    dig({ address, dnsPort: pod().place.dnsPort }, zone, 'SOA').then((each) => each.status);
  expect(await at('127.0.0.1')).toBe('NOERROR');
  const other = await rig().places.take();
  await instance({ listenOn: [other.address] });
  await untilEqual(() => at(other.address), 'NOERROR', patience);
  await untilEqual(() => at(pod().place.address), undefined, patience);
  const log = logSince(pod().logs.agent);
  await rig().zone(zone, { www: '192.0.2.3' });
  const www = () => dig({ ...pod().place, address: other.address }, `www.${zone}`, 'A');
  await until(async () => (await www()).answer[0]?.endsWith('192.0.2.3'), patience);
  await rig().zone('listening.example', { www: '192.0.2.4' });
  await until(() => log().some((line) => line.includes('serve listening.example')), patience);
  await instance({ listenOn: ['any'] });
  await untilEqual(() => at(pod().place.address), 'NOERROR', patience);
  expect(log().filter((line) => /"level":"(?:warn|error)"/.test(line))).toEqual([]);
});
