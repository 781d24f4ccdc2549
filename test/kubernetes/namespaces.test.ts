import { afterAll, afterEach, expect, test } from 'vitest';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import type { KubernetesCluster } from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { zone as zoneObject } from '../cluster/manifest-texts.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { logOf } from '../process/said.ts';
import { hostManifest, instanceManifest, zoneManifest } from '../rig/manifests.ts';
import type { Pod } from '../rig/pod.ts';
import { makeRig, type Rig } from '../rig/rig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { clusterAt } from './clusters.ts';
import { installCrds } from './install.ts';
import { put } from './objects.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';

/** Agents that read every namespace. */
let rig: Rig;
let cluster: KubernetesCluster | undefined;

const plane = useControlPlane({ controllerManager: true }, async (opened) => {
  await installCrds(opened);
  rig = await makeRig({
    plane: opened,
    agent: 'bundle',
    secondaries: 1,
    settings: { 'kubernetes.namespaces': '*' },
  });
  await grant();
  await rig.zone(zone, { www: '192.0.2.1' });
  await rig.start();
  await rig.ready();
  await answer(`www.${zone}`, ['192.0.2.1']);
});
afterAll(() => rig?.close());
afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(rig?.tails(30));
  await cluster?.stop();
  cluster = undefined;
});

/** The rights to read every namespace, and to write in that of the pods. */
const grant = (): Promise<string> => {
  const installation = { ...defaultInstallation, namespace: rig.home.namespace, watched: ['*'] };
  const rights = installOf(['rbac', 'policy'], installation);
  return plane().kubectl(['apply', '-f', '-'], manifestText(rights));
};

const pods = (): Pod[] => [...rig.pods.values()];

/** What every pod answers. */
async function answer(name: string, data: readonly string[] | undefined): Promise<void> {
  for (const pod of rig.pods.keys()) await untilEqual(() => rig.data(pod, name), data, patience);
}

/** Ends when nothing of it is left. */
async function deleteNamespace(name: string): Promise<void> {
  await plane().kubectl(['delete', 'namespace', name, '--wait=false']);
  const path = `/api/v1/namespaces/${name}`;
  await until(async () => (await plane().request('GET', path)).code === 404, {
    what: `the end of ${name}`,
    withinMs: 60_000,
  });
}

const applyIn = (namespace: string, ...texts: readonly string[]): Promise<string> =>
  plane().kubectl(['-n', namespace, 'apply', '-f', '-'], texts.join('---\n'));

test('those that are listed are read, and no others; an empty name stands for all', async () => {
  const [one, two, three] = [
    await plane().namespace('one'),
    await plane().namespace('two'),
    await plane().namespace('three'),
  ];
  for (const namespace of [one, two, three]) await put(plane(), namespace, zoneObject('example'));
  const key = (namespace: string) => objectKey(namespace, 'example');
  const open = async (namespaces: readonly string[]): Promise<KubernetesCluster> => {
    await cluster?.stop();
    const opened = clusterAt(plane(), { namespace: one, namespaces });
    cluster = opened;
    await opened.start(() => undefined);
    await until(() => opened.view().synced, patience);
    return opened;
  };
  const listed = await open([one, two]);
  expect([...listed.view().zones.keys()].sort()).toEqual([key(one), key(two)].sort());
  expect([...listed.ages().keys()]).toContain(`DNSZone/${two}`);
  await put(plane(), two, zoneObject('another'));
  await until(() => listed.view().zones.has(objectKey(two, 'another')), patience);

  const all = await open(['']);
  const seen = [...all.view().zones.keys()];
  expect(seen).toEqual(expect.arrayContaining([key(one), key(two), key(three)]));
  await deleteNamespace(three);
  await until(() => !all.view().zones.has(key(three)), patience);
  expect(all.view().zones.has(key(two))).toBe(true);
  expect(all.view().stale).toBeUndefined();
}, 120_000);

test('one with zones is deleted: they go, all others stay; made again, they are served again', async () => {
  const team = await plane().namespace('team');
  const own = ['-n', rig.home.namespace];
  const allow = `bindy.firestoned.io/allow-zone-namespaces=${team}`;
  await plane().kubectl([...own, 'annotate', 'bind9instances', '--all', allow]);
  const texts = [
    zoneManifest({ zone: 'team.example', cluster: rig.cluster }),
    hostManifest('team.example', 'www', '192.0.2.7'),
  ];
  await applyIn(team, ...texts);
  await answer('www.team.example', ['192.0.2.7']);

  await deleteNamespace(team);
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.serial(pod, 'team.example'), undefined, patience);
  await answer(`www.${zone}`, ['192.0.2.1']);
  for (const pod of pods()) expect(await pod.status('/readyz')).toBe(200);

  await plane().request('POST', '/api/v1/namespaces', { metadata: { name: team } });
  await applyIn(team, ...texts);
  await answer('www.team.example', ['192.0.2.7']);
  await plane().kubectl(['-n', team, 'delete', 'dnszones', '--all']);
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.serial(pod, 'team.example'), undefined, patience);
}, 180_000);

test('that of the pods is deleted: they serve its zones until they are ended, say why, and are whole when it is made again', async () => {
  const { namespace } = rig.home;
  const before = await rig.agreed(zone);
  const marks = pods().map((pod) => logOf(pod).length);
  await deleteNamespace(namespace);
  // Which of it an agent still gets to see before its token is refused, nobody can tell.
  const told =
    /held until it is approved|what is missing does not count as deleted for now|registration .* is wrong/;
  for (const [index, pod] of pods().entries())
    await until(() => told.test(logOf(pod).slice(marks[index])), patience);
  const end = performance.now() + 5000;
  await until(async () => {
    for (const pod of pods()) {
      // Its records may be gone: whether each was deleted by itself cannot be told.
      expect(await rig.serial(pod.name, zone)).toBeGreaterThan(0);
      expect(await pod.status('/readyz')).toBe(200);
    }
    return performance.now() > end;
  });

  await Promise.all(pods().map((pod) => pod.stop()));
  await plane().request('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  await grant();
  for (const role of ['primary', 'secondary'] as const)
    await rig.manifest(
      role,
      instanceManifest({ name: role, cluster: rig.cluster, role, replicas: 1 }),
    );
  await rig.zone(zone, { www: '192.0.2.2' });
  for (const pod of pods()) await pod.move();
  await rig.start();
  await rig.ready();
  await answer(`www.${zone}`, ['192.0.2.2']);
  expect(await rig.agreed(zone)).toBeGreaterThan(before);
  const ips = [rig.pod('secondary-0').place.address];
  const secondaries = async (): Promise<unknown> =>
    ((await rig.home.status('example-com')) as { readonly secondaryIps?: unknown } | undefined)
      ?.secondaryIps;
  await untilEqual(secondaries, ips, patience);
}, 180_000);
