import { randomInt } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { ContentLoader, type LoadOutcome } from '../../agent/apply/content-loader.ts';
import { rndcProgram } from '../../agent/apply/rndc.ts';
import { sendUpdates } from '../../agent/apply/update.ts';
import { zoneCommander } from '../../agent/apply/zone-commands.ts';
import { ZoneFiles } from '../../agent/apply/zone-files.ts';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { RRset } from '../../agent/dns/rrset.ts';
import { renderKey, type TsigKey } from '../../agent/dns/tsig-key.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import { transfer } from '../../agent/observe/dns-client.ts';
import type { Target } from '../../agent/plan/action.ts';
import { run } from '../../agent/process.ts';
import { type LocalNamed, localNamed, makeKey } from './local-named.ts';

const zone = 'example.com.' as DomainName;
const never = new AbortController().signal;
let named: LocalNamed | undefined;
afterEach(() => named?.close());

/** What local-named serves, with this address of `www`. */
function target(serial: number, address: string): Target {
  const host = (name: string): DomainName => `${name}.example.com.` as DomainName;
  const set = (owner: DomainName, type: string, data: string): RRset => ({
    owner,
    type,
    ttl: 300,
    rdata: [data],
  });
  const soa = {
    mname: host('ns1'),
    rname: host('admin'),
    refresh: 3600,
    retry: 600,
    expire: 604_800,
    minimum: 300,
  };
  const rrsets = [
    set(zone, 'NS', 'ns1.example.com.'),
    set(host('ns1'), 'A', '192.0.2.53'),
    set(host('www'), 'A', address),
  ];
  return { content: zoneContentOf({ zone, soa, soaTtl: 300, rrsets }), serial };
}

/** @param key the one that updates are signed with, if not the one that named takes them from */
async function open(key?: TsigKey): Promise<{
  here: LocalNamed;
  loader: ContentLoader;
  /** How often the zone was read and updates were sent. */
  costs: { reads: number; updates: number };
  load: (wanted: Target) => Promise<LoadOutcome>;
}> {
  const here = await localNamed(['example.com']);
  named = here;
  const costs = { reads: 0, updates: 0 };
  const updateKey = key === undefined ? here.keyFile : join(here.folder, 'other.key');
  if (key !== undefined) {
    await writeFile(updateKey, renderKey(key));
    here.configure([here.key, key]);
  }
  await here.start();
  const { port, controlPort, keyFile, folder } = here;
  const rndc = rndcProgram({
    run,
    tools: '',
    host: '127.0.0.1',
    port: controlPort,
    keyFile,
    timeoutMs: 5000,
  });
  const server = { address: '127.0.0.1', port };
  const loader = new ContentLoader({
    command: zoneCommander(rndc),
    files: new ZoneFiles(folder, join(folder, 'trash')),
    clock: systemClock,
    serialHere: () => here.serial('example.com'),
    update: (changes) => {
      costs.updates += 1;
      return sendUpdates(changes, { run, tools: '', server, keyFile: updateKey, timeoutMs: 5000 });
    },
    readBack: async () => {
      costs.reads += 1;
      const parts = { clock: systemClock, randomId: () => randomInt(65_536) };
      const answer = await transfer({ ...server, zone, timeoutMs: 5000 }, parts);
      if (answer.kind !== 'ok') return undefined;
      const { soa, soaTtl, rrsets } = answer;
      return { content: zoneContentOf({ zone, soa, soaTtl, rrsets }), serial: soa.serial };
    },
    loadProblem: () => undefined,
  });
  const load = async (wanted: Target): Promise<LoadOutcome> => {
    const outcomes: LoadOutcome[] = [];
    await loader.load([{ kind: 'load', zone, target: wanted }], never, (_, outcome) =>
      outcomes.push(outcome),
    );
    expect(outcomes).toHaveLength(1);
    return outcomes[0];
  };
  return { here, loader, costs, load };
}

/** An update that an earlier run had sent arrives now. */
async function lateUpdate(
  { port, keyFile }: LocalNamed,
  serial: number,
  address: string,
): Promise<void> {
  const soa = `ns1.example.com. admin.example.com. ${serial} 3600 600 604800 300`;
  const lines = [
    `server 127.0.0.1 ${port}`,
    'zone example.com',
    'update delete www.example.com A',
    `update add www.example.com 300 A ${address}`,
    `update add example.com 300 SOA ${soa}`,
    'send',
    '',
  ];
  expect(
    (await run('nsupdate', ['-k', keyFile], { input: lines.join('\n'), timeoutMs: 5000 })).ok,
  ).toBe(true);
}

const wwwOf = async (here: LocalNamed): Promise<string | undefined> =>
  (await here.transfer('example.com'))
    .find((line) => line.startsWith('www'))
    ?.split(' ')
    .at(-1);

test('loads what is not known record by record by update, having read it', async () => {
  const { here, load } = await open();
  expect(await load(target(6, '192.0.2.6'))).toBeUndefined();
  expect(await here.serial('example.com')).toBe(6);
  expect(await wwwOf(here)).toBe('192.0.2.6');
});

test('does nothing where just this is served already', async () => {
  const { here, load } = await open();
  expect(await load(target(5, '192.0.2.1'))).toBeUndefined();
  expect(await here.serial('example.com')).toBe(5);
});

test('a late update of an earlier run is undone, where its serial is older', async () => {
  const { here, loader, load } = await open();
  loader.learn(zone, target(5, '192.0.2.1'));
  await lateUpdate(here, 6, '192.0.2.99');
  expect(await load(target(7, '192.0.2.7'))).toBeUndefined();
  expect(await here.serial('example.com')).toBe(7);
  expect(await wwwOf(here)).toBe('192.0.2.7');
});

test.each([6, 8])(
  'a late update of an earlier run under serial %i is not taken for ours, nor put under a serial that is not newer',
  async (late) => {
    const { here, loader, load } = await open();
    loader.learn(zone, target(5, '192.0.2.1'));
    await lateUpdate(here, late, '192.0.2.99');
    const outcome = await load(target(6, '192.0.2.6'));
    expect(outcome).toMatchObject({
      served: { serial: late, content: { hash: target(late, '192.0.2.99').content.hash } },
    });
    expect(await here.serial('example.com')).toBe(late);
    expect(await load(target(late + 1, '192.0.2.6'))).toBeUndefined();
    expect(await wwwOf(here)).toBe('192.0.2.6');
  },
);

test('an update that named refuses is sent once; then the content comes by file', async () => {
  const { here, loader, costs, load } = await open(makeKey('not-granted'));
  loader.learn(zone, target(5, '192.0.2.1'));
  expect(await load(target(6, '192.0.2.6'))).toBeUndefined();
  expect(await here.serial('example.com')).toBe(6);
  expect(await wwwOf(here)).toBe('192.0.2.6');
  expect(costs).toEqual({ reads: 0, updates: 1 });
});

test('an update that named refuses does not make way for content older than what came in between', async () => {
  const { here, loader, load } = await open(makeKey('not-granted'));
  loader.learn(zone, target(5, '192.0.2.1'));
  await lateUpdate(here, 8, '192.0.2.99');
  expect(await load(target(6, '192.0.2.6'))).toMatchObject({ served: { serial: 8 } });
  expect(await here.serial('example.com')).toBe(8);
});
