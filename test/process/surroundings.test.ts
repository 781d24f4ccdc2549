import { existsSync, readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { until, untilEqual } from '../rig/until.ts';
import { type Disk, giveDisk, mayMount } from './disks.ts';
import { openRig } from './open-rig.ts';
import { listen } from './said.ts';

const patience = { withinMs: 30_000 };
const pods = ['primary-0', 'secondary-0'];
let disks: Record<'state' | 'zones' | 'config', Disk> | undefined;
let lastOctet = 0;

/** A zone that is there all the time. */
const steady = 'steady.example';

const rig = openRig({ secondaries: 1, restartsNamed: false }, async (opened) => {
  const primary = opened.pod('primary-0');
  if (mayMount())
    disks = {
      state: await giveDisk(primary, 'state'),
      zones: await giveDisk(primary, 'zones'),
      config: await giveDisk(primary, 'config'),
    };
});

afterEach(() => {
  for (const { named } of rig().pods.values()) named?.signal('SIGCONT');
  for (const disk of Object.values(disks ?? {})) disk.relieve();
});

afterAll(async () => {
  // Before the rig's folder goes, which links to them.
  for (const pod of rig().pods.values()) await pod.kill();
  for (const disk of Object.values(disks ?? {})) disk.close();
});

/** Writes another address for a name of the zone; returns how to wait until these pods serve it. */
async function change(zone = steady): Promise<(at?: readonly string[]) => Promise<void>> {
  lastOctet += 1;
  const address = `192.0.2.${lastOctet}`;
  await rig().host(zone, 'www', address);
  return async (at = pods) => {
    for (const pod of at)
      await untilEqual(() => rig().data(pod, `www.${zone}`), [address], patience);
  };
}

test.runIf(mayMount())(
  'a configuration that cannot be written keeps named from its first start, and does not end the agent',
  async () => {
    const primary = rig().pod('primary-0');
    await primary.settle();
    disks?.config.protect();
    const heard = listen(primary);
    primary.startAgent();
    await heard("named's configuration stays as it was", 'the file system is read-only');
    const waiting = await primary.get('/startupz');
    expect(waiting?.status).toBe(503);
    expect(waiting?.body).toContain('the file system is read-only');
    disks?.config.relieve();
    await until(async () => (await primary.status('/startupz')) === 200, patience);
    await primary.agent?.stop();
  },
);

test('a named that is not there yet is told of, and finds everything when it starts', async () => {
  const primary = rig().pod('primary-0');
  await rig().zone(steady);
  await primary.settle();
  primary.startAgent();
  const heard = listen(primary);
  await until(async () => (await primary.status('/startupz')) === 200, patience);
  await heard('named does not answer', 'nobody listens on port');
  await rig().zone('late.example', { www: '192.0.2.9' });
  await until(() => existsSync(join(primary.path('zones'), 'late.example.zone')), patience);
  primary.startNamed();
  await rig().served(
    new Map([
      [steady, undefined],
      ['late.example', undefined],
    ]),
    ['primary-0'],
  );
  await rig().pod('secondary-0').start();
  await rig().agreed('late.example');
  await (await change())();
});

/** An agent that renews its registration may make the folder again at any moment. */
const putFile = (folder: string): Promise<boolean> =>
  until(async () => {
    await rm(folder, { recursive: true, force: true });
    return writeFile(folder, '', { flag: 'wx' }).then(() => true);
  }, patience);

test('a folder of peers that cannot be used is told of, keeps no zone from changing, and ends no agent', async () => {
  const primary = rig().pod('primary-0');
  const peers = join(rig().clusterFolder, 'peers');
  const heard = listen(primary);
  await rename(peers, `${peers}.away`);
  await putFile(peers);
  await heard(`folder ${peers} is wrong`);
  await (await change())(['primary-0']);
  await primary.killAgent();
  const heardAgain = listen(primary);
  primary.startAgent();
  await heardAgain(`folder ${peers} is wrong`);
  await until(async () => {
    await rm(peers, { recursive: true, force: true });
    return rename(`${peers}.away`, peers).then(() => true);
  }, patience);
  await primary.ready();
  await (await change())();
});

describe('a named that', () => {
  test('dies is told of; what changes meanwhile is served as soon as it is back', async () => {
    const primary = rig().pod('primary-0');
    const heard = listen(primary);
    await primary.killNamed();
    await heard('named does not answer', 'nobody listens on port');
    const served = await change();
    await rig().zone('meanwhile.example', { www: '192.0.2.9' });
    await untilEqual(() => rig().data('secondary-0', 'www.late.example'), ['192.0.2.9'], patience);
    primary.startNamed();
    await served();
    await rig().agreed('meanwhile.example');
    await heard('named answers');
  });

  test('dies as a secondary comes back to what was changed meanwhile', async () => {
    const secondary = rig().pod('secondary-0');
    await secondary.killNamed();
    const served = await change();
    await rig().manifest('meanwhile-example', undefined);
    await served(['primary-0']);
    secondary.startNamed();
    await served();
    await (await change())();
    // Before the disks are filled: a file that goes then leaves room on them.
    const zones = rig().pod('primary-0').path('zones');
    await until(() => !existsSync(join(zones, 'meanwhile.example.zone')), patience);
  });

  test('hangs is told of; it is given everything when it goes on', async () => {
    const primary = rig().pod('primary-0');
    const heard = listen(primary);
    primary.named?.signal('SIGSTOP');
    await heard('named does not answer', 'it hangs, or is loading zones');
    const served = await change();
    await rig().zone('hung.example', { www: '192.0.2.9' });
    expect(await rig().data('secondary-0', 'www.late.example')).toEqual(['192.0.2.9']);
    expect(primary.agent?.running()).toBe(true);
    primary.named?.signal('SIGCONT');
    await served();
    await rig().agreed('hung.example');
  });

  test('has another control key serves on, is told of, and takes ours when it starts again', async () => {
    const primary = rig().pod('primary-0');
    await primary.agent?.stop('SIGKILL');
    await rm(join(primary.path('state'), 'keys', 'bind9-agent-control.key'));
    const conf = join(primary.path('config'), 'keys.conf');
    const before = readFileSync(conf, 'utf8');
    const heard = listen(primary);
    primary.startAgent();
    await heard('named does not answer', 'does not know the key "bind9-agent-control"');
    // What it starts on the next time.
    await until(() => readFileSync(conf, 'utf8') !== before, patience);
    const served = await change();
    expect(await rig().data('primary-0', 'www.late.example')).toEqual(['192.0.2.9']);
    await primary.killNamed();
    primary.startNamed();
    await served();
  });
});

const failures = [
  ['fill', 'is full', 'the disk is full'],
  ['protect', 'turns read-only', 'the file system is read-only'],
] as const;

describe.runIf(mayMount())('a disk that', () => {
  for (const [spoil, happens, said] of failures) {
    test(`${happens} under the zones: all are served as they are, and change when it is relieved`, async () => {
      const heard = listen(rig().pod('primary-0'));
      lastOctet += 1;
      const zone = `zones-${spoil}-${lastOctet}.example`;
      disks?.zones[spoil]();
      // Large: named may write a file anew at any moment, which leaves some room for a moment.
      const hosts = Array.from({ length: 500 }, (_, n) => [`host-${n}`, '192.0.2.9']);
      await rig().zone(zone, Object.fromEntries(hosts));
      await heard(`failed to serve ${zone}`, `${zone}.zone`, said);
      const served = await change();
      expect(await rig().data('primary-0', 'www.late.example')).toEqual(['192.0.2.9']);
      await rig().manifest('hung-example', undefined);
      await heard('stop serving hung.example');
      disks?.zones.relieve();
      await served();
      await rig().agreed(zone);
      await rig().zone('hung.example');
      await rig().agreed('hung.example');
    });

    test(`${happens} under the configuration: zones come and change, and it is written when relieved`, async () => {
      const primary = rig().pod('primary-0');
      const heard = listen(primary);
      disks?.config[spoil]();
      const forwarder = spoil === 'fill' ? '192.0.2.100' : '192.0.2.101';
      await rig().manifest('primary', instance(`forwarders: [${forwarder}]`));
      await heard("named's configuration stays as it was", said);
      await rig().zone(`config-${spoil}.example`, { www: '192.0.2.9' });
      await rig().agreed(`config-${spoil}.example`);
      await (await change())();
      disks?.config.relieve();
      const options = join(primary.path('config'), 'options.conf');
      await until(() => readFileSync(options, 'utf8').includes(forwarder), patience);
      await heard("named's configuration is as wanted again");
    });
  }

  test('is full under the state: contents change on, and new zones come when it is relieved', async () => {
    const heard = listen(rig().pod('primary-0'));
    disks?.state.fill();
    // More than the last page of the ledger has room for.
    const zones = Array.from({ length: 10 }, (_, index) => `state-${index}.example`);
    for (const zone of zones) await rig().zone(zone);
    await heard('ledger.jsonl', 'the disk is full');
    await (await change())();
    await (await change())();
    disks?.state.relieve();
    await rig().served(new Map(zones.map((zone) => [zone, undefined])));
    await (await change())();
  });

  test('turns read-only under all: the agent starts again, and does what it can', async () => {
    const primary = rig().pod('primary-0');
    for (const disk of Object.values(disks ?? {})) disk.protect();
    await primary.killAgent();
    const heard = listen(primary);
    primary.startAgent();
    await primary.ready();
    await rig().zone('protected.example', { www: '192.0.2.9' });
    await heard('failed to serve protected.example', 'the file system is read-only');
    disks?.zones.relieve();
    await heard(
      'failed to serve protected.example',
      'ledger.jsonl',
      'the file system is read-only',
    );
    await (await change())();
    disks?.state.relieve();
    await rig().agreed('protected.example');
  });
});

const instance = (config: string): string => `apiVersion: bindy.firestoned.io/v1beta1
kind: Bind9Instance
metadata: { name: primary, labels: { role: primary } }
spec:
  clusterRef: ${rig().cluster}
  role: primary
  replicas: 1
  config: { ${config} }
`;
