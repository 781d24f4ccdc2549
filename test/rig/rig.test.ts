import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openPlaces } from './addresses.ts';
import { systemBind } from './bind-versions.ts';
import { type Child, startChild } from './child.ts';
import { directoryHome } from './home.ts';
import { type Ledger, openLedger } from './ledger.ts';
import { Pod, type PodSpec } from './pod.ts';
import { Rig } from './rig.ts';
import { until, untilEqual } from './until.ts';

const open: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});

function ledger(): Ledger {
  const opened = openLedger();
  open.push({ close: () => opened.sweep() });
  return opened;
}

async function stubbedRig(kind: 'addresses' | 'ports'): Promise<Rig> {
  const bind = await systemBind();
  if (!bind.ok) throw new Error(bind.why);
  const own = openLedger();
  const places = await openPlaces(own, kind);
  const home = directoryHome(own.folder);
  const spec: PodSpec = {
    name: 'primary-0',
    role: 'primary',
    cluster: 'demo',
    instance: 'primary',
    home,
    folder: own.folder,
    agent: { file: process.execPath, args: [join(import.meta.dirname, 'stub-agent.ts')] },
    bind: bind.bind,
  };
  const pods = [new Pod(spec, { ledger: own, places })];
  const rig = new Rig({
    cluster: 'demo',
    home,
    pods,
    places,
    clusterKey: undefined,
    ledger: own,
    makePod: async (wish) => new Pod({ ...spec, ...wish }, { ledger: own, places }),
  });
  open.push(rig);
  return rig;
}

for (const kind of ['addresses', 'ports'] as const) {
  test(`starts a pod, looks at it over DNS and moves it (${kind})`, async () => {
    const rig = await stubbedRig(kind);
    await rig.start();
    await rig.served(new Map([['example.com', 7]]));
    expect(await rig.data('primary-0', 'www.example.com')).toEqual(['192.0.2.1', '192.0.2.2']);
    expect(await rig.data('primary-0', 'example.com', 'TXT')).toEqual(['onetwo']);
    expect(await rig.data('primary-0', 'none.example.com')).toEqual([]);
    const pod = rig.pod('primary-0');
    const { place, uid } = pod;
    await pod.stop();
    await pod.move({ wiped: true });
    await pod.start();
    expect(pod.place).not.toEqual(place);
    expect(pod.uid).not.toBe(uid);
    await untilEqual(() => rig.serial('primary-0', 'example.com'), 7);
  });
}

test('starts a dead named again, and a dead agent only when told', async () => {
  const rig = await stubbedRig('addresses');
  await rig.start();
  const pod = rig.pod('primary-0');
  await untilEqual(() => rig.serial('primary-0', 'example.com'), 7);
  await pod.killNamed();
  await until(() => pod.namedStarts === 2);
  await untilEqual(() => rig.serial('primary-0', 'example.com'), 7);
  await pod.killAgent();
  expect(pod.agent?.running()).toBe(false);
  pod.startAgent();
  await pod.ready();
});

test('leaves no process, address or folder behind when it closes', async () => {
  const rig = await stubbedRig('addresses');
  await rig.start();
  const pod = rig.pod('primary-0');
  const pids = [pod.agent?.pid, pod.named?.pid];
  await rig.close();
  for (const pid of pids) expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(readFileSync('/proc/net/fib_trie', 'utf8')).not.toContain(`${pod.place.address}\n`);
  expect(existsSync(rig.folder)).toBe(false);
});

test('cleans up after a run that was killed', async () => {
  const own = ledger();
  const log = join(own.folder, 'log');
  const source = `
    import { openLedger } from ${JSON.stringify(join(import.meta.dirname, 'ledger.ts'))};
    import { startChild } from ${JSON.stringify(join(import.meta.dirname, 'child.ts'))};
    const ledger = openLedger();
    const child = startChild({ file: 'sleep', args: ['1000'] }, { log: ledger.folder + '/log', ledger });
    console.log(JSON.stringify({ folder: ledger.folder, pid: child.pid }));
    setInterval(() => {}, 1000);`;
  const args = ['--input-type=module-typescript', '-e', source];
  const run: Child = startChild({ file: process.execPath, args }, { log, ledger: own });
  const told = await until(() => JSON.parse(readFileSync(log, 'utf8')) as unknown);
  const { folder, pid } = told as { folder: string; pid: number };
  await run.stop('SIGKILL');
  ledger();
  expect(existsSync(folder)).toBe(false);
  await until(() => !existsSync(`/proc/${pid}`));
});

test('an until() that fails tells what it waited for and what it saw last', async () => {
  const patience = { withinMs: 30, what: 'the serial' };
  await expect(untilEqual(() => 5, 7, patience)).rejects.toThrow(
    'waited 0.03 s in vain for: the serial to be 7; last saw 5',
  );
  const fail = (): boolean => {
    throw new Error('no route');
  };
  await expect(until(fail, patience)).rejects.toThrow('the serial; last failed: no route');
});
