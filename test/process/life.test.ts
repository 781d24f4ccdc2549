import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Pod } from '../rig/pod.ts';
import { transfersOf } from '../rig/transfers.ts';
import { until, untilEqual } from '../rig/until.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';
import { addOthersZone } from './rndc.ts';
import { command, listen } from './said.ts';
import { watchAnswers } from './watch-answers.ts';

const patience = { withinMs: 30_000 };
const folder = await mkdtemp(join(tmpdir(), 'bind9-agent-life-'));
const config = join(folder, 'agent.yaml');
await writeFile(config, 'named:\n  rateLimit: 100\n');
afterAll(() => rm(folder, { recursive: true }));

const rig = openRig({ secondaries: 1, settings: { config } });

const registration = (pod: Pod): string => join(rig().clusterFolder, 'peers', `${pod.name}.json`);

/** Ends an agent as the kubelet would; tells when its registration was gone and when it had exited, in ms, and its exit. */
async function terminate(pod: Pod) {
  const { agent } = pod;
  if (agent === undefined) throw new Error(`${pod.name} has no agent`);
  const start = performance.now();
  agent.signal('SIGTERM');
  await until(() => !existsSync(registration(pod)), { ...patience, everyMs: 5 });
  const gone = performance.now() - start;
  const exit = await agent.exited;
  return { gone, ended: performance.now() - start, exit };
}

test('on SIGTERM it takes its registration back first and exits 0, while named serves on', async () => {
  await rig().zone('first.example', { www: '192.0.2.1' });
  await rig().agreed('first.example');
  const transfers = await transfersOf(rig());
  for (const pod of rig().pods.values()) {
    const { gone, ended, exit } = await terminate(pod);
    expect(gone).toBeLessThan(2000);
    expect(ended).toBeLessThan(10_000);
    expect(exit).toEqual({ code: 0, signal: null });
    expect(await rig().data(pod.name, 'www.first.example')).toEqual(['192.0.2.1']);
    pod.startAgent();
    await pod.ready();
    await until(() => existsSync(registration(pod)));
  }
  expect(await transfersOf(rig())).toBe(transfers);
});

test('on SIGTERM it exits 0 in time where named hangs', async () => {
  const pod = rig().pod('primary-0');
  const log = logSince(pod.logs.agent);
  pod.named?.signal('SIGSTOP');
  try {
    await rig().zone('hung.example', { www: '192.0.2.2' });
    // It is written down right before named is told, unless another command hangs already.
    const ledger = join(pod.path('state'), 'ledger.jsonl');
    const isTold = async () => (await readFile(ledger, 'utf8')).includes('"hung.example."');
    const isStuck = () => log().some((line) => line.includes('named does not answer'));
    await until(async () => isStuck() || (await isTold()), patience);
    const { gone, ended, exit } = await terminate(pod);
    expect(gone).toBeLessThan(2000);
    expect(ended).toBeLessThan(10_000);
    expect(exit).toEqual({ code: 0, signal: null });
  } finally {
    pod.named?.signal('SIGCONT');
  }
  pod.startAgent();
  await pod.ready();
  await rig().agreed('hung.example');
});

test('a zone that was given to a named that hung is served, and changed, when named goes on', async () => {
  const pod = rig().pod('primary-0');
  const heard = listen(pod);
  pod.named?.signal('SIGSTOP');
  try {
    await rig().zone('late.example', { www: '192.0.2.3' });
    await heard('did not answer on its control channel');
  } finally {
    pod.named?.signal('SIGCONT');
  }
  await rig().agreed('late.example');
  await rig().zone('late.example', { www: '192.0.2.4' });
  for (const name of rig().pods.keys())
    await untilEqual(() => rig().data(name, 'www.late.example'), ['192.0.2.4'], patience);
});

/** The zones that a secondary's named has transferred since, one for each time. */
function transfersSince(pod: Pod): () => string[] {
  const log = logSince(pod.logs.named);
  return () =>
    log().flatMap(
      (line) => /transfer of '(.*)\/IN' from .*: Transfer status: success/.exec(line)?.[1] ?? [],
    );
}

test('agents that were killed come back to a named that has served on, and nothing is transferred again', async () => {
  const pods = [...rig().pods.values()];
  const transferred = transfersSince(rig().pod('secondary-0'));
  const watch = watchAnswers(pods, 'www.first.example', ['192.0.2.1']);
  await Promise.all(pods.map((pod) => pod.killAgent()));
  await rig().host('first.example', 'new', '192.0.2.5');
  for (const pod of pods) expect(await rig().data(pod.name, 'new.first.example')).toEqual([]);
  for (const pod of pods) pod.startAgent();
  for (const pod of pods)
    await untilEqual(() => rig().data(pod.name, 'new.first.example'), ['192.0.2.5'], patience);
  await rig().ready();
  expect(await watch.wrong()).toEqual({ answers: [], servfails: 0 });
  expect(transferred().filter((zone) => zone !== 'late.example')).toEqual(['first.example']);
});

test('a pod that comes back on another address tells its peers before it has read a single resource', async () => {
  const pod = rig().pod('secondary-0');
  await pod.stop();
  await pod.move();
  const before = await readFile(config, 'utf8');
  await writeFile(config, `directory:\n  manifests: ${join(folder, 'not-there')}\n`);
  try {
    await pod.start();
    const ips = async () => JSON.parse(await readFile(registration(pod), 'utf8')).ips as string[];
    await untilEqual(ips, [pod.place.address], patience);
    // The primary takes it for what it is.
    await untilEqual(
      async () => (await rig().pod('primary-0').get('/peers'))?.body.includes('"secondary"'),
      true,
    );
  } finally {
    await writeFile(config, before);
    await pod.stop();
    await pod.start();
    await pod.ready();
  }
});

test('a second agent on the same state folder is refused with a sentence', async () => {
  const pod = rig().pod('primary-0');
  const ran = await command(pod, 'run');
  expect(ran.code).toBe(1);
  expect(ran.stderr).toMatch(
    new RegExp(
      `^bind9-agent: ${pod.path('state')} is in use by another agent: pid ${pod.agent?.pid} on .* since .*\n$`,
    ),
  );
  expect(await pod.status('/readyz')).toBe(200);
});

const optionsOf = (pod: Pod): Promise<string> =>
  readFile(join(pod.path('config'), 'options.conf'), 'utf8');

test('SIGHUP makes new options effective without disturbing named', async () => {
  const pod = rig().pod('primary-0');
  const { namedStarts } = pod;
  const named = logSince(pod.logs.named);
  const watch = watchAnswers([pod], 'www.first.example', ['192.0.2.1']);
  await writeFile(config, 'named:\n  rateLimit: 77\n');
  pod.agent?.signal('SIGHUP');
  await until(async () => (await optionsOf(pod)).includes('responses-per-second 77'), patience);
  await until(
    () => named().some((line) => line.includes('reloading configuration succeeded')),
    patience,
  );
  await pod.ready();
  expect(await watch.wrong()).toEqual({ answers: [], servfails: 0 });
  expect(pod.namedStarts).toBe(namedStarts);
});

test('SIGHUP with wrong options tells what is wrong, and those in force stay', async () => {
  const pod = rig().pod('primary-0');
  const heard = listen(pod);
  await writeFile(config, 'named:\n  rateLimit: lots\n  ednsSiz: 1\n');
  pod.agent?.signal('SIGHUP');
  await heard('2 settings are wrong');
  await heard('named.rateLimit', 'want 0-1000000, got');
  // Right as far as they can be read, but nothing can begin with them.
  const key = join(folder, 'broken.key');
  await writeFile(key, 'no key at all');
  await writeFile(config, `named:\n  rateLimit: 88\nkeys:\n  files: [${key}]\n`);
  pod.agent?.signal('SIGHUP');
  await heard('the settings stay as they were', 'broken.key');
  await pod.ready();
  expect(await optionsOf(pod)).toContain('responses-per-second 77');
  await rig().zone('first.example', { www: '192.0.2.1', after: '192.0.2.6' });
  await untilEqual(() => rig().data(pod.name, 'after.first.example'), ['192.0.2.6'], patience);
});

test('reloaded and then stopped in the middle of a pass over many zones, it ends in time and goes on when it is back', async () => {
  await writeFile(config, 'named:\n  rateLimit: 100\n');
  const pod = rig().pod('primary-0');
  // Beside somebody else's zone, many are added one by one.
  await addOthersZone(pod);
  const named = logSince(pod.logs.named);
  const added = (): number => named().filter((line) => line.includes('added zone many-')).length;
  const zones = Array.from({ length: 500 }, (_, i) => `many-${i}.example`);
  await rig().manifest(
    'many',
    zones.map((zone) => manyManifest(zone, rig().cluster)).join('---\n'),
  );
  await until(() => added() > 5, { ...patience, everyMs: 2 });
  pod.agent?.signal('SIGHUP');
  const atReload = added();
  await until(() => added() > atReload + 5, { ...patience, everyMs: 2 });
  const { gone, ended, exit } = await terminate(pod);
  expect(added()).toBeLessThan(zones.length);
  expect(gone).toBeLessThan(2000);
  expect(ended).toBeLessThan(10_000);
  expect(exit).toEqual({ code: 0, signal: null });
  // Nothing comes back of what it had left.
  expect(existsSync(registration(pod))).toBe(false);
  pod.startAgent();
  await rig().served(new Map(zones.map((zone) => [zone, undefined])), undefined, 60_000);
  expect(readFileSync(pod.logs.agent, 'utf8')).not.toMatch(/"level":"(?:error|fatal)"/);
  expect((await readdir(pod.path('state'))).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});

const manyManifest = (zone: string, cluster: string): string =>
  `apiVersion: bindy.firestoned.io/v1beta1
kind: DNSZone
metadata: { name: ${zone.replaceAll('.', '-')} }
spec: { zoneName: ${zone}, clusterRef: ${cluster} }
`;
