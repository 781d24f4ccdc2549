import { mkdtempSync, readlinkSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { until, untilEqual } from '../rig/until.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';

const patience = { withinMs: 30_000 };
const folder = mkdtempSync(join(tmpdir(), 'bind9-agent-user-'));
const userConf = join(folder, 'named.conf');

/** A configuration of the user's, with a folder of its own for added zones. */
interface UserConf {
  readonly zones: readonly string[];
  readonly more?: string;
  readonly options?: string;
}

async function writeConf({ zones, more = '', options = '' }: UserConf): Promise<void> {
  const { address, dnsPort } = pod().place;
  for (const zone of zones)
    await writeFile(
      join(folder, zone),
      '$TTL 300\n@ SOA ns1 admin 77 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.77\n',
    );
  await writeFile(
    userConf,
    `options {
  directory "${folder}"; new-zones-directory "${folder}"; allow-new-zones yes;
  pid-file none; session-keyfile none; recursion no;
  listen-on port ${dnsPort} { ${address}; }; listen-on-v6 { none; }; ${options}
};
${zones.map((zone) => `zone "${zone}" { type primary; file "${zone}"; };`).join('\n')}
${more}`,
  );
}

/** The checker lets it through; named itself misses the files. */
const refused = (): UserConf => ({
  zones: ['mine.example'],
  more: 'tls t { cert-file "/nowhere/c"; key-file "/nowhere/k"; };',
  options: `listen-on port ${pod().place.dnsPort + 1} tls t { 127.0.0.1; };`,
});

const rig = openRig({ secondaries: 0, settings: { 'named.conf': userConf } }, async () => {
  await pod().settle();
  await writeConf({ zones: ['mine.example'] });
  await rig().zone('ours.example', { www: '192.0.2.1' });
  await rig().start();
  await rig().ready();
  await rig().agreed('ours.example');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pod = () => rig().pod('primary-0');
const www = (zone: string) => rig().data('primary-0', `www.${zone}`);
const version = (): string => readlinkSync(join(pod().path('config'), '..data'));

async function untilServed(): Promise<void> {
  await untilEqual(() => www('mine.example'), ['192.0.2.77'], patience);
  await untilEqual(() => www('ours.example'), ['192.0.2.1'], patience);
}

/** Everything is served, also by a named that starts on what lies there, and goes on being changed. */
async function expectWhole(address: string): Promise<void> {
  await pod().killNamed();
  await untilServed();
  await rig().zone('changed.example', { www: address });
  await untilEqual(() => www('changed.example'), [address], patience);
}

test('an agent that was killed before named could refuse the configuration goes back to the one that named took', async () => {
  const before = version();
  pod().named?.signal('SIGSTOP');
  await writeConf(refused());
  await until(() => version() !== before, patience);
  await pod().killAgent();
  const log = logSince(pod().logs.agent);
  pod().startAgent();
  pod().named?.signal('SIGCONT');
  await until(() => log().some((line) => /named refuses the new/.test(line)), patience);
  await untilEqual(version, before, patience);
  await expectWhole('192.0.2.2');
});

test('a pod that starts anew starts with what named took, not with what it refused in the run before', async () => {
  const before = version();
  await pod().stop();
  await pod().start();
  await untilServed();
  await pod().ready();
  await untilEqual(version, before, patience);
  await expectWhole('192.0.2.3');
});

test('a pod that starts anew while the file is broken starts with what named took last', async () => {
  await writeConf({ zones: ['mine.example'], more: 'zone "x" {' });
  const log = logSince(pod().logs.agent);
  await pod().stop();
  await pod().start();
  await untilServed();
  expect(log().some((line) => /cannot be adopted/.test(line))).toBe(true);
  await expectWhole('192.0.2.4');
  await writeConf({ zones: ['mine.example', 'mended.example'] });
  await untilEqual(() => www('mended.example'), ['192.0.2.77'], patience);
});
