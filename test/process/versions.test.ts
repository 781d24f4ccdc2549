import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { bindOf } from '../rig/bind-versions.ts';
import { makeRig, type Rig, type RigOptions } from '../rig/rig.ts';
import { untilEqual } from '../rig/until.ts';
import { dig } from './dig.ts';
import { logSince } from './log-since.ts';
import { typeAt } from './type-at.ts';

const patience = { withinMs: 30_000 };
const zone = 'example.com';

/** Waits until every pod answers the zone's address and all are at one serial, which is told. */
async function served(rig: Rig, address: string): Promise<number> {
  for (const pod of rig.pods.keys())
    await untilEqual(() => rig.data(pod, `www.${zone}`), [address], patience);
  return rig.agreed(zone);
}

async function change(rig: Rig, address: string): Promise<number> {
  await rig.zone(zone, { www: address });
  return served(rig, address);
}

async function createAndChange(rig: Rig): Promise<void> {
  const first = await change(rig, '192.0.2.1');
  const log = logSince(rig.pod('primary-0').logs.named);
  expect(await change(rig, '192.0.2.2')).toBe(first + 1);
  expect(log().join('\n')).toMatch(/example.com\/IN': IXFR started: TSIG cluster/);
}

/** Each pod in turn is replaced by one on another address while the zone changes; a secondary loses its disk as well. */
async function heal(rig: Rig): Promise<void> {
  const [primary, secondary] = [rig.pod('primary-0'), rig.pod('secondary-0')];
  await secondary.kill();
  await rig.zone(zone, { www: '192.0.2.3' });
  await secondary.move({ wiped: true });
  await secondary.start();
  const before = await served(rig, '192.0.2.3');
  await primary.stop();
  await rig.zone(zone, { www: '192.0.2.4' });
  await primary.move();
  // As where the agent was killed just after named's first start.
  await writeFile(join(primary.path('nzd'), '_default.nzf'), `zone "${zone}" { type hint; };\n`);
  await primary.start();
  expect(await served(rig, '192.0.2.4')).toBeGreaterThan(before);
}

async function killNamed(rig: Rig): Promise<void> {
  const before = await rig.agreed(zone);
  for (const pod of rig.pods.values()) await pod.killNamed();
  expect(await served(rig, '192.0.2.4')).toBeGreaterThanOrEqual(before);
  await change(rig, '192.0.2.5');
}

/** The second zone goes, options change, a zone file comes: what each asks of named. */
async function otherCommands(rig: Rig): Promise<void> {
  const { place } = rig.pod('secondary-0');
  await rig.zone('second.example', { www: '192.0.2.1' });
  await rig.agreed('second.example');
  const spec = {
    clusterRef: rig.cluster,
    role: 'secondary',
    config: { allowQuery: ['127.0.0.9'] },
  };
  const kind = { apiVersion: 'bindy.firestoned.io/v1beta1', kind: 'Bind9Instance' };
  const instance = { ...kind, metadata: { name: 'secondary' }, spec };
  await rig.manifest('secondary', JSON.stringify(instance));
  const status = async () => (await dig(place, zone, 'SOA')).status;
  await untilEqual(status, 'REFUSED', patience);
  await rig.manifest('second-example', undefined);
  const gone = async () =>
    (await dig(place, 'second.example', 'SOA', { from: '127.0.0.9' })).status;
  await untilEqual(gone, 'REFUSED', patience);
  await rig.manifest(
    'secondary',
    JSON.stringify({ ...instance, spec: { ...spec, role: 'primary', config: {} } }),
  );
  await untilEqual(() => typeAt(rig.pod('secondary-0'), zone), 'primary', patience);
  await untilEqual(status, 'NOERROR', patience);
}

async function withRig(options: RigOptions, story: (rig: Rig) => Promise<void>): Promise<void> {
  const rig = await makeRig({ secondaries: 1, ...options });
  try {
    await rig.start();
    await story(rig);
  } catch (error) {
    console.error(rig.tails(30));
    throw error;
  } finally {
    await rig.close();
  }
}

test('a pod goes from one version of BIND to the other and back, on its disk', async ({ skip }) => {
  const [older, newer] = [await bindOf('9.18'), await bindOf('9.20')];
  if (!older.ok) return skip(older.why);
  if (!newer.ok) return skip(newer.why);
  await withRig({ bind: older.bind, restartsNamed: false }, async (rig) => {
    await change(rig, '192.0.2.1');
    for (const [bind, address] of [
      [newer.bind, '192.0.2.2'],
      [older.bind, '192.0.2.3'],
    ] as const) {
      for (const pod of rig.pods.values()) {
        await pod.stop();
        await pod.move({ bind });
        await pod.start();
      }
      await change(rig, address);
    }
  });
}, 120_000);

for (const branch of ['9.18', '9.20'] as const)
  test(`BIND ${branch} creates, changes and removes zones, heals, and survives kill -9`, async ({
    skip,
  }) => {
    const provided = await bindOf(branch);
    if (!provided.ok) return skip(provided.why);
    const settings = { 'pod.role': '' };
    await withRig({ agent: 'bundle', bind: provided.bind, settings }, async (rig) => {
      await createAndChange(rig);
      await heal(rig);
      await killNamed(rig);
      await otherCommands(rig);
    });
  }, 120_000);
