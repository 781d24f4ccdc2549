import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { axfr } from '../process/dig.ts';
import { withEye } from '../rig/dns.ts';
import { until, untilEqual } from '../rig/until.ts';
import { hear } from './answers.ts';
import { BindyOperator, bindyObject, cluster, instanceOf, type Role } from './bindy-operator.ts';
import { containerOf, Namespace, type PodState } from './cluster.ts';
import { commandsUnder, type } from './install-page.ts';
import { placeOf, startServiceLoad } from './service-load.ts';
import { useNode } from './suite.ts';

const node = useNode();
const patience = { withinMs: 120_000, everyMs: 100 };
const port = 5353;
const zone = 'example.com';
const www = `www.${zone}`;
/** As its object has it; Bindy's own updates have raised it since. */
const serial = 2026010101;

const dns = (): Namespace => new Namespace(node(), 'dns-system');
const bindy = (): BindyOperator => new BindyOperator(dns());
const ipOf = ({ status }: PodState): string => status.podIP ?? '';
const hasAgent = ({ status }: PodState): boolean =>
  status.initContainerStatuses?.some(({ name }) => name === 'bind9-agent') === true;

async function podOf(role: Role): Promise<PodState> {
  const [pod] = await dns().settled(`instance=${instanceOf(role)}`, 1);
  if (pod === undefined) throw new Error(`no pod of role ${role}`);
  return pod;
}

const data = (pod: PodState, name = www): Promise<string[] | undefined> =>
  withEye(placeOf(ipOf(pod), port), (eye) => eye.data(name, 'A'));
const serialAt = (pod: PodState, name = zone): Promise<number | undefined> =>
  withEye(placeOf(ipOf(pod), port), (eye) => eye.serial(name));
const serves = (pod: PodState, address: string, name = www): Promise<void> =>
  untilEqual(() => data(pod, name), [address], patience);

const page = (heading: string): string[] => commandsUnder(heading, 'migrate-from-bindy.md');
/** Types commands of the page, as printed. */
const follow = (commands: readonly string[]): Promise<string> =>
  type(node(), [commandsUnder('Ten commands')[1] ?? '', ...commands]);

/** `False FieldsNotDeclared: …` */
async function condition(kind: string, name = 'example-com'): Promise<string> {
  const path = `{range .status.conditions[?(@.type=="${kind}")]}{.status} {.reason}: {.message}{end}`;
  return dns().kubectl('get', 'dnszone', name, '-o', `jsonpath=${path}`);
}

const zoneObject = (name: string, zoneName: string) =>
  bindyObject('DNSZone', name, {
    zoneName,
    soaRecord: {
      ...{ primaryNs: `ns1.${zoneName}.`, adminEmail: `admin.${zoneName}.`, serial },
      ...{ refresh: 3600, retry: 600, expire: 604_800, negativeTtl: 300 },
    },
    nameServers: [{ hostname: `ns1.${zoneName}.`, ipv4Address: '192.0.2.53' }],
    bind9InstancesFrom: [{ selector: { matchLabels: { 'bindy.firestoned.io/cluster': cluster } } }],
    recordsFrom: [{ selector: { matchLabels: { zone: name } } }],
  });

const record = (zoneName: string, address: string) =>
  bindyObject(
    'ARecord',
    `www-${zoneName}`,
    { name: 'www', ipv4Addresses: [address], ttl: 300 },
    { zone: zoneName },
  );

const put = (...items: readonly object[]): Promise<string> =>
  dns().apply(JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));

/** What both pods are now; none of them was made anew when it is the same later. */
const uids = async (): Promise<string[]> =>
  (await dns().allPods('app=bind9')).map(({ metadata }) => metadata.uid);

test('in pods as Bindy makes them, named has the zones that its operator adds', async () => {
  await bindy().install();
  const [primary, secondary] = [await podOf('primary'), await podOf('secondary')];
  await put(zoneObject('example-com', zone), record('example-com', '192.0.2.1'));
  for (const pod of [primary, secondary]) await bindy().forget(pod, zone);
  await bindy().addPrimary(primary, zone, { serial, www: '192.0.2.1', to: [ipOf(secondary)] });
  await bindy().addSecondary(secondary, zone, ipOf(primary));
  const ready = { type: 'Ready', status: 'True', reason: 'ReconcileSucceeded', message: 'done' };
  await bindy().tell('example-com', [ready, { ...ready, type: 'Progressing', status: 'False' }]);
  for (const pod of [primary, secondary]) await serves(pod, '192.0.2.1');
  expect(await serialAt(primary)).toBeGreaterThan(serial);
}, 300_000);

test('rights, key and webhook take nothing from the operator, and no pod is made anew', async () => {
  const before = await uids();
  await type(node(), [commandsUnder('Ten commands')[0] ?? '']);
  await dns().kubectl('delete', 'secret', 'bind9-keys', '--ignore-not-found');
  await follow(page('1. Rights, a key and the webhook'));
  await bindy().reconcile();
  expect(await uids()).toEqual(before);
}, 300_000);

async function replaced(role: Role, heading: string): Promise<string> {
  const old = await podOf(role);
  const stop = startServiceLoad(dns(), instanceOf(role), { name: www, data: ['192.0.2.1'], port });
  const printed = await follow(page(heading));
  const { asked, failed } = await stop();
  console.log(`measured: ${role} given an agent, ${asked} queries, ${failed.length} failed`);
  expect(failed).toEqual([]);
  const pod = await podOf(role);
  expect(pod.metadata.name === old.metadata.name).toBe(hasAgent(old));
  expect(hasAgent(pod)).toBe(true);
  return printed;
}

test('a primary made anew serves the zone by its agent, on the configuration that Bindy wrote', async () => {
  const printed = await replaced('primary', '2. The primaries');
  expect(printed).toMatch(/^production-primary-0-\S+ +\S+ +primary +production +\S+ +5353 +live/m);
  expect(printed).toMatch(/^Conflict: +False/m);
  const pod = await podOf('primary');
  expect(containerOf(pod, 'bind9').restartCount).toBe(0);
  expect(await bindy().rndc(pod, 'status')).toContain('server is up and running');
  const secret = await dns().kubectl('get', 'secret', 'bind9-keys', '-o', 'json');
  const { data: files } = JSON.parse(secret) as { data: Record<string, string> };
  const key = join(node().folder, 'cluster.key');
  writeFileSync(key, Buffer.from(files['cluster.key'] ?? '', 'base64'), { mode: 0o600 });
  const place = placeOf(ipOf(pod), port);
  expect(await axfr(place, zone, { key })).toContain(`${www}. 300 IN A 192.0.2.1`);
  expect(await axfr(place, zone)).toBeUndefined();
  // A floor that Bindy's own updates have left behind: its pods are not asked.
  expect(await serialAt(pod)).toBe(serial);
}, 300_000);

test('what cannot be written is told, and what the operator wrote stays', async () => {
  await until(
    async () => /^False FieldsNotDeclared: .*transfers/.test(await condition('StatusComplete')),
    patience,
  );
  expect(await condition('Progressing')).toBe('False ReconcileSucceeded: done');
  const pod = (await podOf('primary')).metadata.name;
  const ofPod = `--field-selector=involvedObject.name=${pod}`;
  const shown = '-o=jsonpath={range .items[?(@.reason=="ObjectWrong")]}{.message}{"\\n"}{end}';
  const told = async () => {
    const text = await dns().kubectl('get', 'events', ofPod, shown);
    return text.split('\n').filter((line) => line.includes(' dnszones.')).length;
  };
  await untilEqual(told, 1, patience);
});

test('a secondary made anew has the zone by a signed transfer, and loses no query on the way', async () => {
  await replaced('secondary', '3. The secondaries');
  const pod = await podOf('secondary');
  expect(await serialAt(pod)).toBe(await serialAt(await podOf('primary')));
  const log = () => dns().kubectl('logs', pod.metadata.name, '-c', 'bind9');
  const signed = /transfer of 'example\.com\/IN'.* TSIG cluster/;
  await until(async () => signed.test(await log()), patience);
  const current = /^True AllCurrent: 1 of 1 secondaries/;
  await until(async () => current.test(await condition('TransfersHealthy')), patience);
}, 300_000);

test('neither the operator nor the agent touches what the other has added', async () => {
  const pod = await podOf('primary');
  const heard = hear(ipOf(pod), zone, www, port);
  const again = { serial, www: '192.0.2.66', to: [] };
  await expect(bindy().addPrimary(pod, zone, again)).rejects.toThrow('already exists');
  const update = bindy().update(pod, zone, `update add ${www}. 300 A 192.0.2.66`);
  await expect(update).rejects.toThrow('REFUSED');
  const first = { zone: 'first.example', www: 'www.first.example', object: 'first-example' };
  const secondary = await podOf('secondary');
  const to = [ipOf(secondary)];
  await dns().kubectl('delete', 'dnszone', first.object, '--ignore-not-found');
  await bindy().forget(pod, first.zone);
  await untilEqual(() => serialAt(pod, first.zone), undefined, patience);
  await bindy().addPrimary(pod, first.zone, { serial, www: '192.0.2.7', to });
  const heardFirst = hear(ipOf(pod), first.zone, first.www, port);
  await put(zoneObject(first.object, first.zone), record(first.object, '192.0.2.8'));
  const taken = /^True NameTaken: .* which this agent does not touch$/;
  await until(async () => taken.test(await condition('Conflict', first.object)), patience);
  await serves(secondary, '192.0.2.7', first.www);
  const ready = { type: 'Ready', status: 'True', reason: 'ReconcileSucceeded', message: 'again' };
  await bindy().tell('example-com', [ready]);
  const version = () =>
    dns().kubectl('get', 'dnszone', 'example-com', '-o', 'jsonpath={.metadata.resourceVersion}');
  const told = await version();
  // Longer than an agent goes without looking at named's zones.
  await sleep(12_000);
  await Promise.all([heard.stop(), heardFirst.stop()]);
  expect(await version()).toBe(told);
  expect(heard.said).toHaveLength(1);
  expect(heardFirst.said).toEqual([`192.0.2.7 serial ${serial + 1}`]);
  await bindy().rndc(pod, 'delzone', first.zone);
  for (const each of [pod, secondary]) await serves(each, '192.0.2.8', first.www);
  await until(
    async () => (await condition('Conflict', first.object)).startsWith('False'),
    patience,
  );
}, 300_000);

test('a changed record reaches it, and its successor on another address', async () => {
  const [primary, secondary] = [await podOf('primary'), await podOf('secondary')];
  await bindy().readdress(primary, zone, [ipOf(secondary)]);
  await put(record('example-com', '192.0.2.2'));
  for (const pod of [primary, secondary]) await serves(pod, '192.0.2.2');
  await dns().kubectl('delete', 'pod', secondary.metadata.name, '--wait=false');
  const next = () => podOf('secondary');
  await until(async () => (await next()).metadata.name !== secondary.metadata.name, patience);
  await serves(await next(), '192.0.2.2');
  await put(record('example-com', '192.0.2.3'));
  for (const pod of [primary, await next()]) await serves(pod, '192.0.2.3');
  const before = await uids();
  await bindy().reconcile();
  expect(await uids()).toEqual(before);
}, 300_000);

test('back again: without the label, pods are as Bindy makes them, and registrations are gone', async () => {
  const commands = page('Back again');
  await follow(commands.slice(0, 2));
  const primary = await podOf('primary');
  expect(hasAgent(primary)).toBe(false);
  for (const pod of [primary, await podOf('secondary')])
    if (!hasAgent(pod)) await bindy().forget(pod, zone);
  await bindy().addPrimary(primary, zone, { serial: serial + 100, www: '192.0.2.3', to: [] });
  await serves(await podOf('secondary'), '192.0.2.3');
  await follow(commands.slice(2, 4));
  const secondary = await podOf('secondary');
  expect(hasAgent(secondary)).toBe(false);
  await bindy().readdress(primary, zone, [ipOf(secondary)]);
  await bindy().addSecondary(secondary, zone, ipOf(primary));
  for (const pod of [primary, secondary]) await serves(pod, '192.0.2.3');
  const leases = () =>
    dns().kubectl('get', 'leases', '-l', 'app.kubernetes.io/managed-by=bind9-agent', '-o', 'name');
  await untilEqual(leases, '', patience);
  await follow(commands.slice(4));
  await dns().kubectl('get', 'serviceaccount', 'bind9');
  await bindy().reconcile();
}, 300_000);
