import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ContentLoader } from '../../agent/apply/content-loader.ts';
import { publishFirstStanzas, withdrawFirstStanzas } from '../../agent/apply/first-stanzas.ts';
import { type Ledger, openLedger, readLedger } from '../../agent/apply/ledger.ts';
import { reconcile } from '../../agent/apply/reconcile.ts';
import { ZoneApplier } from '../../agent/apply/zone-applier.ts';
import { ZoneFiles } from '../../agent/apply/zone-files.ts';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import { zoneContentOf } from '../../agent/dns/zone-text.ts';
import type { Action, Wanted } from '../../agent/plan/action.ts';
import { objectKey } from '../../agent/resources/types.ts';

let folder: string;
let ledger: Ledger;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'first-start-'));
  ledger = await openLedger(folder);
});
afterEach(async () => {
  await ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

const zone = 'example.com.' as DomainName;
const wanted: Wanted = {
  zone,
  key: objectKey('default', 'example-com'),
  uid: 'uid',
  role: 'secondary',
  stanza: '{ type secondary; };',
  primaries: [{ address: '192.0.2.1', port: 53 }],
};

const nobody = (): never => {
  throw new Error('named is not there yet');
};

function makeApplier(): ZoneApplier {
  const files = new ZoneFiles(folder, join(folder, 'trash'));
  const common = {
    command: nobody,
    refresh: nobody,
    files,
    clock: systemClock,
    loadProblem: () => undefined,
  };
  const loader = new ContentLoader({
    ...common,
    serialHere: nobody,
    update: nobody,
    readBack: nobody,
  });
  const rest = { reconfig: nobody, replaceStanzas: nobody, onForeign: nobody };
  return new ZoneApplier({ ...common, ...rest, log: pino({ level: 'silent' }), ledger, loader });
}

test('what is prepared for a first start is held for true once it is known that named reads it', async () => {
  const applier = makeApplier();
  const { stanzas } = await applier.prepare([{ kind: 'add', wanted, target: undefined }]);
  expect(stanzas).toBe('zone "example.com" { type secondary; };\n');
  expect((await readLedger(folder)).get(zone)?.pending).toBe(true);
  await applier.confirmPrepared();
  expect((await readLedger(folder)).get(zone)).toMatchObject({ stanza: wanted.stanza });
  expect((await readLedger(folder)).get(zone)?.pending).toBeUndefined();
});

const rrsets = [{ owner: zone, type: 'NS', ttl: 300, rdata: ['ns.example.net.'] }];
const soa = { mname: zone, rname: zone, refresh: 60, retry: 60, expire: 600, minimum: 60 };
const content = zoneContentOf({ zone, soa, soaTtl: 300, rrsets });
const add = (serial: number): Action => ({
  kind: 'add',
  wanted: { ...wanted, role: 'primary', primaries: [], stanza: '{ type primary; };' },
  target: { content, serial },
});

test('what was prepared and has not changed is not written again; what changed is', async () => {
  const applier = makeApplier();
  const file = join(folder, 'example.com.zone');
  const traces = () => [file, join(folder, 'ledger.jsonl')].map((path) => statSync(path).mtimeMs);
  const first = await applier.prepare([add(7)]);
  await applier.confirmPrepared();
  const before = traces();
  expect(await applier.prepare([add(7)])).toEqual(first);
  await applier.confirmPrepared();
  expect(traces()).toEqual(before);
  await applier.prepare([add(8)]);
  expect(readFileSync(file, 'utf8')).toMatch(/ 8 /);
  expect((await readLedger(folder)).get(zone)).toMatchObject({ serial: 8, pending: true });
});

test('what was prepared and is not wanted any more does not come back as a zone that named has lost', async () => {
  const applier = makeApplier();
  await applier.prepare([add(7)]);
  await applier.confirmPrepared();
  expect(await applier.prepare([])).toEqual({ stanzas: '', failures: [] });
  await applier.confirmPrepared();
  const { restored } = await reconcile(new Map(), {
    ledger,
    loader: { forget: () => undefined },
    files: new ZoneFiles(folder, join(folder, 'trash')),
    clock: systemClock,
    command: nobody,
    serialHere: nobody,
  });
  expect(restored).toEqual([]);
  expect(ledger.entries().size).toBe(0);
  expect(existsSync(join(folder, 'example.com.zone'))).toBe(false);
});

test('no text of stanzas lies there where there is no zone, or when it is withdrawn', async () => {
  const text = join(folder, '_default.nzf');
  await publishFirstStanzas(folder, 'zone "example.com" { type secondary; };\n');
  expect(existsSync(text)).toBe(true);
  await publishFirstStanzas(folder, '');
  expect(existsSync(text)).toBe(false);
  await publishFirstStanzas(folder, 'zone "example.com" { type secondary; };\n');
  await withdrawFirstStanzas(folder);
  await withdrawFirstStanzas(folder);
  expect(existsSync(text)).toBe(false);
});
