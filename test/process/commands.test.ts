import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { until } from '../rig/until.ts';
import { openRig } from './open-rig.ts';
import { command, planOf } from './said.ts';

const patience = { withinMs: 30_000 };

const rig = openRig({ secondaries: 1, restartsNamed: false }, async (opened) => {
  await opened.zone('first.example', { www: '192.0.2.1' });
  for (const pod of opened.pods.values()) await pod.settle();
});

const primary = () => rig().pod('primary-0');
const isRegistered = (): boolean =>
  existsSync(join(rig().clusterFolder, 'peers')) &&
  readdirSync(join(rig().clusterFolder, 'peers')).length > 0;

describe('before anything was started', () => {
  test('plan tells what would be served, and touches nothing', async () => {
    const before = everything();
    expect(await planOf(primary())).toBe(
      'Would be done:\n- serve first.example as primary at serial 1\n',
    );
    expect(everything()).toEqual(before);
  });

  test('init gives up on a configuration that cannot be used, and tells why', async () => {
    const conf = join(rig().folder, 'views.conf');
    writeFileSync(conf, 'view "all" { };\n');
    const ran = await command(primary(), 'init', `--named-conf=${conf}`);
    expect(ran.stderr).toMatch(/bind9-agent: named may not start: .*views.conf.*view/);
    expect(ran.code).toBe(1);
  });

  test('init lets named start empty when the resources do not come in time', async () => {
    const secondary = rig().pod('secondary-0');
    const nowhere = join(rig().folder, 'nowhere');
    const late = ['--start-deadline-seconds=1', `--directory-manifests=${nowhere}`];
    const ran = await command(secondary, 'init', ...late);
    expect(ran.stderr).toContain('named may start with nothing to serve');
    expect(ran.code).toBe(0);
    expect(existsSync(join(secondary.path('config'), 'named.conf'))).toBe(true);
  });

  test('init writes all that named needs to serve, and registers nobody', async () => {
    expect(await command(primary(), 'init')).toMatchObject({ code: 0, stdout: '' });
    expect(isRegistered()).toBe(false);
    primary().startNamed();
    await rig().served(new Map([['first.example', 1]]), ['primary-0']);
  });
});

describe('after named was started once', () => {
  test('init needs no resources to let it start again', async () => {
    await primary().killNamed();
    await rename(rig().manifests, `${rig().manifests}.away`);
    expect(await command(primary(), 'init')).toMatchObject({ code: 0, stdout: '', stderr: '' });
    await rename(`${rig().manifests}.away`, rig().manifests);
    primary().startNamed();
    await rig().served(new Map([['first.example', 1]]), ['primary-0']);
  });

  test('plan and explain tell what the agent would do', async () => {
    await rig().host('first.example', 'mail', '192.0.2.2');
    await rig().zone('second.example');
    const plan = await planOf(primary());
    expect(plan).toContain('- load first.example at serial 2, 4 records\n');
    expect(plan).toContain('- serve second.example as primary at serial 1\n');
    const { stdout } = await command(primary(), 'explain', 'first.example');
    expect(stdout).toMatch(/^Next: +load first.example at serial 2, 4 records$/m);
  });
});

describe('while the agent runs', () => {
  beforeAll(async () => {
    primary().startAgent();
    await rig().pod('secondary-0').start();
    await rig().ready();
    await rig().agreed('second.example');
  });

  test('init leaves its work to it', async () => {
    const { code, stderr } = await command(primary(), 'init');
    expect(stderr).toMatch(/^bind9-agent: .* is in use by another agent: pid \d+/);
    expect(code).toBe(1);
  });

  test('plan has nothing to do, and tells what is wrong', async () => {
    await rig().manifest('wrong', 'kind: DNSZone\napiVersion: bindy.firestoned.io/v1beta1\n');
    expect(await planOf(primary())).toMatch(
      /^Nothing would change\.\nWhat is missing does not count as deleted: .*wrong.yaml.*\.\nProblems:\n- DNSZone in wrong.yaml.*: metadata.name: want .*, got nothing\n/,
    );
    await rig().manifest('wrong', undefined);
    expect(await planOf(primary())).toBe('Nothing would change.\n');
  });

  test('get zones shows them as kubectl would, with what was reported', async () => {
    await until(async () => (await zones()).every((line) => / True /.test(line)), patience);
    const [titles, ...rows] = (await command(primary(), 'get', 'zones')).stdout.split('\n');
    expect(titles?.split(/ {3,}/)).toEqual(
      expect.arrayContaining(['NAMESPACE', 'NAME', 'ZONE', 'TYPE', 'SERIAL', 'SECONDARIES', 'AGE']),
    );
    expect(rows[0]).toMatch(/^default +first-example +first.example +primary +2 +1 +True +\d+s$/);
    expect(rows[1]).toMatch(/^default +second-example +second.example +primary +1 +1 +True +\d+s$/);
  });

  test('get peers shows every pod', async () => {
    const { stdout } = await command(primary(), 'get', 'peers');
    const [titles, ...rows] = stdout.split('\n');
    expect(titles).toMatch(/^POD +INSTANCE +ROLE +CLUSTER +ADDRESS +PORT +STATE +VERSION$/);
    for (const [index, { name, spec, place }] of [...rig().pods.values()].entries())
      expect(rows[index]?.split(/ {3,}/).slice(0, 7)).toEqual([
        name,
        spec.instance,
        spec.role,
        rig().cluster,
        place.address,
        String(place.dnsPort),
        'live',
      ]);
  });

  test('get shows the same as JSON and as YAML', async () => {
    const json = JSON.parse((await command(primary(), 'get', 'zones', '-o', 'json')).stdout);
    expect(json).toMatchObject({ apiVersion: 'v1', kind: 'List' });
    expect(json.items[0]).toMatchObject({
      kind: 'DNSZone',
      metadata: { name: 'first-example', namespace: 'default' },
      spec: { zoneName: 'first.example', clusterRef: rig().cluster },
      status: { serial: 2, secondaryIps: [rig().pod('secondary-0').place.address] },
    });
    const yaml = parse((await command(primary(), 'get', 'peers', '-o', 'yaml')).stdout);
    expect(yaml.items).toMatchObject([{ pod: 'primary-0' }, { pod: 'secondary-0' }]);
  });

  test('explain tells why a zone is served as it is, and what it does not know', async () => {
    const { stdout } = await command(primary(), 'explain', 'First.Example.');
    expect(stdout).toMatch(/^DNSZone: +default\/first-example$/m);
    expect(stdout).toMatch(/^Here: +served here as primary, rendered from the resources$/m);
    expect(stdout).toMatch(/^Agreed: +serial 2, by primary-0$/m);
    expect(stdout).toMatch(/^Conflict: +False \(NoConflict\)$/m);
    expect(stdout).toMatch(/^secondary-0 +secondary +[\d.]+ +Current +2 /m);
    const there = await command(rig().pod('secondary-0'), 'explain', 'first.example');
    const { address, dnsPort } = primary().place;
    const from = `served here as secondary, transferred from ${address} port ${dnsPort}`;
    expect(there.stdout).toContain(from);
    expect(await command(primary(), 'explain', 'third.example')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'bind9-agent: no DNSZone has the name third.example\n',
    });
    const nonsense = await command(primary(), 'explain', 'a..b');
    expect(nonsense.stderr).toMatch(/^bind9-agent: a\.\.b: want .*, got /);
    expect(nonsense.code).toBe(2);
  });
});

async function zones(): Promise<string[]> {
  const { stdout } = await command(primary(), 'get', 'zones');
  return stdout.trim().split('\n').slice(1);
}

/** Every file and folder of the rig, with its time of change. */
const everything = (): string[] =>
  readdirSync(rig().folder, { recursive: true }).map(
    (name) => `${name} ${statSync(join(rig().folder, String(name))).ctimeMs}`,
  );
