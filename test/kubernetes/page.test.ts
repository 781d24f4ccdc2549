import { readdirSync, readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { useControlPlane } from '../control-plane/suite.ts';
import { axfr } from '../process/dig.ts';
import { openOutsidePrimary } from '../process/outside.ts';
import { takeAddress } from '../rig/addresses.ts';
import { openLedger } from '../rig/ledger.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installCrds } from './install.ts';
import * as page from './seed-page.ts';
import { openStory } from './story.ts';

const plane = useControlPlane({ controllerManager: true }, installCrds);
const patience = { withinMs: 30_000 };

/** As `jsonpath` prints a list. */
const shown = (addresses: readonly string[]): string => JSON.stringify([...addresses].sort());

test('a secondary zone with the primaries that it names', async ({ skip }) => {
  const ledger = openLedger();
  onTestFinished(() => ledger.sweep());
  const elsewhere = Object.values(networkInterfaces()).flat();
  const taken = elsewhere.some((each) => each?.address.startsWith('10.0.1.'));
  const primaries = ['10.0.1.10', '10.0.1.11'];
  if (taken || !primaries.every((address) => takeAddress(ledger, address)))
    skip('10.0.1.10 and 10.0.1.11 are not to be had on this machine');
  const [first, second] = await Promise.all(
    primaries.map((address) =>
      openOutsidePrimary('example.com', [], undefined, { address, dnsPort: 53 }),
    ),
  );
  if (first === undefined || second === undefined) throw new Error('two were opened');
  onTestFinished(async () => {
    await Promise.all([first.close(), second.close()]);
  });
  await Promise.all([first.serve(7, '192.0.2.1'), second.serve(7, '192.0.2.1')]);

  const story = await openStory(plane());
  const { rig } = story;
  await story.apply(page.secondaryInstance);
  await story.pod('secondary-dns-7c9f5d-x2xkq', 'secondary-dns');
  await rig.start();
  await story.apply(page.secondaryZone);
  await rig.served(new Map([['example.com', 7]]));
  await rig.ready();

  const { place } = rig.pod('secondary-dns-7c9f5d-x2xkq');
  const zone = 'example-com-secondary';
  await untilEqual(
    () => story.jsonpath(zone, '.status.secondaryIps'),
    shown([place.address]),
    patience,
  );
  const transfer = async (field: string) => story.jsonpath(zone, `.status.transfers[0].${field}`);
  await untilEqual(() => transfer('state'), 'Current', patience);
  await until(async () => primaries.includes(await transfer('from')), patience);
  expect(await transfer('method')).toBe('AXFR');
  expect(await axfr(place, 'example.com')).toBeUndefined();

  // The additional primary is there for redundancy.
  await first.kill();
  await second.serve(8, '192.0.2.2');
  await story.kubectl('annotate', 'dnszone', zone, 'note=changed');
  await rig.served(new Map([['example.com', 8]]), [...rig.pods.keys()], 45_000);
  await untilEqual(() => transfer('from'), '10.0.1.11', patience);
});

test('a cluster: secondaries are discovered, given the zone, told of, and replaced', async () => {
  const story = await openStory(plane());
  const { rig } = story;
  await story.apply(page.primaryInstance, page.clusterInstance);
  await story.pod('primary-dns-6b8d4-h7s2w', 'primary-dns');
  const secondaries = ['secondary-dns-5f9c7-k4bqz', 'secondary-dns-5f9c7-w8xnd'];
  for (const name of secondaries) await story.pod(name, 'secondary-dns');
  await rig.start();
  await story.apply(page.clusterZone);
  const www = (address: string) => ({ name: 'www', zoneRef: 'example-com', ipv4Address: address });
  const record = (address: string): string =>
    JSON.stringify({
      apiVersion: 'bindy.firestoned.io/v1alpha1',
      kind: 'ARecord',
      metadata: { name: 'www' },
      spec: www(address),
    });
  await story.apply(record('192.0.2.1'));
  await rig.ready();
  const answered = async (address: string, pods = [...rig.pods.keys()]): Promise<void> => {
    for (const pod of pods)
      await untilEqual(() => rig.data(pod, 'www.example.com'), [address], patience);
  };
  await answered('192.0.2.1');

  // "Verify automatic configuration"
  const ips = () => story.jsonpath('example-com', '.status.secondaryIps');
  const addressesOf = (names: readonly string[]) =>
    names.map((name) => rig.pod(name).place.address);
  await untilEqual(ips, shown(addressesOf(secondaries)), patience);
  // "Check that zones are being transferred"
  for (const name of secondaries) {
    const pod = rig.pod(name);
    expect(readdirSync(pod.path('zones'))).toContain('example.com.zone');
    expect(readFileSync(pod.logs.named, 'utf8')).toContain("transfer of 'example.com/IN'");
  }
  // "Verify secondary IPs are configured on primary zones"
  const { items } = parse(await story.kubectl('get', 'dnszone', '-o', 'yaml'));
  expect(
    items.map(({ status }: { status: { secondaryIps: unknown } }) => status.secondaryIps),
  ).toEqual([addressesOf(secondaries).sort()]);
  // "No Zone Transfers Allowed", "Use Multiple Secondaries"
  for (const part of [page.noTransfers, page.region])
    await story.kubectl('patch', 'bind9instance', 'secondary-dns', '--type=merge', '-p', part);
  await story.kubectl('wait', 'dnszone', '--all', '--for=jsonpath={.status.secondaryCount}=2');
  for (const pod of rig.pods.values()) expect(await axfr(pod.place, 'example.com')).toBeUndefined();
  // "... other config ..."
  const row = () => story.kubectl('get', 'dnszone', 'example-com', '-o', 'wide', '--no-headers');
  expect(await row()).toMatch(/ example\.com +primary +\d+ +2 +False .* ProblemsFound\n$/);
  await story.apply(page.completeZone);
  await until(
    async () => / example\.com +primary +\d+ +2 +True +\d+s\s*$/.test(await row()),
    patience,
  );

  // "Self-Healing: When secondary pods restart and get new IPs", "within 5-10 minutes"
  const [leaving = '', staying = ''] = secondaries;
  const successor = 'secondary-dns-5f9c7-zt6mp';
  const gone = rig.pod(leaving).place.address;
  await rig.remove(leaving);
  await story.pod(successor, 'secondary-dns');
  const start = performance.now();
  await rig.pod(successor).start();
  const wanted = shown(addressesOf([staying, successor]));
  // Asked without kubectl, which takes a part of a second to start.
  const told = async (): Promise<string> => {
    const status = (await rig.home.status('example-com')) as { readonly secondaryIps?: unknown };
    return JSON.stringify(status.secondaryIps);
  };
  await Promise.all([untilEqual(told, wanted, patience), answered('192.0.2.1', [successor])]);
  const took = performance.now() - start;
  expect(await ips()).toBe(wanted);
  expect(rig.pod(successor).place.address).not.toBe(gone);
  expect(took).toBeLessThan(3000);
  await story.apply(record('192.0.2.2'));
  await answered('192.0.2.2');
});
