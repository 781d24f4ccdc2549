import { existsSync } from 'node:fs';
import { copyFile, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openLedger } from '../../agent/apply/ledger.ts';
import { reconcile } from '../../agent/apply/reconcile.ts';
import { rndcProgram } from '../../agent/apply/rndc.ts';
import { zoneCommander } from '../../agent/apply/zone-commands.ts';
import { ZoneFiles } from '../../agent/apply/zone-files.ts';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import { run } from '../../agent/process.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { untilEqual } from '../rig/until.ts';
import { type LocalNamed, localNamed } from './local-named.ts';

const zone = 'example.com.' as DomainName;
let named: LocalNamed | undefined;
afterEach(() => named?.close());

/** A named that serves the zone at serial 7: 5 in its file, the rest in its journal. */
async function servingSeven(): Promise<LocalNamed> {
  named = await localNamed(['example.com']);
  await named.start();
  const script = [
    `server 127.0.0.1 ${named.port}`,
    'zone example.com',
    'update add new.example.com 300 A 192.0.2.7',
    'update add example.com 300 SOA ns1.example.com. admin.example.com. 7 3600 600 604800 300',
    'send',
    '',
  ].join('\n');
  const ran = await run('nsupdate', ['-k', named.keyFile], { input: script, timeoutMs: 5000 });
  expect(ran.ok).toBe(true);
  expect(await named.serial('example.com')).toBe(7);
  return named;
}

/** Reconciles what a named that was just started has of the zone with a ledger that says it was loaded at this serial. */
async function reconcileWith(here: LocalNamed, serial: number, loaded?: number) {
  const ledger = await openLedger(here.folder);
  const key = objectKey('default', 'example-com');
  const about = { zone, key, uid: '', role: 'primary', stanza: '', since: '' } as const;
  ledger.put([{ ...about, serial, hash: 'sha256:0' }]);
  const { controlPort: port, keyFile } = here;
  const rndc = rndcProgram({ run, tools: '', host: '127.0.0.1', port, keyFile, timeoutMs: 5000 });
  const told = { type: 'primary', ...(loaded === undefined ? {} : { serial: loaded }) };
  const outcome = await reconcile(new Map([[zone, told]]), {
    ledger,
    loader: { forget: () => undefined },
    files: new ZoneFiles(here.folder, join(here.folder, 'trash')),
    command: zoneCommander(rndc),
    clock: systemClock,
    serialHere: () => here.serial('example.com'),
  });
  return { outcome, entry: ledger.entries().get(zone) };
}

test('serves a new file at once whose old journal kept named from loading it', async () => {
  const here = await servingSeven();
  await here.kill();
  here.write('example.com', 9);
  await here.start();
  expect(await here.serial('example.com')).toBeUndefined();
  const { outcome, entry } = await reconcileWith(here, 7);
  expect(await here.serial('example.com')).toBe(9);
  expect(outcome.repaired).toEqual([zone]);
  // What is in it is not what was loaded last.
  expect(entry).toMatchObject({ serial: 9 });
  expect(entry?.hash).toBeUndefined();
});

test('goes back to the last good file when a run was killed before it could see that named refuses the new one', async () => {
  const here = await servingSeven();
  const path = join(here.folder, 'example.com.zone');
  await run(
    'rndc',
    [
      '-s',
      '127.0.0.1',
      '-p',
      String(here.controlPort),
      '-k',
      here.keyFile,
      'sync',
      '-clean',
      'example.com',
    ],
    { timeoutMs: 5000 },
  );
  // named removes the journal before it has written the file.
  await untilEqual(async () => /\b7\b\s*; serial/.test(await readFile(path, 'utf8')), true);
  await here.kill();
  await rename(path, `${path}.last`);
  await writeFile(path, 'this is no zone\n');
  await here.start();
  expect(await here.serial('example.com')).toBeUndefined();
  await reconcileWith(here, 7);
  expect(await here.serial('example.com')).toBe(7);
  expect(existsSync(`${path}.last`)).toBe(false);
});

test('lets go of the last good file where the new one is served after all', async () => {
  const here = await servingSeven();
  const path = join(here.folder, 'example.com.zone');
  await copyFile(path, `${path}.last`);
  const { outcome, entry } = await reconcileWith(here, 7, 7);
  expect(outcome.repaired).toEqual([]);
  expect(entry).toMatchObject({ serial: 7, hash: 'sha256:0' });
  expect(existsSync(`${path}.last`)).toBe(false);
});
