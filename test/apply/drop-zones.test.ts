import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { addZones } from '../../agent/apply/add-zones.ts';
import { ContentLoader } from '../../agent/apply/content-loader.ts';
import { dropZones } from '../../agent/apply/drop-zones.ts';
import { type Ledger, openLedger } from '../../agent/apply/ledger.ts';
import { reconcile } from '../../agent/apply/reconcile.ts';
import { rndcProgram } from '../../agent/apply/rndc.ts';
import type { ZoneActionDeps } from '../../agent/apply/zone-action.ts';
import { type ZoneCommander, zoneCommander } from '../../agent/apply/zone-commands.ts';
import { ZoneFiles } from '../../agent/apply/zone-files.ts';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { Wanted } from '../../agent/plan/action.ts';
import { run } from '../../agent/process.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { type LocalNamed, localNamed } from './local-named.ts';

const zone = 'former.example.' as DomainName;
const name = 'former.example';
const never = new AbortController().signal;
const drop = { kind: 'drop', zone, why: 'it is gone' } as const;
let named: LocalNamed | undefined;
const ledgers: Ledger[] = [];
afterEach(async () => {
  for (const ledger of ledgers.splice(0)) await ledger.close();
  await named?.close();
});

const nobody = (): never => {
  throw new Error('nobody is asked');
};
const killed = (): never => {
  throw new Error('killed');
};

/** A run of an agent beside this named: with what the runs before have left on the disk, and doors of its own. */
async function runOn(
  here: LocalNamed,
  doors: Partial<Pick<ZoneActionDeps, 'files' | 'command'>> = {},
): Promise<
  ZoneActionDeps & { readonly serialHere: (zone: DomainName) => Promise<number | undefined> }
> {
  const ledger = await openLedger(here.folder);
  ledgers.push(ledger);
  const { controlPort: port, keyFile } = here;
  const rndc = rndcProgram({ run, tools: '', host: '127.0.0.1', port, keyFile, timeoutMs: 5000 });
  const common = {
    command: zoneCommander(rndc),
    files: new ZoneFiles(here.folder, join(here.folder, 'trash')),
    clock: systemClock,
    loadProblem: () => undefined,
    serialHere: () => here.serial(name),
    ...doors,
  };
  const loader = new ContentLoader({ ...common, update: nobody, readBack: nobody });
  const rest = { reconfig: nobody, replaceStanzas: nobody, refresh: nobody, onForeign: nobody };
  return { ...common, ...rest, log: pino({ level: 'silent' }), loader, ledger };
}

const fileOf = ({ folder }: LocalNamed): string => join(folder, `${name}.zone`);

function wantedIn(here: LocalNamed): Wanted {
  const stanza = `{ type primary; file "${fileOf(here)}"; update-policy { grant "${here.key.name}" zonesub ANY; }; };`;
  const key = objectKey('default', 'former');
  return { zone, key, uid: 'uid', role: 'primary', stanza, primaries: [] };
}

/** A named that serves the zone at serial 7, the newest of it in its journal. */
async function servingSeven(): Promise<LocalNamed> {
  const here = await localNamed();
  named = here;
  await here.start();
  here.write(name, 5);
  const deps = await runOn(here);
  expect(
    await addZones([{ kind: 'add', wanted: wantedIn(here), target: undefined }], deps, never),
  ).toEqual([]);
  await deps.ledger.flush();
  const soa = `ns1.${name}. admin.${name}. 7 3600 600 604800 300`;
  const lines = [
    `server 127.0.0.1 ${here.port}`,
    `zone ${name}`,
    `update add ${name} 300 SOA ${soa}`,
    'send',
    '',
  ];
  await run('nsupdate', ['-k', here.keyFile], { input: lines.join('\n'), timeoutMs: 5000 });
  expect(await here.serial(name)).toBe(7);
  expect(existsSync(`${fileOf(here)}.jnl`)).toBe(true);
  return here;
}

test('what a kill has left of the files of a dropped zone is in the trash before the name is served again', async () => {
  const here = await servingSeven();
  const files = new ZoneFiles(here.folder, join(here.folder, 'trash'));
  files.discard = killed;
  await expect(dropZones([drop], await runOn(here, { files }), never)).rejects.toThrow('killed');
  expect(await here.serial(name)).toBeUndefined();
  expect(existsSync(fileOf(here))).toBe(true);
  const next = await runOn(here);
  const { restored } = await reconcile(new Map(), next);
  expect(restored).toEqual([]);
  expect(next.ledger.entries().size).toBe(0);
  expect(existsSync(fileOf(here))).toBe(false);
  expect(existsSync(`${fileOf(here)}.jnl`)).toBe(false);
});

test('a zone that was only about to be dropped when the agent was killed stays until it is planned again', async () => {
  const here = await servingSeven();
  const command: ZoneCommander = killed;
  await expect(dropZones([drop], await runOn(here, { command }), never)).rejects.toThrow('killed');
  const next = await runOn(here);
  await reconcile(new Map([[zone, { type: 'primary', serial: 7 }]]), next);
  expect(next.ledger.entries().get(zone)).toMatchObject({ serial: 7, pending: true });
  expect(next.ledger.entries().get(zone)?.dropping).toBeUndefined();
  expect(await here.serial(name)).toBe(7);
});

test('files that cannot be moved yet keep the zone on the list of those to go', async () => {
  const here = await servingSeven();
  const deps = await runOn(here);
  const trash = join(here.folder, 'trash');
  await writeFile(trash, 'in the way');
  expect(await dropZones([drop], deps, never)).toMatchObject([{ zone, why: /trash/ }]);
  expect(deps.ledger.entries().get(zone)).toMatchObject({ dropping: true });
  await rm(trash);
  expect(await dropZones([drop], deps, never)).toEqual([]);
  expect(deps.ledger.entries().size).toBe(0);
  expect(existsSync(fileOf(here))).toBe(false);
});
