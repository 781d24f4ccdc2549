import { mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { productImages } from '../containers/images.ts';
import { withEye } from '../rig/dns.ts';
import { until, untilEqual } from '../rig/until.ts';
import { hear } from './answers.ts';
import { containerOf, isReady, Namespace, type PodState } from './cluster.ts';
import { ContainerCgroup } from './container-cgroup.ts';
import { commandsUnder, type } from './install-page.ts';
import { plainSecondary } from './plain-secondary.ts';
import { placeOf, startServiceLoad } from './service-load.ts';
import { useNode } from './suite.ts';
import { offerVolumes } from './volumes.ts';

const node = useNode();
const root = resolve(import.meta.dirname, '..', '..');
const patience = { withinMs: 60_000, everyMs: 50 };
const secondaries = 'instance=secondary-dns';
const primaries = 'instance=primary-dns';
const zone = 'example.com';
const www = `www.${zone}`;
const agentImage = productImages.agent;

const dns = (): Namespace => new Namespace(node(), 'dns-system');
const ipOf = ({ status }: PodState): string => status.podIP ?? '';
const address = async (ip: string): Promise<string> =>
  (await withEye(placeOf(ip), (eye) => eye.data(www, 'A')))?.join(' ') ?? '';
/** As `hear` puts it. */
const content = (ip: string): Promise<string> =>
  until(async () => {
    const [data, serial] = [
      await address(ip),
      await withEye(placeOf(ip), (eye) => eye.serial(zone)),
    ];
    return data !== '' && serial !== undefined ? `${data} serial ${serial}` : undefined;
  }, patience) as Promise<string>;
const one = async (namespace: Namespace, selector: string): Promise<PodState> => {
  const [pod] = await namespace.settled(selector, 1);
  if (pod === undefined) throw new Error(`no pod of ${selector}`);
  return pod;
};
const all = () => dns().settled('app.kubernetes.io/name=bind9', 3);

/** Gives www another address, and waits until all who are asked serve it. */
async function change(to: string, ips: readonly string[]): Promise<void> {
  const spec = JSON.stringify({ spec: { ipv4Addresses: [to] } });
  await dns().kubectl('patch', 'arecord', 'www', '--type=merge', '-p', spec);
  for (const ip of ips) await untilEqual(() => address(ip), to, patience);
}

const allocatedSerial = (): Promise<string> =>
  dns().kubectl('get', 'dnszone', 'example-com', '-o', 'jsonpath={.status.allocated.serial}');

const say = (what: string): void => console.log(`measured: ${what}`);
const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(2)} s`;

test('ten commands, as the page prints them, lead from nothing to a transferred zone', async () => {
  // Two, should it be tried twice.
  await offerVolumes(node(), 2);
  await node().plane.kubectl(['delete', 'namespace', 'dns-system', '--ignore-not-found']);
  const commands = commandsUnder('Ten commands');
  expect(commands.length).toBeLessThanOrEqual(10);
  const began = performance.now();
  const printed = await type(node(), commands);
  say(`the ten commands: ${seconds(began)}`);
  expect(printed).toMatch(/example-com +example\.com +primary +\d+ +2 +True/);
  const seen = await type(node(), commandsUnder('Look around'));
  expect(seen).toContain('example.com.zone');
  expect(seen).toContain("transfer of 'example.com/IN'");
  for (const pod of await all()) await untilEqual(() => address(ipOf(pod)), '192.0.2.2', patience);
}, 400_000);

test('restricted Pod Security holds there, and in each pod the agent was up before named', async () => {
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'loose' } };
  const loose = { ...pod, spec: { containers: [{ name: 'loose', image: 'none' }] } };
  await expect(dns().apply(JSON.stringify(loose))).rejects.toThrow('violates PodSecurity');
  for (const each of await all()) {
    const [before = '', after = ''] = ['bind9-agent', 'named'].map(
      (name) => containerOf(each, name).state.running?.startedAt,
    );
    expect(before <= after).toBe(true);
  }
});

interface Replacement {
  readonly pod: PodState;
  /** What it said from its first answer until a second after it was ready. */
  readonly said: readonly string[];
  /** Milliseconds since the pod was made. */
  readonly firstAnswer: number;
  readonly ready: number;
}

async function replace(namespace: Namespace, selector: string): Promise<Replacement> {
  const [victim, ...others] = await namespace.pods(selector);
  if (victim === undefined) throw new Error(`no pod of ${selector}`);
  const known = new Set([victim, ...others].map(({ metadata }) => metadata.uid));
  await namespace.kubectl('delete', 'pod', victim.metadata.name, '--wait=false');
  const find = async (wanted: (pod: PodState) => boolean) =>
    (await namespace.pods(selector)).find((pod) => !known.has(pod.metadata.uid) && wanted(pod));
  const often = { ...patience, everyMs: 10 };
  await until(() => find(() => true), often);
  const made = performance.now();
  const young = await until(() => find(({ status }) => status.podIP !== undefined), often);
  const answers = hear(young === undefined ? '' : ipOf(young), zone, www);
  try {
    const pod = await until(() => find(isReady), patience);
    const ready = performance.now() - made;
    if (pod === undefined) throw new Error('not reached');
    await sleep(1000);
    await until(() => answers.firstAt, patience);
    return { pod, said: answers.said, firstAnswer: (answers.firstAt ?? 0) - made, ready };
  } finally {
    await answers.stop();
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const figures = (values: readonly number[]): string =>
  `${(median(values) / 1000).toFixed(2)} s (${values.map((ms) => (ms / 1000).toFixed(2)).join(', ')})`;

test('a secondary that is deleted has a healed successor on another address', async () => {
  await all();
  const runs: Replacement[] = [];
  const changes: number[] = [];
  for (const last of [11, 12, 13]) {
    const run = await replace(dns(), secondaries);
    runs.push(run);
    const began = performance.now();
    await change(`192.0.2.${last}`, [ipOf(run.pod)]);
    changes.push(performance.now() - began);
    // With the right content from the first answer on, and current in the eyes of all.
    expect(run.said).toHaveLength(1);
    await all();
  }
  const primary = ipOf(await one(dns(), primaries));
  const plain: number[] = [];
  for (const _ of runs) plain.push(await plainSecondary(dns(), primary, zone));
  say(
    `successor of a secondary, from being made to its first answer: ${figures(runs.map(({ firstAnswer }) => firstAnswer))}`,
  );
  say(`the same for a pod of named alone, by a static configuration: ${figures(plain)}`);
  say(
    `successor of a secondary, from being made to Ready: ${figures(runs.map(({ ready }) => ready))}`,
  );
  say(`a record changed after that, until the successor serves it: ${figures(changes)}`);
}, 300_000);

test('a primary with a volume that is deleted serves its records and serial from its first answer on', async () => {
  const primary = await one(dns(), primaries);
  const before = await content(ipOf(primary));
  const { said, firstAnswer, ready, pod } = await replace(dns(), primaries);
  expect(said).toEqual([before]);
  say(
    `successor of a primary with a volume: first answer ${figures([firstAnswer])}, Ready ${figures([ready])}`,
  );
  await change('192.0.2.21', (await all()).map(ipOf));
  expect(ipOf(pod)).not.toBe(ipOf(primary));
});

const other = (): Namespace => new Namespace(node(), 'my-dns');

test('a primary without a volume that is deleted takes records and serial back before it answers', async () => {
  await type(node(), [
    commandsUnder('Ten commands')[1] ?? '',
    'kubectl delete namespace my-dns --ignore-not-found',
    'kubectl create namespace my-dns',
    'tsig-keygen cluster | kubectl -n my-dns create secret generic bind9-keys --from-file=cluster.key=/dev/stdin',
    `kubectl kustomize ${withoutVolume(node().folder)} | bind9-agent inject --key-secret bind9-keys/cluster.key | kubectl apply -f -`,
  ]);
  const ip = ipOf(await one(other(), primaries));
  for (const last of [2, 3]) {
    const spec = JSON.stringify({ spec: { ipv4Addresses: [`192.0.2.${last}`] } });
    await other().kubectl('patch', 'arecord', 'www', '--type=merge', '-p', spec);
    await untilEqual(() => address(ip), `192.0.2.${last}`, patience);
  }
  const before = await content(ip);
  const { said, firstAnswer, ready } = await replace(other(), primaries);
  expect(said).toEqual([before]);
  say(
    `successor of a primary without a volume: first answer ${figures([firstAnswer])}, Ready ${figures([ready])}`,
  );
  await node().plane.kubectl(['delete', 'namespace', 'my-dns', '--wait=false']);
});

/** The overlay of another namespace, with one secondary, and without a volume for the primary. */
function withoutVolume(folder: string): string {
  const there = join(folder, 'without-volume');
  mkdirSync(there, { recursive: true });
  const remove = (path: string) => ({ op: 'remove', path });
  const volume = [
    remove('/spec/volumeClaimTemplates'),
    remove('/spec/template/spec/containers/0/volumeMounts'),
  ];
  const kustomization = {
    resources: [relative(realpathSync(there), join(root, 'config', 'overlays', 'namespaced'))],
    replicas: [{ name: 'secondary-dns', count: 1 }],
    patches: [{ target: { kind: 'StatefulSet' }, patch: JSON.stringify(volume) }],
  };
  writeFileSync(join(there, 'kustomization.yaml'), JSON.stringify(kustomization));
  return there;
}

const cgroupOf = (pod: PodState, container: string): ContainerCgroup =>
  new ContainerCgroup(node().cgroup, containerOf(pod, container));

test('an agent that is killed for its memory is back by itself, and named has noticed nothing', async () => {
  const pod = await one(dns(), primaries);
  const agent = cgroupOf(pod, 'bind9-agent');
  const [first] = agent.pids('/bind9-agent.js');
  const before = await content(ipOf(pod));
  const stop = startServiceLoad(dns(), 'dns', { name: www, data: [before.split(' ')[0] ?? ''] });
  await sleep(1500);
  const began = performance.now();
  const limit = readFileSync(agent.limitFile, 'utf8');
  writeFileSync(agent.limitFile, String(agent.anonymous + 4_000_000));
  const ask = async (path: string): Promise<number | undefined> =>
    (
      await fetch(`http://${ipOf(pod)}:8055${path}`, { signal: AbortSignal.timeout(1000) }).catch(
        () => undefined,
      )
    )?.status;
  await until(async () => {
    // What it is asked for takes memory.
    await Promise.all(Array.from({ length: 20 }, () => ask('/metrics')));
    return !agent.pids('/bind9-agent.js').includes(first ?? 0);
  }, patience);
  writeFileSync(agent.limitFile, limit.startsWith('max') ? 'max' : limit);
  await until(async () => (await ask('/readyz')) === 200, patience);
  const took = seconds(began);
  const report = await stop();
  const after = containerOf(await one(dns(), primaries), 'bind9-agent');
  say(
    `agent killed for its memory: ready again after ${took}, its container restarted ${after.restartCount} times, ${report.failed.length} of ${report.asked} queries failed`,
  );
  expect(containerOf(await one(dns(), primaries), 'named').restartCount).toBe(0);
  expect(report.failed).toEqual([]);
  await change('192.0.2.41', (await all()).map(ipOf));
});

test('named that crashes is back with records and serial, and its agent goes on', async () => {
  const pod = await one(dns(), primaries);
  const ip = ipOf(pod);
  await change('192.0.2.51', [ip]);
  const before = await content(ip);
  // A serial that named has just got, and its agent has not heard of yet, is not known to be its own.
  await until(async () => before.endsWith(` serial ${await allocatedSerial()}`), patience);
  const [named] = cgroupOf(pod, 'named').pids('/named');
  const began = performance.now();
  process.kill(named ?? 0, 'SIGKILL');
  const answers = hear(ip, zone, www);
  await until(
    async () => containerOf(await one(dns(), primaries), 'named').restartCount === 1,
    patience,
  );
  await until(() => answers.firstAt, patience);
  say(`named killed: answers again after ${seconds(began)}`);
  await answers.stop();
  expect(answers.said).toEqual([before]);
  const [after] = await all();
  expect(containerOf(after as PodState, 'bind9-agent').restartCount).toBe(0);
  await change('192.0.2.52', (await all()).map(ipOf));
});

test('a pod ends in order: named, then its agent, which takes the registration away', async () => {
  const [pod] = await dns().settled(secondaries, 2);
  const name = pod?.metadata.name ?? '';
  const hold = (finalizers: readonly string[]) =>
    dns().kubectl(
      'patch',
      'pod',
      name,
      '--type=merge',
      '-p',
      JSON.stringify({ metadata: { finalizers } }),
    );
  // So that it can be looked at afterwards.
  await hold(['test.example/looked-at']);
  const began = performance.now();
  await dns().kubectl('delete', 'pod', name, '--wait=false');
  try {
    const ended = await until(async () => {
      const now = (await dns().allPods(secondaries)).find(({ metadata }) => metadata.name === name);
      const both = ['named', 'bind9-agent'].map(
        (each) => now && containerOf(now, each).state.terminated,
      );
      return both.every((each) => each !== undefined) ? both : undefined;
    }, patience);
    say(`a pod's end: ${seconds(began)}`);
    const [named, agent] = ended ?? [];
    expect([named?.exitCode, agent?.exitCode]).toEqual([0, 0]);
    expect((named?.finishedAt ?? '') <= (agent?.finishedAt ?? '')).toBe(true);
    expect(await dns().kubectl('get', 'leases', '-o', 'name')).not.toContain(name);
  } finally {
    await hold([]);
  }
  await all();
});

/** Puts the agent of an image into the pods, and waits until all are replaced, as an upgrade does it. */
const roll = (image: string): Promise<string> =>
  type(node(), [
    commandsUnder('Ten commands')[1] ?? '',
    `kubectl kustomize config/examples | bind9-agent inject --key-secret bind9-keys/cluster.key --image ${image} | kubectl apply -f -`,
    'kubectl -n dns-system rollout status statefulset/primary-dns --timeout=180s',
    'kubectl -n dns-system rollout status deployment/secondary-dns --timeout=180s',
  ]);

let upgrades = 0;

test('an upgrade of the agent replaces every pod, primary and secondaries, without a lost query', async () => {
  const pods = await all();
  const before = await content(ipOf(await one(dns(), primaries)));
  // Another one, should it be tried twice.
  upgrades += 1;
  const next = `bind9-agent:next-${upgrades}`;
  await node().tagImage(agentImage, next);
  const stop = startServiceLoad(dns(), 'dns', {
    name: www,
    data: [before.split(' ')[0] ?? '', '192.0.2.1'],
  });
  await sleep(2000);
  await roll(next);
  const after = await all();
  await sleep(1000);
  const report = await stop();
  say(
    `rolling upgrade of 3 pods: ${report.asked} queries, ${report.failed.length} failed; addresses ${report.addresses.join(' | ')}`,
  );
  expect(report.failed).toEqual([]);
  const used = '-o=jsonpath={.items[*].spec.initContainers[0].image}';
  expect(new Set((await dns().kubectl('get', 'pods', used)).split(' '))).toEqual(new Set([next]));
  const old = new Set(pods.map(({ metadata }) => metadata.uid));
  expect(after.filter(({ metadata }) => old.has(metadata.uid))).toEqual([]);
}, 400_000);

test('what agents and named take of memory and processor is in sight', async () => {
  const pods = await all();
  const before = performance.now();
  const cpuBefore = pods.map((pod) => cgroupOf(pod, 'bind9-agent').cpu);
  await sleep(5000);
  for (const [index, pod] of pods.entries()) {
    const [agent, named] = ['bind9-agent', 'named'].map((each) => cgroupOf(pod, each));
    if (agent === undefined || named === undefined) throw new Error('not reached');
    const idle = ((agent.cpu - (cpuBefore[index] ?? 0)) / (performance.now() - before)) * 1e6;
    const mb = (bytes: number): string => `${Math.round(bytes / 1e6)} MB`;
    say(
      `${pod.metadata.labels['role']}: agent ${mb(agent.anonymous)} (with page cache ${mb(agent.memory)}), ${idle.toFixed(0)}m of a processor at rest; named ${mb(named.anonymous)}`,
    );
    expect(agent.anonymous).toBeLessThan(160e6);
  }
});

const crashLoopSeconds = Number(process.env['NODE_CRASH_LOOP_SECONDS'] ?? 20);

test(
  `agents that crash all the time, in every pod, for ${crashLoopSeconds} s: addresses stay, no query is lost`,
  async () => {
    const pods = await all();
    const agents = pods.map(
      (pod) => new ContainerCgroup(node().cgroup, containerOf(pod, 'bind9-agent')),
    );
    const data = (await content(ipOf(pods[0] as PodState))).split(' ')[0] ?? '';
    const stop = startServiceLoad(dns(), 'dns', { name: www, data: [data] });
    await sleep(2000);
    let killed = 0;
    for (
      const end = performance.now() + crashLoopSeconds * 1000;
      performance.now() < end;
      await sleep(50)
    ) {
      for (const pid of agents.flatMap((agent) => agent.pids('/bind9-agent.js'))) {
        process.kill(pid, 'SIGKILL');
        killed += 1;
      }
    }
    const report = await stop();
    say(
      `agents killed ${killed} times in ${crashLoopSeconds} s: ${report.asked} queries, ${report.failed.length} failed`,
    );
    expect(killed).toBeGreaterThanOrEqual(pods.length * 3);
    expect(report.failed).toEqual([]);
    expect(report.addresses.filter((each) => each !== '')).toEqual([
      pods.map(ipOf).sort().join(' '),
    ]);
    for (const pod of await all()) expect(containerOf(pod, 'bind9-agent').restartCount).toBe(0);
    await change('192.0.2.31', pods.map(ipOf));
  },
  (crashLoopSeconds + 240) * 1000,
);
