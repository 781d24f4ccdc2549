import { createSecretKey, randomInt } from 'node:crypto';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import { SoaClient } from '../../agent/observe/dns-client.ts';
import { followLog } from '../../agent/observe/follow-log.ts';
import { readNamedZones } from '../../agent/observe/named-statistics.ts';
import { parseNamedStatus } from '../../agent/plan/named-status.ts';
import type { TransferEvent } from '../../agent/plan/transfer-event.ts';
import { parseLogLine } from '../../agent/plan/transfer-log.ts';
import { noMemory, remember, type TransferMemory } from '../../agent/plan/transfer-memory.ts';
import {
  judge,
  type Observation,
  observe,
  type ZoneTransferState,
} from '../../agent/plan/transfer-state.ts';
import { systemBind } from '../rig/bind-versions.ts';
import { until } from '../rig/until.ts';
import {
  key,
  openPair,
  type Pair,
  primaryStanza,
  secondaryStanza,
  secret,
  zoneText,
} from './named-pair.ts';

const zone = 'a.test.' as DomainName;
const otherSecret = 'YW5vdGhlci1hbm90aGVyLWFub3RoZXItYW5vdGhlci0=';
const journalGrainMs = 50;

let pair: Pair;
let stop: AbortController;
let following: Promise<void>;
let memory: TransferMemory = noMemory;
let events: TransferEvent[] = [];
let client: SoaClient;

beforeAll(async () => {
  const bind = await systemBind();
  if (!bind.ok) throw new Error(bind.why);
  pair = await openPair(bind.bind);
  client = new SoaClient({ clock: systemClock, randomId: () => randomInt(65_536) });
  stop = new AbortController();
  following = follow();
  // A secondary without data that meets no primary at its start asks again after a minute only.
  await pair.primary.start();
  await pair.secondary.start();
});

afterAll(async () => {
  stop.abort();
  await following;
  await pair.close();
});

async function follow(): Promise<void> {
  const { log: path } = pair.secondary;
  for await (const { lines } of followLog({ path, signal: stop.signal })) {
    for (const event of lines.map(parseLogLine)) {
      if (event === undefined || event.kind === 'bad-signature' || event.zone !== zone) continue;
      events.push(event);
      memory = remember(memory, event, event.kind === 'transfer-completed' ? journal() : undefined);
    }
  }
}

const journalFile = (): string => join(pair.secondary.folder, 'a.test.zone.jnl');

const journal = (): boolean =>
  existsSync(journalFile()) &&
  statSync(journalFile()).mtimeMs >= (memory.running?.since ?? 0) - journalGrainMs;

/** A look with the agent's own means. */
async function look(): Promise<ZoneTransferState> {
  const ask = (port: number, keySecret = secret) =>
    client.soa({
      address: '127.0.0.1',
      port,
      zone,
      key: { name: 'k', algorithm: 'hmac-sha256', secret: createSecretKey(keySecret, 'base64') },
      timeoutMs: 300,
      attempts: 2,
    });
  const endpoint = { address: '127.0.0.1', port: pair.primary.port, key: 'k' };
  const statistics = await zones();
  const expiresAt = statistics.get(zone)?.expires;
  const served = await ask(pair.secondary.port);
  const soa = await ask(pair.primary.port);
  const now = Date.now();
  const observation: Observation = {
    now,
    role: 'secondary',
    served,
    primaries: [{ endpoint, probe: { at: now, soa } }],
    ...(expiresAt !== undefined && { expiresAt }),
  };
  memory = observe(memory, observation);
  return judge(memory, observation);
}

const channel = () => ({
  address: '127.0.0.1',
  port: pair.secondary.statisticsPort,
  timeoutMs: 2000,
});
const zones = () => readNamedZones(channel());

const untilState = (wanted: Partial<ZoneTransferState>): Promise<boolean> =>
  until(
    async () => {
      const seen = await look();
      expect(seen).toMatchObject(wanted);
      return true;
    },
    { everyMs: 100, withinMs: 8000 },
  );

async function load(serial: number, addresses: number): Promise<void> {
  const { primary } = pair;
  writeFileSync(join(primary.folder, 'a.test.zone'), zoneText(serial, addresses));
  await primary.rndc('reload', 'a.test');
  await until(async () => (await primary.serial('a.test')) === serial);
}

async function refresh(): Promise<void> {
  events = [];
  await pair.secondary.rndc('refresh', 'a.test');
}

test('the first transfer is an AXFR and leaves no journal', async () => {
  await untilState({ state: 'Current', serial: 5, from: '127.0.0.1', method: 'AXFR' });
  expect(existsSync(journalFile())).toBe(false);
  expect(memory.attempt).toMatchObject({ result: 'success', method: 'AXFR' });
});

test('the next ones are IXFRs, each time told by the journal', async () => {
  for (const serial of [6, 7]) {
    await load(serial, 60 + serial);
    await refresh();
    await untilState({ state: 'Current', serial, method: 'IXFR' });
  }
});

test('a refresh that finds nothing new touches the journal, is not logged, and is no transfer', async () => {
  const before = statSync(journalFile()).mtimeMs;
  const since = Date.now();
  await refresh();
  await until(() => statSync(journalFile()).mtimeMs > before);
  expect(events.filter(({ at }) => at > since)).toEqual([]);
  await untilState({ state: 'Current', serial: 7, method: 'IXFR' });
});

test('a forced transfer is an AXFR: named removes the journal', async () => {
  events = [];
  await pair.secondary.rndc('retransfer', 'a.test');
  await until(() => events.some(({ kind }) => kind === 'transfer-completed'));
  expect(existsSync(journalFile())).toBe(false);
  await untilState({ state: 'Current', serial: 7, method: 'AXFR' });
});

test('a restart of named is followed, and its transfers after it', async () => {
  await pair.secondary.stop();
  await pair.secondary.start();
  await load(8, 60);
  await refresh();
  await untilState({ state: 'Current', serial: 8, method: 'IXFR' });
});

test('statistics tell serial and times of our zones', async () => {
  const known = await zones();
  expect([...known.keys()]).toEqual([zone]);
  expect(known.get(zone)).toMatchObject({ type: 'secondary', serial: 8 });
  const { loaded = 0, expires } = known.get(zone) ?? {};
  expect(Math.abs(loaded - Date.now())).toBeLessThan(60_000);
  expect(expires).toBeGreaterThan(loaded);
  const late = { ...channel(), timeoutMs: 300, port: pair.secondary.port };
  await expect(readNamedZones(late)).rejects.toThrow(/statistics channel at 127\.0\.0\.1 port/);
});

test('the status of a running named is read', async () => {
  const status = parseNamedStatus(await pair.secondary.rndc('status'));
  expect(status).toMatchObject({ running: true, transfersRunning: 0, zones: expect.any(Number) });
});

test('a transfer that the primary denies is Refused, until it is allowed and asked for again', async () => {
  pair.primary.configure(primaryStanza('allow-transfer { none; };'));
  await pair.primary.rndc('reconfig');
  await load(9, 61);
  await refresh();
  await untilState({ state: 'Failing', serial: 8, reason: 'Refused' });
  const { message, behindSince } = await look();
  expect(message).toMatch(/refused the transfer: the key k is not in its allow-transfer$/);
  expect(behindSince).toBeLessThanOrEqual(Date.now());
  pair.primary.configure(primaryStanza());
  await pair.primary.rndc('reconfig');
  await refresh();
  await untilState({ state: 'Current', serial: 9 });
  expect(await look()).not.toHaveProperty('behindSince');
});

test('a zone that the primary has not is NotAuthoritative', async () => {
  pair.primary.configure('');
  await pair.primary.rndc('reconfig');
  await refresh();
  await untilState({ state: 'Failing', serial: 9, reason: 'NotAuthoritative' });
});

test.each<[string, string, string]>([
  ['TsigUnknownKey', 'knows another key only', key('other')],
  ['TsigBadSignature', 'has another secret', key('k', otherSecret)],
])('%s: the primary %s', async (reason, _, keys) => {
  pair.primary.configure(primaryStanza('allow-transfer { any; };'), '', keys);
  await pair.primary.rndc('reconfig');
  await refresh();
  await until(() => events.some(({ kind }) => kind === 'refresh-failed'));
  await untilState({ state: 'Failing', serial: 9, reason: reason as 'TsigUnknownKey' });
});

test('a key that the secondary itself has not is told as such', async () => {
  pair.primary.configure(primaryStanza());
  await pair.primary.rndc('reconfig');
  await refresh();
  await untilState({ state: 'Current' });
  pair.secondary.configure(secondaryStanza(pair.primary.port, 'nokey'));
  // BIND 9.20 refuses the configuration, 9.18 takes it and fails at run time.
  const refused = await pair.secondary.rndc('reconfig').then(
    () => false,
    () => true,
  );
  if (refused) return;
  await refresh();
  const missing = { kind: 'key-missing', key: 'nokey' };
  await until(() =>
    events.some((event) => expect.objectContaining(missing).asymmetricMatch(event)),
  );
  expect((await look()).message).toMatch(/has no key nokey/);
  pair.secondary.configure(secondaryStanza(pair.primary.port));
  await pair.secondary.rndc('reconfig');
});

test('a primary that is gone is Unreachable, and forgotten as such when it is back', async () => {
  await pair.primary.stop();
  await refresh();
  await untilState({ state: 'Failing', serial: 9, reason: 'Unreachable' });
  await pair.primary.start();
  await untilState({ state: 'Current', serial: 9 });
});
