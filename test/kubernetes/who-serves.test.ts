import { expect, test } from 'vitest';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { axfr, dig } from '../process/dig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';
import { completeZone, primaryInstance } from './seed-page.ts';
import { openStory, type Story } from './story.ts';

const plane = useControlPlane({ controllerManager: true }, installCrds);
const patience = { withinMs: 30_000 };

const object = (kind: string, name: string, spec: object, metadata: object = {}): string =>
  JSON.stringify({
    apiVersion: 'bindy.firestoned.io/v1beta1',
    kind,
    metadata: { name, ...metadata },
    spec,
  });

const nameServers = [{ hostname: 'ns1.example.com.', ipv4Address: '192.0.2.53' }];
const zone = { zoneName: 'example.com', nameServers };

/** `False Conflict`. */
const condition = (story: Story, zone: string, type: string): Promise<string> => {
  const path = `.status.conditions[?(@.type=="${type}")]`;
  return story.kubectl('get', 'dnszone', zone, '-o', `jsonpath={${path}.status} {${path}.reason}`);
};

test('two zones of one name: the older is served, the younger says who has the name', async () => {
  const story = await openStory(plane());
  await story.apply(primaryInstance, completeZone);
  await story.pod('primary-dns-0', 'primary-dns');
  await story.rig.start();
  await untilEqual(() => condition(story, 'example-com', 'Ready'), 'True Serving', patience);
  const serial = await story.rig.serial('primary-dns-0', 'example.com');
  await story.apply(object('DNSZone', 'mine', { ...zone, clusterRef: 'production', ttl: 5 }));
  await untilEqual(() => condition(story, 'mine', 'Ready'), 'False Conflict', patience);
  const told = await story.jsonpath('mine', '.status.conditions[?(@.type=="Conflict")].message');
  expect(told).toContain(`${story.namespace}/example-com`);
  expect(told).toContain('primary-dns');
  const wide = await story.kubectl('get', 'dnszone', 'mine', '-o', 'wide', '--no-headers');
  expect(wide).toMatch(/ False .* Conflict\n$/);
  expect(await condition(story, 'example-com', 'Ready')).toBe('True Serving');
  expect(await story.rig.serial('primary-dns-0', 'example.com')).toBe(serial);

  await story.kubectl('delete', 'dnszone', 'example-com');
  await untilEqual(() => condition(story, 'mine', 'Ready'), 'True Serving', patience);
});

test('a pod without a role serves nothing and says so, until its instance has one', async () => {
  const story = await openStory(plane());
  const labels = { labels: { cluster: 'production' } };
  await story.apply(
    primaryInstance,
    completeZone,
    object('Bind9Instance', 'new-dns', { replicas: 1 }, labels),
  );
  await story.pod('primary-dns-0', 'primary-dns');
  await story.pod('new-dns-0', 'new-dns');
  const pod = story.rig.pod('new-dns-0');
  // named does not start before there is a role.
  const started = story.rig.start();
  await until(async () => (await pod.get('/readyz'))?.body.includes('has no role'), patience);
  expect(await pod.status('/readyz')).toBe(503);
  await untilEqual(() => condition(story, 'example-com', 'Ready'), 'True Serving', patience);
  expect(await story.jsonpath('example-com', '.status.secondaryIps')).toBe('[]');
  expect(await story.rig.serial('new-dns-0', 'example.com')).toBeUndefined();

  await story.kubectl('label', 'bind9instance', 'new-dns', 'role=secondary');
  await started;
  await pod.ready();
  await story.rig.served(new Map([['example.com', undefined]]), ['new-dns-0']);
  const ips = JSON.stringify([pod.place.address]);
  await untilEqual(() => story.jsonpath('example-com', '.status.secondaryIps'), ips, patience);
});

test('a Bind9Cluster as clusterRef, with options for the instances that set none themselves', async () => {
  const story = await openStory(plane());
  const cluster = (allowTransfer: readonly string[]): string =>
    object('Bind9Cluster', 'shared', { global: { allowTransfer } });
  const instance = (name: string, role: string, config?: object): string =>
    object('Bind9Instance', name, { clusterRef: 'shared', role, config });
  await story.apply(
    cluster(['127.0.0.0/8']),
    instance('one', 'primary'),
    instance('two', 'secondary', { allowTransfer: [] }),
    object('DNSZone', 'example-com', { ...zone, clusterRef: 'shared' }),
  );
  await story.pod('one-0', 'one');
  await story.pod('two-0', 'two');
  await story.rig.start();
  const { place: one } = story.rig.pod('one-0');
  const { place: two } = story.rig.pod('two-0');
  await story.rig.served(new Map([['example.com', undefined]]));
  await until(async () => (await axfr(one, 'example.com')) !== undefined, patience);
  expect(await axfr(two, 'example.com')).toBeUndefined();
  await story.apply(cluster([]));
  await until(async () => (await axfr(one, 'example.com')) === undefined, patience);
});

test('a zone of another namespace is served where the instance allows it, and nowhere else', async () => {
  const story = await openStory(plane());
  const team = await plane().namespace('team');
  const watched = [story.namespace, team];
  const rights = { ...defaultInstallation, namespace: story.namespace, watched };
  await plane().kubectl(['apply', '-f', '-'], manifestText(installOf(['rbac'], rights)));
  await story.apply(primaryInstance, completeZone);
  await story.rig.add({
    name: 'primary-dns-0',
    instance: 'primary-dns',
    settings: { 'kubernetes.namespaces': watched.join(',') },
  });
  await plane().kubectl(
    ['-n', team, 'apply', '-f', '-'],
    object('DNSZone', 'team-zone', { zoneName: 'team.example', clusterRef: 'production' }),
  );
  await story.rig.start();
  await story.rig.ready();
  const { place } = story.rig.pod('primary-dns-0');
  expect((await dig(place, 'team.example', 'SOA')).status).toBe('REFUSED');

  const allow = (text: string): Promise<string> =>
    story.kubectl(
      ...['annotate', '--overwrite', 'bind9instance', 'primary-dns'],
      `bindy.firestoned.io/allow-zone-namespaces=${text}`,
    );
  await allow(`other, ${team}`);
  await story.rig.served(new Map([['team.example', undefined]]));
  const told = ['-n', team, 'get', 'dnszone', 'team-zone', '-o', 'jsonpath={.status.reportedBy}'];
  await untilEqual(() => plane().kubectl(told), 'primary-dns-0', patience);
  await plane().kubectl(['-n', team, 'delete', 'dnszone', 'team-zone']);
  const answer = async () => (await dig(place, 'team.example', 'SOA')).status;
  await untilEqual(answer, 'REFUSED', patience);
});

test('two pods that change places: the one that was a secondary reads the records first, and serves them as they are', async () => {
  const story = await openStory(plane());
  const instance = (name: string, role: string): string =>
    object('Bind9Instance', name, { clusterRef: 'production', role });
  const record = (address: string): string =>
    object('ARecord', 'www', {
      zoneRef: 'example-com',
      name: 'www',
      ipv4Addresses: [address],
      ttl: 60,
    });
  await story.apply(
    instance('one', 'primary'),
    instance('two', 'secondary'),
    object('DNSZone', 'example-com', { ...zone, clusterRef: 'production' }),
    record('192.0.2.1'),
  );
  await story.pod('one-0', 'one');
  await story.pod('two-0', 'two');
  await story.rig.start();
  await story.rig.served(new Map([['example.com', undefined]]));
  // From its second run on it knows from the first that it is a secondary.
  const two = story.rig.pod('two-0');
  await two.killAgent();
  two.startAgent();
  await two.ready();
  const readsRecords = async () => (await two.get('/metrics'))?.body.includes('source="ARecord"');
  await untilEqual(readsRecords, false, patience);
  const serial = (await story.rig.serial('two-0', 'example.com')) ?? 0;

  await story.apply(instance('two', 'primary'));
  await untilEqual(readsRecords, true, patience);
  await story.apply(instance('one', 'secondary'));
  await story.apply(record('192.0.2.2'));
  const data = (pod: string) => () => story.rig.data(pod, 'www.example.com');
  for (const pod of ['one-0', 'two-0']) await untilEqual(data(pod), ['192.0.2.2'], patience);
  await untilEqual(() => story.rig.serial('one-0', 'example.com'), serial + 1, patience);
});
