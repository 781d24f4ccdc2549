import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeRig } from '../rig/rig.ts';
import { until, untilEqual } from '../rig/until.ts';
import { axfr, dig } from './dig.ts';
import { logSince } from './log-since.ts';
import { openRig } from './open-rig.ts';
import { rndc } from './rndc.ts';
import { typeAt } from './type-at.ts';
import { condition } from './zone-status.ts';

const patience = { withinMs: 30_000 };
const folder = mkdtempSync(join(tmpdir(), 'bind9-agent-user-'));
const userConf = join(folder, 'named.conf');
const friend = '127.0.0.77';

interface UserConf {
  readonly zones: readonly string[];
  readonly more?: string;
  readonly options?: string;
}

/** The configuration that a user had before there was any agent: log, ACL, options and zones of their own. */
async function writeConf({ zones, more = '', options = '' }: UserConf): Promise<void> {
  const { address, dnsPort } = pod().place;
  const text = `// Mine.
acl friends { ${friend}; };
logging {
  channel mine { file "${folder}/mine.log"; severity info; print-category yes; };
  category default { mine; };
  category notify { null; };
};
options {
  directory "${folder}"; pid-file none; session-keyfile none; recursion no;
  listen-on port ${dnsPort} { ${address}; }; listen-on-v6 { none; };
  allow-transfer { friends; }; transfer-source ${address}; notify-source ${address};
  transfers-out 17; zone-statistics none; ${options}
};
${zones.map((zone) => `zone "${zone}" { type primary; file "${zone}"; };`).join('\n')}
${more}`;
  for (const zone of zones)
    await writeFile(
      join(folder, zone),
      '$TTL 300\n@ SOA ns1 admin 77 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.77\n',
    );
  await writeFile(userConf, text);
}

const rig = openRig(
  {
    secondaries: 1,
    settingsOf: (name) => (name === 'primary-0' ? { 'named.conf': userConf } : {}),
  },
  async () => {
    await pod().settle();
    await writeConf({ zones: ['mine.example', 'both.example'] });
    await rig().zone('ours.example', { www: '192.0.2.1' });
    await rig().start();
    await rig().ready();
    await rig().agreed('ours.example');
  },
);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pod = () => rig().pod('primary-0');
const www = (zone: string) => rig().data('primary-0', `www.${zone}`);

/** The conflict that a zone's status tells. */
const conflict = (zone: string) => condition(rig(), zone, 'Conflict');

test("serves the user's zones as they were beside our own, and merges into options and logging", async () => {
  expect(await www('mine.example')).toEqual(['192.0.2.77']);
  expect(await rig().data('secondary-0', 'www.ours.example')).toEqual(['192.0.2.1']);
  expect((await dig(rig().pod('secondary-0').place, 'mine.example', 'SOA')).status).toBe('REFUSED');
  expect(await axfr(pod().place, 'mine.example', { from: friend })).toHaveLength(3);
  expect(await axfr(pod().place, 'ours.example', { from: friend })).toBeUndefined();
  const written = (await readFile(join(pod().path('config'), 'named.conf'))).toString();
  expect(written).toMatch(/transfers-out 17;/);
  expect(written).not.toMatch(/transfers-out 1000;/);
  const logs = [join(folder, 'mine.log'), join(pod().path('state'), 'transfers.log')];
  for (const log of logs) {
    await until(async () => (await readFile(log)).includes('loaded serial 77'), patience);
  }
  expect((await readFile(userConf)).toString()).toMatch(/^\/\/ Mine\./);
  // Without statistics named would not tell which zones it has.
  expect(await typeAt(pod(), 'ours.example')).toBe('primary');
});

test("a DNSZone with the name of a user's zone is a conflict and changes nothing", async () => {
  await rig().zone('both.example', { www: '192.0.2.2' });
  const told = await until(() => conflict('both.example'), patience);
  expect(told).toMatch(/instance primary has zone both.example/);
  expect(await www('both.example')).toEqual(['192.0.2.77']);
  expect(await rig().serial('primary-0', 'both.example')).toBe(77);
  await rig().manifest('both-example', undefined);
});

test('a zone that somebody else adds to the running named is never touched', async () => {
  await writeFile(
    join(folder, 'added'),
    '$TTL 300\n@ SOA ns1 admin 5 3600 600 604800 300\n@ NS ns1\nns1 A 192.0.2.53\nwww A 192.0.2.5\n',
  );
  const stanza = `{ type primary; file "${folder}/added"; };`;
  await rndc(pod(), 'addzone', 'added.example', stanza);
  await rig().zone('added.example', { www: '192.0.2.6' });
  await until(() => conflict('added.example'), patience);
  await pod().killAgent();
  pod().startAgent();
  await pod().ready();
  await pod().killNamed();
  await untilEqual(() => www('added.example'), ['192.0.2.5'], patience);
  await rig().manifest('added-example', undefined);
  await rig().zone('marker.example', { www: '192.0.2.1' });
  await rig().agreed('marker.example');
  expect(await www('added.example')).toEqual(['192.0.2.5']);
  expect(await rndc(pod(), 'showzone', 'added.example')).not.toMatch(/bind9-agent-local/);
});

test("adopts the user's file again when it changes: zones come, take ours over, and go", async () => {
  await rig().zone('taken.example', { www: '192.0.2.3' });
  await rig().agreed('taken.example');
  await writeConf({ zones: ['mine.example', 'later.example', 'taken.example'] });
  await untilEqual(() => www('later.example'), ['192.0.2.77'], patience);
  await untilEqual(() => www('taken.example'), ['192.0.2.77'], patience);
  const gone = async () => (await dig(pod().place, 'both.example', 'SOA')).status;
  await untilEqual(gone, 'REFUSED', patience);
  await pod().killNamed();
  await untilEqual(() => www('taken.example'), ['192.0.2.77'], patience);
  await untilEqual(() => www('ours.example'), ['192.0.2.1'], patience);
  await writeConf({ zones: ['mine.example'] });
  await untilEqual(() => www('taken.example'), ['192.0.2.3'], patience);
});

test('adopts it again within seconds when a file changes that it includes, or that one of these includes', async () => {
  const soon = { withinMs: 5000 };
  const zone = (name: string): string =>
    `zone "${name}" { type primary; file "${folder}/mine.example"; };\n`;
  const write = (file: string, text: string): Promise<void> => writeFile(join(folder, file), text);
  await write('outer.conf', 'include "inner.conf"; include "many-*.conf";');
  await write('inner.conf', zone('inner.example'));
  await write('many-1.conf', zone('many-1.example'));
  // A file that the agent writes is among them.
  const key = join(pod().path('state'), 'keys', 'bind9-agent-control.key');
  const more = `include "outer.conf"; include "${key}";`;
  await writeConf({ zones: ['mine.example'], more });
  for (const name of ['inner.example', 'many-1.example'])
    await untilEqual(() => www(name), ['192.0.2.77'], patience);
  await write('inner.conf', zone('inner.example') + zone('other.example'));
  await untilEqual(() => www('other.example'), ['192.0.2.77'], soon);
  await write('many-2.conf', zone('many-2.example'));
  await untilEqual(() => www('many-2.example'), ['192.0.2.77'], soon);
  await rm(join(folder, 'many-1.conf'));
  const gone = async () => (await dig(pod().place, 'many-1.example', 'SOA')).status;
  await untilEqual(gone, 'REFUSED', soon);
  await writeConf({ zones: ['mine.example'] });
});

/** A line of the primary's metrics. */
async function metric(name: string): Promise<string | undefined> {
  const { body = '' } = (await pod().get('/metrics')) ?? {};
  return new RegExp(`^${name} \\d+$`, 'm').exec(body)?.[0];
}

/** The agent of the primary makes no more passes. */
async function calm(): Promise<void> {
  let before: string | undefined;
  await until(
    async () => {
      const now = await metric('bind9_agent_pass_duration_seconds_count');
      const same = now !== undefined && now === before;
      before = now;
      return same;
    },
    { ...patience, everyMs: 500 },
  );
}

test("keeps the last good configuration when the user's file is broken, has views, or fails in named", async () => {
  const broken: [UserConf, RegExp][] = [
    [
      {
        zones: ['mine.example'],
        more: 'tls t { cert-file "/nowhere/c"; key-file "/nowhere/k"; };',
        options: `listen-on port ${pod().place.dnsPort + 1} tls t { 127.0.0.1; };`,
      },
      /named refuses the new configuration/,
    ],
    [{ zones: ['mine.example'], more: 'zone "x" {' }, /cannot be adopted/],
    [{ zones: [], more: 'view "v" { };' }, /it has views/],
  ];
  const refused = () => metric('bind9_agent_configuration_refused');
  for (const [conf, told] of broken) {
    // In calm: no later pass, made for something else, is to tell what came of it.
    await calm();
    const log = logSince(pod().logs.agent);
    await writeConf(conf);
    await until(() => log().some((line) => told.test(line)), { ...patience, what: String(told) });
    await untilEqual(refused, 'bind9_agent_configuration_refused 1', patience);
    await pod().killNamed();
    await untilEqual(() => www('mine.example'), ['192.0.2.77'], patience);
    await untilEqual(() => www('ours.example'), ['192.0.2.1'], patience);
  }
  await writeConf({ zones: ['mine.example', 'mended.example'] });
  await untilEqual(() => www('mended.example'), ['192.0.2.77'], patience);
  await untilEqual(refused, 'bind9_agent_configuration_refused 0', patience);
});

test('does not let named start on a configuration with views, and says why', async () => {
  const conf = join(folder, 'views.conf');
  await writeFile(conf, 'view "inside" { match-clients { any; }; };\n');
  const other = await makeRig({
    agent: 'bundle',
    secondaries: 0,
    settings: { 'named.conf': conf },
  });
  try {
    const alone = other.pod('primary-0');
    await alone.settle();
    alone.startAgent();
    await until(
      async () => /it has views/.test((await alone.get('/startupz'))?.body ?? ''),
      patience,
    );
    expect(await alone.status('/startupz')).toBe(503);
  } finally {
    await other.close();
  }
});
