import { randomUUID } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { run } from '../../agent/process.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';
import { clusterInstance, completeZone, primaryInstance } from './seed-page.ts';
import { openStory, type Story } from './story.ts';

const plane = useControlPlane({ controllerManager: true }, installCrds);
const patience = { withinMs: 30_000 };

/** Runs a command of the agent as on a laptop: nothing is known of any pod. */
async function onLaptop(story: Story, kubeconfig: string, ...words: readonly string[]) {
  const { file, args } = story.rig.pod('primary-dns-0').spec.agent;
  const flags = [
    '--cluster=kubernetes',
    `--kubernetes-kubeconfig=${kubeconfig}`,
    `--pod-namespace=${story.namespace}`,
  ];
  const ran = await run(file, [...args, ...words, ...flags], { timeoutMs: 30_000 });
  return { code: ran.ok ? 0 : ran.exitCode, stdout: ran.stdout, stderr: ran.stderr };
}

interface Kubeconfig {
  readonly users: readonly { readonly user: Record<string, unknown> }[];
  readonly clusters: readonly { readonly cluster: Record<string, unknown> }[];
}

/** The administrator's kubeconfig with something else in it. */
async function changed(change: (config: Kubeconfig) => void): Promise<string> {
  const config: Kubeconfig = parse(await readFile(plane().adminKubeconfig, 'utf8'));
  change(config);
  const file = join(plane().folder, `${randomUUID()}.kubeconfig`);
  await writeFile(file, stringify(config));
  return file;
}

test('get and explain tell from a laptop what the pods report, and leave no trace', async () => {
  const story = await openStory(plane());
  await story.apply(primaryInstance, clusterInstance, completeZone);
  await story.pod('primary-dns-0', 'primary-dns');
  await story.pod('secondary-dns-0', 'secondary-dns');
  await story.rig.start();
  const healthy = '.status.conditions[?(@.type=="TransfersHealthy")].reason';
  await untilEqual(() => story.jsonpath('example-com', healthy), 'AllCurrent', patience);
  const [primary, secondary] = [...story.rig.pods.values()].map(({ place }) => place.address);
  const admin = plane().adminKubeconfig;

  const zones = await onLaptop(story, admin, 'get', 'zones');
  expect(zones.stderr).toBe('');
  expect(zones.stdout.split('\n')[1]).toMatch(
    new RegExp(`^${story.namespace} +example-com +example\\.com +primary +\\d+ +1 +True +\\d+s$`),
  );
  // There may be a write in between.
  await until(async () => {
    const told = JSON.parse((await onLaptop(story, admin, 'get', 'zones', '-o', 'json')).stdout);
    const stored = JSON.parse(await story.kubectl('get', 'dnszones', '-o', 'json'));
    expect(told.items.map((each: { status: unknown }) => each.status)).toEqual(
      stored.items.map((each: { status: unknown }) => each.status),
    );
    return true;
  }, patience);

  const peers = await onLaptop(story, admin, 'get', 'peers');
  expect(peers.stdout).toMatch(new RegExp(`primary-dns-0 .* primary .* ${primary} .* live`));
  expect(peers.stdout).toMatch(new RegExp(`secondary-dns-0 .* secondary .* ${secondary} .* live`));

  const explained = await onLaptop(story, admin, 'explain', 'example.com');
  expect(explained.code).toBe(0);
  expect(explained.stdout).toContain(`Secondaries:`);
  expect(explained.stdout).toContain(`secondary-dns-0 (${secondary})`);
  expect(explained.stdout).toMatch(/secondary-dns-0 +secondary .* Current/);
  const none = await onLaptop(story, admin, 'explain', 'example.org');
  expect(none).toMatchObject({ code: 1, stderr: expect.stringContaining('no DNSZone') });

  const leases = await story.kubectl('get', 'leases', '-o', 'name');
  expect(leases.trim().split('\n')).toEqual([
    'lease.coordination.k8s.io/bind9-agent.primary-dns-0',
    'lease.coordination.k8s.io/bind9-agent.secondary-dns-0',
  ]);

  // Who told it is gone: it may not be so any more.
  for (const pod of story.rig.pods.values()) await pod.stop();
  const { stdout } = await onLaptop(story, admin, 'get', 'zones');
  expect(stdout).toMatch(/ True \(stale\) /);
});

test('who may not read what is needed is told what that is', async () => {
  const story = await openStory(plane());
  await story.pod('primary-dns-0', 'primary-dns');
  await story.kubectl('create', 'serviceaccount', 'guest');
  const account = { namespace: story.namespace, serviceAccount: 'guest' };
  const guest = plane().kubeconfig(await plane().tokenFor(account), story.namespace);
  const zones = await onLaptop(story, guest, 'get', 'zones');
  expect(zones.code).toBe(1);
  expect(zones.stderr).toMatch(/^bind9-agent: .*forbidden/);
  expect(zones.stderr).toContain(`system:serviceaccount:${story.namespace}:guest`);
  const name = `system:serviceaccount:${story.namespace}:guest`;
  const asGuest = await changed(({ users }) => {
    for (const { user } of users) user['as'] = name;
  });
  const impersonated = await onLaptop(story, asGuest, 'get', 'zones');
  expect(impersonated.stderr).toContain(`User "${name}" cannot`);
  const proxied = await changed(({ clusters }) => {
    for (const { cluster } of clusters) cluster['proxy-url'] = 'http://127.0.0.1:9';
  });
  const unproxied = await onLaptop(story, proxied, 'get', 'zones');
  expect(unproxied.code).toBe(1);
  expect(unproxied.stderr).toMatch(
    /want no proxy-url of cluster "\S+", got "http:\/\/127.0.0.1:9"/,
  );
  const wrong = await onLaptop(story, '/nonexistent', 'get', 'zones');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('/nonexistent');
});
