import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { leaseName } from '../../agent/observe/kubernetes/lease.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import { instanceManifest } from '../rig/manifests.ts';
import { until, untilEqual } from '../rig/until.ts';
import { installBindyZones } from './bindy-crd.ts';
import { installCrds } from './install.ts';
import { openStory, type Story } from './story.ts';

const plane = useControlPlane({ controllerManager: true }, installCrds);
const patience = { withinMs: 30_000 };

const zone = 'example.com';
/** For so long it may be that other pods come in the place of those that have left. */
const LEAVING_MS = 10_000;

/** Two primaries and a secondary that serve the zone. */
async function openServed(): Promise<Story> {
  const story = await openStory(plane(), { primaries: 2, secondaries: 1 });
  for (const each of [zone, 'example.net']) await story.rig.zone(each, { www: '192.0.2.1' });
  await story.rig.start();
  await story.rig.ready();
  await answers(story, '192.0.2.1');
  return story;
}

async function answers({ rig }: Story, address: string): Promise<void> {
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.data(pod, `www.${zone}`), [address], patience);
}

/** Waits until the Events below what `kubectl describe` shows have these lines in them. */
const describes = (story: Story, what: readonly string[], ...lines: readonly RegExp[]) =>
  until(
    async () => {
      const text = await story.kubectl('describe', ...what);
      const events = text.slice(text.indexOf('Events:'));
      const missing = lines.filter((line) => !line.test(events));
      if (missing.length > 0) throw new Error(`no ${missing.join(', ')} in ${events}`);
      return true;
    },
    { ...patience, everyMs: 500 },
  );

test('kubectl describe tells the story of a zone: who serves it, who fails and why, who came and left', async () => {
  const story = await openServed();
  const described = ['dnszone', 'example-com'];
  const [first = ''] = [story.rig.pod('secondary-0').place.address];
  await describes(
    story,
    described,
    /Normal +Ready .* bindy\.firestoned\.io\/agent +served at serial \d+, by \d of \d pods?/,
    /Normal +(?:PodServes|TransferRecovered) .* primary primary-0 \(\S+\) serves it/,
    new RegExp(
      `Normal +(?:PodServes|TransferRecovered) .* secondary secondary-0 \\(${first}\\) serves it`,
    ),
  );
  await story.rig.pod('secondary-0').kill();
  await describes(
    story,
    described,
    /Warning +TransferFailed .* secondary secondary-0 \(\S+\): pod secondary-0 cannot be reached/,
  );
  await story.rig.pod('secondary-0').move();
  await story.rig.pod('secondary-0').start();
  const second = story.rig.pod('secondary-0').place.address;
  await describes(
    story,
    described,
    new RegExp(
      `Normal +(?:PodServes|TransferRecovered) .* secondary secondary-0 \\(${second}\\) serves it`,
    ),
  );
  await story.rig.remove('secondary-0');
  await describes(
    story,
    described,
    /Normal +PodLeft .* secondary secondary-0 \(\S+\) serves it no more/,
  );
}, 120_000);

test('a zone that no pod serves any more says so; one that others may serve is left to them', async () => {
  const story = await openServed();
  const { rig } = story;
  const ready = (name: string) => story.jsonpath(name, '.status.conditions[?(@.type=="Ready")]');
  const isServed = async (name: string) => /"status":"True"/.test(await ready(name));
  await until(() => isServed('example-net'), patience);
  await rig.zone('typo.example', {}, { clusterRef: 'nowhere' });
  await rig.zone('example.net', {}, { clusterRef: 'nowhere' });
  const notServed =
    /"message":"spec.clusterRef: no pod of cluster \\"nowhere\\" is registered".*"reason":"NotServed","status":"False"/;
  await until(async () => notServed.test(await ready('example-net')), patience);
  for (const field of ['secondaryIps', 'transfers'])
    expect(await story.jsonpath('example-net', `.status.${field}`)).toBe('[]');
  await describes(story, ['dnszone', 'example-net'], /Warning +NotServed .* no pod of cluster/);
  expect(await story.jsonpath('typo-example', '.status')).toBe('');
  await rig.zone('example.net', {});
  await until(() => isServed('example-net'), patience);
}, 120_000);

test('of a zone whose last pod has left, pods of another cluster say so', async () => {
  const story = await openStory(plane(), { primaries: 2, secondaries: 0 });
  const { rig } = story;
  await rig.zone(zone);
  const other = { cluster: 'other', role: 'primary' } as const;
  await rig.home.put('other', instanceManifest({ ...other, name: 'other', replicas: 1 }));
  await rig.add({ ...other, name: 'other-0', instance: 'other' });
  await rig.start();
  const ready = (what: string) =>
    story.jsonpath('example-com', `.status.conditions[?(@.type=="Ready")].${what}`);
  await until(async () => /by 2 of 2 pods/.test(await ready('message')), patience);
  await rig.remove('primary-0');
  await until(async () => /by 1 of 1 pod/.test(await ready('message')), patience);
  // Its agent is no more, but its named serves on.
  await rig.pod('primary-1').killAgent();
  await story.kubectl('delete', 'lease', leaseName('primary-1'));
  await sleep(LEAVING_MS + 2000);
  expect(await ready('reason')).toBe('Serving');
  await rig.remove('primary-1');
  const reported = async () => [
    await ready('reason'),
    await story.jsonpath('example-com', '.status.reportedBy'),
  ];
  await untilEqual(reported, ['NotServed', 'other-0'], patience);
  await rig.add({ name: 'primary-2', instance: 'primary' });
  await rig.pod('primary-2').start();
  await untilEqual(() => ready('status'), 'True', patience);
}, 120_000);

test('kubectl describe tells of a pod what holds for it', async () => {
  const story = await openServed();
  const crowd = Array.from({ length: 3 }, (_, n) => `zone-${n}.example`);
  for (const each of crowd) await story.rig.zone(each, {});
  await until(async () => (await story.rig.serial('primary-0', crowd[2] ?? '')) !== undefined);
  await story.kubectl('delete', 'dnszones', '--all', '--wait=false');
  await describes(
    story,
    ['pod', 'primary-0'],
    /Warning +Held .* a plan is held until [0-9a-f]{16} is approved: it would stop serving \d of \d zones/,
  );
  const { body = '' } = (await story.rig.pod('primary-0').get('/metrics')) ?? {};
  expect(body).toMatch(/^bind9_agent_events_total\{result="written"\} [1-9]/m);
  expect(body).toMatch(/^bind9_agent_events_total\{result="refused"\} 0$/m);
}, 120_000);

test('where DNSZone lacks our fields everything is served and healed, no serial is burnt, and it is told', async () => {
  await installBindyZones(plane());
  const story = await openServed();
  const { rig } = story;
  const serial = await rig.agreed(zone);
  await rig.host(zone, 'www', '192.0.2.2');
  await answers(story, '192.0.2.2');
  expect(await rig.agreed(zone)).toBe(serial + 1);
  const secondary = rig.pod('secondary-0');
  await secondary.stop();
  await secondary.move({ wiped: true });
  await secondary.start();
  await rig.host(zone, 'www', '192.0.2.3');
  await answers(story, '192.0.2.3');
  const end = performance.now() + 4000;
  await until(() => performance.now() > end);
  expect(await rig.agreed(zone)).toBe(serial + 2);
  const path = '.status.conditions[?(@.type=="Ready")].status';
  await untilEqual(() => story.jsonpath('example-com', path), 'True', patience);
  const message = '.status.conditions[?(@.type=="StatusComplete")].message';
  expect(await story.jsonpath('example-com', message)).toContain('has no status fields');
  // At the pod that had something to write.
  const agreed = await story.jsonpath(
    'example-com',
    '.status.conditions[?(@.type=="Agreed")].message',
  );
  await describes(
    story,
    ['pod', JSON.parse(agreed).allocated.by],
    /Warning +ObjectWrong .* CustomResourceDefinition dnszones\.bindy\.firestoned\.io: status: want it to declare .*transfers/,
  );
  expect((await rig.pod('primary-0').get('/readyz'))?.status).toBe(200);
}, 120_000);
