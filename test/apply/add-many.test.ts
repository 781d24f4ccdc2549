import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addZones } from '../../agent/apply/add-zones.ts';
import { ContentLoader } from '../../agent/apply/content-loader.ts';
import { type Ledger, openLedger } from '../../agent/apply/ledger.ts';
import type { AddAction, ZoneActionDeps } from '../../agent/apply/zone-action.ts';
import { ZoneFiles } from '../../agent/apply/zone-files.ts';
import type { Clock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import { type ZoneContent, zoneContentOf } from '../../agent/dns/zone-text.ts';
import { objectKey } from '../../agent/resources/types.ts';

const zones = Array.from({ length: 120 }, (_, index) => `zone-${index}.example.` as DomainName);
const [first, second, third] = zones as [DomainName, DomainName, DomainName];

let folder: string;
let ledger: Ledger;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bind9-agent-many-'));
  ledger = await openLedger(folder);
});
afterEach(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

const contentOf = (zone: DomainName): ZoneContent => ({
  ...zoneContentOf({
    zone,
    soa: { mname: zone, rname: zone, refresh: 1, retry: 1, expire: 1, minimum: 1 },
    soaTtl: 60,
    rrsets: [{ owner: zone, type: 'NS', ttl: 60, rdata: [zone] }],
  }),
  hash: `sha256:${zone}`,
});

const add = (zone: DomainName): AddAction => ({
  kind: 'add',
  wanted: {
    ...{ zone, key: objectKey('default', zone), uid: zone, role: 'primary', primaries: [] },
    stanza: '{ type primary; };',
  },
  target: { content: contentOf(zone), serial: 7 },
});

/** What a named that can not be had on demand says: it takes many zones at once, and loads not all of them. */
interface NamedSays {
  readonly serialOf: (zone: DomainName) => number | undefined;
  readonly problemOf: (zone: DomainName) => string | undefined;
  readonly refuses?: string;
  readonly command?: ZoneActionDeps['command'];
}

/** A clock that goes on by what is waited for, and at once. */
function leapingClock(): Clock {
  let now = 0;
  const sleep = async (ms: number): Promise<void> => {
    now += ms;
  };
  return { now: () => now, monotonic: () => now, sleep };
}

const nobody = (): never => {
  throw new Error('nobody is asked');
};

function beside({ serialOf, problemOf, refuses, command = nobody }: NamedSays): ZoneActionDeps {
  const common = {
    ...{ command, clock: leapingClock(), loadProblem: problemOf },
    files: new ZoneFiles(folder, join(folder, 'trash')),
    serialHere: async (zone: DomainName) => serialOf(zone),
  };
  const loader = new ContentLoader({ ...common, update: nobody, readBack: nobody });
  const rest = { reconfig: nobody, refresh: nobody, onForeign: nobody };
  const replaceStanzas = async (): Promise<string | undefined> => refuses;
  return { ...common, ...rest, replaceStanzas, log: pino({ level: 'silent' }), loader, ledger };
}

test('of many zones that were added at once those count as loaded that named serves', async () => {
  const deps = beside({
    serialOf: (zone) => (zone === first || zone === second ? undefined : zone === third ? 6 : 7),
    problemOf: (zone) => (zone === first ? 'out of memory' : undefined),
  });
  const failures = await addZones(zones.map(add), deps, new AbortController().signal);
  expect(failures).toEqual([{ zone: first, why: 'named refuses the zone: out of memory' }]);
  const unloaded = [...ledger.entries().values()].filter(({ hash }) => hash === undefined);
  expect(unloaded.map(({ zone }) => zone)).toEqual([first, second, third]);
  expect([...ledger.entries().values()].filter(({ pending }) => pending === true)).toEqual([]);
  expect(zones.filter((zone) => !deps.loader.knows(zone))).toEqual([first, second, third]);
});

test('a zone that named calls wrong is not waited for', async () => {
  const deps = beside({
    serialOf: (zone) => (zone === first ? undefined : 7),
    problemOf: (zone) => (zone === first ? 'out of memory' : undefined),
  });
  const before = deps.clock.monotonic();
  await addZones(zones.map(add), deps, new AbortController().signal);
  expect(deps.clock.monotonic() - before).toBeLessThan(1000);
});

test('where they can not be given at once, each is added for itself', async () => {
  const added: string[] = [];
  const command: ZoneActionDeps['command'] = async (what, zone) => {
    added.push(`${what} ${zone}`);
    return { ok: true, result: 0, text: '' };
  };
  const none = { serialOf: () => undefined, problemOf: () => undefined };
  const deps = beside({ ...none, command, refuses: 'there are others' });
  expect(await addZones(zones.map(add), deps, new AbortController().signal)).toEqual([]);
  expect(added).toEqual(zones.map((zone) => `addzone ${zone}`));
});
