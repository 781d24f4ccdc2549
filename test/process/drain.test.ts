import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { until, untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { command } from './said.ts';
import { watchAnswers } from './watch-answers.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';

const rig = openRig({ primaries: 2, secondaries: 1 }, async (opened) => {
  await opened.zone(zone, { www: '192.0.2.1' });
  await opened.start();
  await opened.ready();
  await opened.agreed(zone);
});

/** The secondary's copy of the zone, as its agent tells it. */
async function copy(): Promise<{ readonly primaries: readonly string[]; readonly from?: string }> {
  const { body = '{}' } = (await rig().pod('secondary-0').get(`/zones/${zone}`)) ?? {};
  return JSON.parse(body);
}

/** The primary that the secondary would transfer from. */
async function chosen(): Promise<Pod> {
  const [first] = (await copy()).primaries;
  const found = rig()
    .podsOf('primary')
    .find(({ place }) => first === `${place.address} port ${place.dnsPort}`);
  if (found === undefined) throw new Error(`no pod is ${first}`);
  return found;
}

/** Whether its peers see the pod as one that is about to go. */
async function drains(pod: Pod): Promise<readonly boolean[]> {
  const others: readonly Pod[] = [...rig().pods.values()].filter((each) => each !== pod);
  const seen = others.map(async (other) => {
    const { body = '{}' } = (await other.get('/peers')) ?? {};
    const { peers = [] } = JSON.parse(body) as {
      readonly peers?: readonly { readonly pod: string; readonly draining: boolean }[];
    };
    return peers.find((peer) => peer.pod === pod.name)?.draining === true;
  });
  return Promise.all(seen);
}

test('a pod that is about to go is left before it is gone, and serves as long as it is there', async () => {
  const leaving = await until(chosen, patience);
  const watch = watchAnswers([leaving], `www.${zone}`, ['192.0.2.1']);
  expect((await command(leaving, 'drain')).code).toBe(0);
  await untilEqual(() => drains(leaving), [true, true], patience);
  await until(async () => (await chosen()) !== leaving, patience);
  const other = await chosen();
  expect(await leaving.status('/readyz')).toBe(200);
  expect((await command(other, 'get', 'peers')).stdout).toMatch(
    new RegExp(`^${leaving.name} .*draining`, 'm'),
  );
  expect(await watch.wrong()).toEqual({ answers: [], servfails: 0 });

  await rig().host(zone, 'new', '192.0.2.2');
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, `new.${zone}`), ['192.0.2.2'], patience);
  await untilEqual(async () => (await copy()).from, other.place.address, patience);

  await leaving.stop();
  await leaving.move();
  await leaving.start();
  await leaving.ready();
  await untilEqual(() => drains(leaving), [false, false], patience);
});

test('where no agent runs, it is said, and the exit code is 1', async () => {
  const pod = rig().pod('secondary-0');
  await pod.killAgent();
  const { code, stderr } = await command(pod, 'drain');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^bind9-agent: no agent answers at \S+ port \d+: .*ECONNREFUSED/);
});
