import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { metadataOf } from '../../agent/observe/kubernetes/object-parts.ts';
import type { ZoneReport } from '../../agent/report/zone-report.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { openProxy } from '../control-plane/proxy.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { watchSerials } from '../process/serial-watch.ts';
import type { Pod } from '../rig/pod.ts';
import { makeRig, type Rig } from '../rig/rig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';
import { readZone } from './zone-cache.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';
const name = 'example-com';
/** There is a second one, so that the first may be dropped. */
const other = 'example.net';

let rig: Rig;
let proxy: Awaited<ReturnType<typeof openProxy>>;

/** Two primaries, a secondary, and a third primary that is down; `primary-1` reaches the API server through a proxy. */
const plane = useControlPlane({ controllerManager: true }, async (opened) => {
  await installCrds(opened);
  proxy = await openProxy(opened);
  rig = await makeRig({
    ...{ agent: 'bundle', plane: opened, primaries: 3, secondaries: 1 },
    settingsOf: (pod) => (pod === 'primary-1' ? { 'kubernetes.server': proxy.server } : {}),
  });
  for (const each of [zone, other]) await rig.zone(each, { www: '192.0.2.1' });
});
afterAll(async () => {
  await rig?.close();
  await proxy?.close();
});
afterEach(({ task }) => {
  if (task.result?.state === 'fail') console.error(rig?.tails(30));
  proxy?.fault(undefined);
});

beforeEach(async () => {
  if (rig === undefined) return;
  for (const pod of ['primary-0', 'primary-1', 'secondary-0'].map((each) => rig.pod(each)))
    if (pod.agent?.running() !== true) {
      await pod.start();
      await pod.ready();
    }
  await told();
}, 60_000);

const running = (): Pod[] =>
  [...rig.pods.values()].filter(({ agent }) => agent?.running() === true);

type Status = ZoneReport & {
  readonly allocated: {
    readonly serial: number;
    readonly by: string;
    readonly contentHash: string;
  };
};
const status = async (): Promise<Status> => (await rig.home.status(name)) as Status;

/** Waits until the status tells what is: every pod that runs, at the serial that all serve. */
async function told(withinMs = 30_000): Promise<Status> {
  let seen: Status | undefined;
  const untrue = async (): Promise<string[]> => {
    seen = await status();
    const serial = await rig.serial('primary-0', zone);
    const wanted = running().map(({ name, place }) => `${name} ${place.address} Current ${serial}`);
    const found = seen.transfers.map(
      (each) => `${each.pod} ${each.ip} ${each.state} ${each.serial}`,
    );
    return [
      ...wanted.filter((each) => !found.includes(each)),
      ...found.filter((each) => !wanted.includes(each)),
    ];
  };
  await untilEqual(untrue, [], { withinMs });
  if (seen === undefined) throw new Error('no status');
  return seen;
}

let address = 1;
/** Changes a record and waits until these pods answer with it; returns how long that took, in ms. */
async function change(at: readonly Pod[] = running()): Promise<number> {
  const data = `192.0.2.${++address}`;
  const startedAt = performance.now();
  await rig.host(zone, 'www', data);
  for (const pod of at) await untilEqual(() => rig.data(pod.name, `www.${zone}`), [data], patience);
  return performance.now() - startedAt;
}

test('a primary that does not hear of records burns no serial, and serves what the others agreed on', async () => {
  const { serial: before = 0 } = await told();
  const watch = watchSerials(running(), () => [zone]);
  proxy.fault(({ path }) => (path.includes('/arecords') ? { code: 503 } : undefined));
  for (let n = 1; n <= 3; n++) {
    await change();
    const { allocated } = await status();
    expect(allocated).toMatchObject({ serial: before + n, by: 'primary-0' });
  }
  const seen = new Set<number>();
  const end = performance.now() + 5000;
  await until(async () => {
    for (const pod of running()) seen.add((await rig.serial(pod.name, zone)) ?? 0);
    return performance.now() > end;
  });
  expect([...seen]).toEqual([before + 3]);
  proxy.fault(undefined);
  await change();
  expect((await told()).serial).toBe(before + 4);
  expect(await watch.stop()).toEqual([]);
}, 120_000);

/** The killed pod comes back as a new one, and the status is true again. */
async function replace(pod: Pod): Promise<void> {
  await pod.move();
  await pod.start();
  await pod.ready();
  await told();
}

test('the pod that tells of the zone, and gives it to the secondary, is killed: a change is served everywhere within 3 s', async () => {
  const { reportedBy } = await told();
  const speaker = rig.pod(reportedBy);
  const other = rig.pod(reportedBy === 'primary-0' ? 'primary-1' : 'primary-0');
  // A secondary stays with the primary that it has.
  await other.kill();
  await change([speaker, rig.pod('secondary-0')]);
  await replace(other);
  await speaker.kill();
  expect(await change()).toBeLessThan(3000);
  await replace(speaker);
}, 120_000);

test('two pods that both believe to be the one who tells do not write against each other', async () => {
  await told();
  // What follows, primary-1 does not hear of.
  proxy.fault(({ path }) => (path.includes('/leases?') ? { code: 503 } : undefined));
  const third = rig.pod('primary-2');
  await third.start();
  await third.ready();
  await change([rig.pod('primary-0'), rig.pod('secondary-0'), third]);
  const writes = async (): Promise<number> => {
    const { body } = await plane().request('GET', '/metrics');
    const of =
      /^apiserver_request_total\{code="200".*resource="dnszones".*subresource="status",verb="APPLY".* (\d+)$/gm;
    return [...String(body).matchAll(of)].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const before = await writes();
  const end = performance.now() + 15_000;
  await until(() => performance.now() > end, { withinMs: 20_000 });
  // Two zones, each looked at a few times by two pods.
  expect((await writes()) - before).toBeLessThan(20);
  proxy.fault(undefined);
  const { transfers } = await told(60_000);
  expect(transfers.map(({ pod }) => pod)).toContain('primary-2');
  await rig.remove('primary-2');
}, 120_000);

test('a zone that is deleted and made anew under its name begins afresh, and no old report comes back', async () => {
  await change();
  const before = await told();
  await rig.manifest(name, undefined);
  await until(async () => (await rig.serial('secondary-0', zone)) === undefined, patience);
  await rig.zone(zone, { fresh: '192.0.2.99' });
  for (const pod of running())
    await untilEqual(() => rig.data(pod.name, `fresh.${zone}`), ['192.0.2.99'], patience);
  const after = await told();
  expect(after.allocated.serial).toBe(after.serial);
  expect(after.allocated.contentHash).not.toBe(before.allocated.contentHash);
  const { creationTimestamp } = metadataOf(
    await readZone(plane(), objectKey(rig.home.namespace, name)),
  );
  expect(Date.parse(after.reportedTime)).toBeGreaterThanOrEqual(
    Date.parse(String(creationTimestamp)),
  );
  expect(await rig.data('secondary-0', `www.${zone}`)).toEqual([]);
}, 120_000);
