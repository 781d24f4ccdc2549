import { afterAll, afterEach, expect, test } from 'vitest';
import { type ApiProxy, type Fault, openProxy } from '../control-plane/proxy.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { openWire, type Wire } from '../control-plane/wire.ts';
import { logOf } from '../process/said.ts';
import type { Pod } from '../rig/pod.ts';
import { type Rig, startRig } from '../rig/rig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';

/** As promised: so long after the API server is ready, everything is true again. */
const trueAgain = { withinMs: 30_000 };
/** Longer than a Lease lasts, and the grace after it: as good as an hour. */
const LONG_MS = 9000;
/** Longer than a Lease lasts. */
const SHORT_MS = 5000;
/** Longer than a watch may be without a word (26 s), and as long as was promised. */
const STALL_MS = 90_000;
const zone = 'example.com';

let proxy: ApiProxy;
/** From the agents to the proxy, which stands before the API server. */
let wire: Wire;
let rig: Rig;

const plane = useControlPlane({ controllerManager: true }, async (opened) => {
  await installCrds(opened);
  proxy = await openProxy(opened);
  wire = await openWire(Number(new URL(proxy.server).port));
  rig = await startRig({
    plane: opened,
    agent: 'bundle',
    settings: {
      'kubernetes.server': `https://127.0.0.1:${wire.port}`,
      'lease.renewSeconds': '1',
      'lease.durationSeconds': '4',
      'lease.graceSeconds': '3',
      'start.deadlineSeconds': '5',
    },
  });
  await rig.zone(zone, { www: '192.0.2.1' });
  await settled();
});

afterAll(async () => {
  await rig?.close();
  await wire?.close();
  await proxy?.close();
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(rig.tails(30));
  // One that fails must not take the next ones with it.
  proxy.fault(undefined);
  await wire.mend();
  plane().apiServer.resume();
  if (!plane().apiServer.running()) await plane().apiServer.start();
});

const secondaries = (): Pod[] => rig.podsOf('secondary');
const pods = (): Pod[] => [...rig.pods.values()];

interface Status {
  readonly secondaryIps?: readonly string[];
  readonly serial?: number;
  readonly transfers?: readonly { readonly state: string; readonly serial?: number }[];
}

/** The status of the zone is true: it names every secondary there is, and each pod is current at the serial it serves. */
async function settled(): Promise<void> {
  const ips = secondaries().map(({ place }) => place.address);
  const isTrue = async (): Promise<boolean> => {
    const status = ((await rig.home.status('example-com')) ?? {}) as Status;
    const serials = await Promise.all(pods().map(({ name }) => rig.serial(name, zone)));
    const { serial, secondaryIps = [], transfers = [] } = status;
    expect([...secondaryIps]).toEqual(ips.toSorted());
    expect(serials).toEqual(pods().map(() => serial));
    expect(transfers.map((each) => `${each.state} ${each.serial}`)).toEqual(
      pods().map(() => `Current ${serial}`),
    );
    return true;
  };
  await until(isTrue, trueAgain);
}

let last = 1;

/** Changes a record, and waits until every pod answers with it and the status is true: no longer than was promised. */
async function change(): Promise<void> {
  const start = performance.now();
  last += 1;
  const data = [`192.0.2.${last}`];
  // A server that stood still for long ends the connection on which this is asked.
  await until(() => rig.host(zone, 'www', data).then(() => true), trueAgain);
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.data(pod, `www.${zone}`), data, trueAgain);
  await settled();
  expect(performance.now() - start).toBeLessThan(trueAgain.withinMs);
}

const metric = async (pod: Pod, name: string): Promise<string[]> => {
  const { body = '' } = (await pod.get('/metrics')) ?? {};
  return body.split('\n').filter((line) => line.startsWith(name));
};

const changing =
  /"(addzone|modzone|delzone|reconfig|reload|retransfer|freeze|thaw|refresh|notify)"/;

/** How often this agent has told its named to change something. */
async function told(pod: Pod): Promise<string[]> {
  const all = await metric(pod, 'bind9_agent_control_command_duration_seconds_count');
  return all.filter((line) => changing.test(line));
}

interface Seen {
  /** Answers of `/readyz`, without what they note beside, each once. */
  readonly ready: ReadonlySet<string>;
  readonly peers: ReadonlySet<string>;
  readonly answers: ReadonlySet<string>;
}

/** Looks at these pods again and again for a while. */
async function watch(watched: readonly Pod[], ms: number): Promise<Seen> {
  const seen = { ready: new Set<string>(), peers: new Set<string>(), answers: new Set<string>() };
  const end = performance.now() + ms;
  const look = async (pod: Pod): Promise<void> => {
    const ready = await pod.get('/readyz');
    seen.ready.add(`${ready?.status} ${ready?.body.split('\n')[0]}`);
    const peers = JSON.parse((await pod.get('/peers'))?.body ?? '{}') as {
      readonly peers: readonly { readonly pod: string; readonly liveness: string }[];
    };
    for (const peer of peers.peers) seen.peers.add(`${pod.name}: ${peer.pod} ${peer.liveness}`);
    seen.answers.add(String(await rig.data(pod.name, `www.${zone}`)));
  };
  await until(
    async () => {
      for (const pod of watched) await look(pod);
      return performance.now() > end;
    },
    { withinMs: ms + 20_000, everyMs: 100 },
  );
  return seen;
}

/** Every pod's registration is renewed once more: nobody waits any longer for an answer on a connection that is dead. */
async function renewed(): Promise<void> {
  const what = [
    '-n',
    rig.home.namespace,
    'get',
    'leases',
    '-o',
    'jsonpath={.items[*].spec.renewTime}',
  ];
  const renewals = async (): Promise<string[]> => (await plane().kubectl(what)).split(' ');
  const before = await renewals();
  await until(async () => (await renewals()).every((each) => !before.includes(each)), trueAgain);
}

/** Everybody sees everybody else, and no named is told anything any more. Returns what each was told so far. */
async function calm(): Promise<readonly string[][]> {
  let before: readonly string[][] = [];
  await until(
    async () => {
      const { peers } = await watch(pods(), 500);
      const now = await Promise.all(pods().map(told));
      const same = JSON.stringify(now) === JSON.stringify(before);
      before = now;
      expect([...peers].sort()).toEqual(allLive());
      return same;
    },
    { withinMs: 30_000 },
  );
  return before;
}

/** Everybody sees everybody else alive. */
const allLive = (): string[] =>
  pods()
    .flatMap((one) =>
      pods().flatMap((other) => (one === other ? [] : [`${one.name}: ${other.name} live`])),
    )
    .sort();

/** The agent says that what it knows may be old, wherever somebody looks. */
async function tellsStale(pod: Pod): Promise<void> {
  expect(await metric(pod, 'bind9_agent_resources_stale')).toEqual([
    'bind9_agent_resources_stale 1',
  ]);
  const why = /\w+ and \d+ more kinds: not up to date since \d{4}-/;
  expect((await pod.get('/readyz'))?.body).toMatch(why);
  for (const path of ['/zones', '/peers'])
    expect(JSON.parse((await pod.get(path))?.body ?? '{}')).toMatchObject({
      stale: expect.stringMatching(why),
    });
}

/** `kubectl describe` tells of the pod that it had lost the API server, and when. */
async function toldOutage({ name }: Pod): Promise<void> {
  const described = ['-n', rig.home.namespace, 'describe', 'pod', name];
  await until(
    async () => {
      const text = await plane().kubectl(described);
      expect(text).toMatch(
        /Warning +RemovalsFrozen .* what is missing does not count as deleted: .* not up to date since/,
      );
      expect(text).toMatch(/Normal +RemovalsResumed /);
      return true;
    },
    { ...trueAgain, everyMs: 500 },
  );
}

test('the API server is gone for longer than every registration lasts: nothing changes', async () => {
  const before = await calm();
  const marks = pods().map((pod) => logOf(pod).length);
  await plane().apiServer.kill();
  const { ready, peers, answers } = await watch(pods(), LONG_MS);
  expect([...ready]).toEqual(['200 ok']);
  expect([...peers].sort()).toEqual(allLive());
  expect([...answers]).toEqual([`192.0.2.${last}`]);
  expect(await Promise.all(pods().map(told))).toEqual(before);
  for (const [index, pod] of pods().entries()) {
    await tellsStale(pod);
    const said = logOf(pod).slice(marks[index]);
    expect(said.match(/what is missing does not count as deleted/g)).toHaveLength(1);
  }
  await plane().apiServer.start();
  await change();
  for (const pod of pods())
    await untilEqual(
      () => metric(pod, 'bind9_agent_resources_stale'),
      ['bind9_agent_resources_stale 0'],
    );
});

test(
  'an API server that stands still, with all connections open, changes nothing',
  async () => {
    const before = await calm();
    plane().apiServer.pause();
    const { ready, peers, answers } = await watch(pods(), STALL_MS);
    expect([...ready]).toEqual(['200 ok']);
    expect([...peers].sort()).toEqual(allLive());
    expect([...answers]).toEqual([`192.0.2.${last}`]);
    expect(await Promise.all(pods().map(told))).toEqual(before);
    for (const pod of pods()) await tellsStale(pod);
    plane().apiServer.resume();
    await change();
    for (const pod of pods()) await toldOutage(pod);
  },
  120_000 + STALL_MS,
);

test('agents and pods that restart meanwhile serve what lies on their disks, and are ready', async () => {
  await plane().apiServer.kill();
  const [primary, secondary] = [rig.pod('primary-0'), rig.pod('secondary-0')];
  await primary.killAgent();
  primary.startAgent();
  await secondary.stop();
  await secondary.start();
  await Promise.all([primary.ready(), secondary.ready()]);
  const { ready, answers } = await watch(pods(), LONG_MS);
  expect([...ready]).toEqual(['200 ok']);
  expect([...answers]).toEqual([`192.0.2.${last}`]);
  expect(await told(primary)).toEqual([]);
  await plane().apiServer.start();
  await change();
});

test('a pod that comes back meanwhile on another address, with its disk, serves and is ready', async () => {
  const pod = rig.pod('secondary-0');
  await pod.stop();
  await pod.move();
  await plane().apiServer.kill();
  await pod.start();
  await pod.ready();
  const { ready, answers } = await watch([pod], 1000);
  expect([...ready]).toEqual(['200 ok']);
  expect([...answers]).toEqual([`192.0.2.${last}`]);
  await plane().apiServer.start();
  await change();
});

test('a pod that comes without a disk meanwhile is not ready before it has its zones', async () => {
  const pod = rig.pod('secondary-1');
  await pod.stop();
  // It was scheduled in time; then the API server went.
  await pod.move({ wiped: true });
  await plane().apiServer.kill();
  await pod.start();
  await until(async () => (await pod.get('/readyz'))?.body.includes('could not be read'));
  const { ready } = await watch([rig.pod('primary-0'), rig.pod('secondary-0')], 2000);
  expect([...ready]).toEqual(['200 ok']);
  expect((await pod.get('/readyz'))?.status).toBe(503);
  await plane().apiServer.start();
  await pod.ready();
  await change();
});

test('a connection that is dead without a word is given up', async () => {
  wire.freeze();
  await change();
  await untilEqual(() => Promise.all(pods().map((pod) => pod.status('/readyz'))), [200, 200, 200]);
});

test('a network that swallows everything is noticed, and got over', async () => {
  // A watch may be without a word for some 25 seconds, which is longer than the Leases of this test.
  wire.freeze();
  wire.swallow();
  for (const pod of pods())
    await until(
      async () => (await metric(pod, 'bind9_agent_resources_stale')).join().endsWith(' 1'),
      { withinMs: 45_000 },
    );
  const { ready, peers, answers } = await watch(pods(), 1000);
  expect([...ready]).toEqual(['200 ok']);
  expect([...peers].sort()).toEqual(allLive());
  expect([...answers]).toEqual([`192.0.2.${last}`]);
  await wire.mend();
  await change();
}, 120_000);

test('a network that refuses every connection is got over', async () => {
  await renewed();
  await calm();
  await wire.cut();
  const { ready, peers } = await watch(pods(), SHORT_MS);
  expect([...ready]).toEqual(['200 ok']);
  expect([...peers].sort()).toEqual(allLive());
  await wire.mend();
  await change();
});

test('an API server that takes a second for each answer is good enough', async () => {
  proxy.fault(() => ({ delayMs: 1000 }));
  // Watches begin anew.
  await wire.cut();
  await wire.mend();
  await change();
  const { ready, peers } = await watch(pods(), 5000);
  expect([...ready]).toEqual(['200 ok']);
  expect([...peers].sort()).toEqual(allLive());
}, 120_000);

const refusals: readonly (readonly [string, Fault])[] = [
  ['401', { code: 401, body: 'Unauthorized' }],
  ['403', { code: 403, body: 'Forbidden' }],
  ['429', { code: 429, body: 'too many', headers: { 'retry-after': '1' } }],
  ['500', { code: 500, body: 'internal error' }],
];

test.for(refusals)(
  'an API server that answers %s to everything changes nothing',
  async ([, fault]) => {
    const before = await calm();
    const asked = proxy.asked.length;
    proxy.fault(() => fault);
    const { ready, peers, answers } = await watch(pods(), SHORT_MS);
    const requests = proxy.asked.length - asked;
    proxy.fault(undefined);
    expect([...ready]).toEqual(['200 ok']);
    expect([...peers].sort()).toEqual(allLive());
    expect([...answers]).toEqual([`192.0.2.${last}`]);
    expect(await Promise.all(pods().map(told))).toEqual(before);
    // Three agents with fourteen watches and a registration each: they do not ask all the time.
    expect(requests).toBeLessThan(3 * 15 * 8);
    await change();
  },
);
