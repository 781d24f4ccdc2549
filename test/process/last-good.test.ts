import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { until, untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { command, planOf } from './said.ts';

const patience = { withinMs: 30_000 };
const zone = 'kept.example';

const rig = openRig({ primaries: 2, secondaries: 1 }, async (opened) => {
  await opened.zone(zone);
  await opened.host(zone, 'www', '192.0.2.1');
  await opened.host(zone, 'api', '192.0.2.2');
  await opened.zone('other.example', { www: '192.0.2.3' });
  await opened.start();
  await opened.ready();
});

const primaries = (): Pod[] => rig().podsOf('primary');

/** What every pod answers. */
const answer = async (name: string, data: readonly string[]): Promise<void> => {
  for (const pod of rig().pods.keys())
    await untilEqual(() => rig().data(pod, name), data, patience);
};

/** The agents of both primaries are killed and started again: nothing is remembered but what lies on the disks. */
async function restart(between: () => Promise<void> = async () => undefined): Promise<void> {
  await Promise.all(primaries().map((pod) => pod.killAgent()));
  await between();
  for (const pod of primaries()) pod.startAgent();
  for (const pod of primaries()) await pod.ready();
}

const api = async (pod: Pod): Promise<string> => (await pod.get(`/zones/${zone}`))?.body ?? '';
const plannedOf = async (pod: Pod): Promise<string> =>
  (await planOf(pod)).split('Problems:')[0] ?? '';
const kept = (pod: Pod): Promise<string> =>
  readFile(join(pod.path('state'), 'last-good.jsonl'), 'utf8').catch(() => '');

/** The files of records that the rig writes. */
const fileOf = (host: string): string => `kept-example--${host}`;

test('a record that is wrong is served as it was across restarts, and other changes go through', async () => {
  await answer(`www.${zone}`, ['192.0.2.1']);
  await rig().host(zone, 'www', '192.0.2');
  for (const pod of primaries()) await until(async () => (await kept(pod)) !== '', patience);
  const before = await rig().agreed(zone);
  await restart();
  for (const pod of primaries()) {
    const planned = await plannedOf(pod);
    expect(planned).toContain('Nothing would change.');
    const explained = await command(pod, 'explain', zone);
    expect(explained.stdout).not.toContain('Next');
  }
  expect(await rig().agreed(zone)).toBe(before);
  await rig().host(zone, 'new', '192.0.2.4');
  await answer(`new.${zone}`, ['192.0.2.4']);
  await answer(`www.${zone}`, ['192.0.2.1']);
  await rig().host(zone, 'www', '192.0.2.11');
  await answer(`www.${zone}`, ['192.0.2.11']);
  for (const pod of primaries()) await untilEqual(() => kept(pod), '', patience);
});

test('a zone whose spec is wrong keeps being served and changed by its records across restarts', async () => {
  await rig().zone(zone, {}, { ttl: -1 });
  for (const pod of primaries()) await until(async () => (await kept(pod)) !== '', patience);
  await restart();
  await rig().host(zone, 'more', '192.0.2.5');
  await answer(`more.${zone}`, ['192.0.2.5']);
  await answer(`api.${zone}`, ['192.0.2.2']);
  await rig().zone(zone);
  for (const pod of primaries()) await untilEqual(() => kept(pod), '', patience);
});

test('a file that is broken while no agent runs takes no record with it; what loses nothing goes through', async () => {
  const before = await rig().agreed(zone);
  await restart(() => rig().manifest(fileOf('api'), 'kind: [\n'));
  for (const pod of primaries()) {
    await until(async () => (await api(pod)).includes('stays as it is served'), patience);
    const planned = await planOf(pod);
    expect(planned).toContain('Nothing would change.');
    expect(planned).toContain('stays as it is served');
  }
  // Another zone is none the worse for it, as long as it loses nothing.
  await rig().host('other.example', 'new', '192.0.2.6');
  await answer('new.other.example', ['192.0.2.6']);
  await rig().host('other.example', 'more', '192.0.2.7');
  await answer('more.other.example', ['192.0.2.7']);
  await answer(`api.${zone}`, ['192.0.2.2']);
  expect(await rig().agreed(zone)).toBe(before);
  await restart();
  await answer(`api.${zone}`, ['192.0.2.2']);
  expect(await rig().agreed(zone)).toBe(before);
  // A primary that comes without a disk knows least of all: it takes what the other one serves.
  const fresh = rig().pod('primary-1');
  await fresh.kill();
  await fresh.move({ wiped: true });
  await fresh.start();
  await answer(`api.${zone}`, ['192.0.2.2']);
  expect(await rig().agreed(zone)).toBe(before);
  const ready = JSON.parse(await statusOf('kept-example')) as { reason: string; message: string };
  expect(ready).toMatchObject({ status: 'False', reason: 'ProblemsFound' });
  expect(ready.message).toContain('kept-example--api.yaml');

  await rig().host(zone, 'api', '192.0.2.22');
  await answer(`api.${zone}`, ['192.0.2.22']);
  for (const pod of primaries())
    await until(async () => !(await api(pod)).includes('stays as it is served'), patience);
  await rig().manifest(fileOf('more'), undefined);
  await answer(`more.${zone}`, []);
});

/** The zone's condition Ready, as `get` shows it. */
async function statusOf(name: string): Promise<string> {
  const [pod] = primaries();
  if (pod === undefined) throw new Error('the rig has primaries');
  const condition = async (): Promise<object | undefined> => {
    const { stdout } = await command(pod, 'get', 'zones', '-o', 'json');
    const { items } = JSON.parse(stdout) as Listed;
    const found = items.find(({ metadata }) => metadata.name === name);
    return found?.status.conditions?.find(
      ({ type, status }) => type === 'Ready' && status === 'False',
    );
  };
  return JSON.stringify(await until(condition, patience));
}

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string };
    readonly status: { readonly conditions?: readonly { type: string; status: string }[] };
  }[];
}

test('a file that breaks while agents run holds up no other change, also across restarts', async () => {
  await rig().manifest(fileOf('api'), 'kind: [\n');
  for (const pod of primaries()) await until(async () => (await kept(pod)) !== '', patience);
  await restart();
  await rig().host('other.example', 'new', '192.0.2.66');
  await answer('new.other.example', ['192.0.2.66']);
  await rig().manifest(fileOf('new'), undefined);
  await answer(`new.${zone}`, []);
  await answer(`api.${zone}`, ['192.0.2.22']);
  await rig().manifest(fileOf('api'), undefined);
  await answer(`api.${zone}`, []);
  for (const pod of primaries()) await untilEqual(() => kept(pod), '', patience);
});
