import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ContentLoader } from '../../agent/apply/content-loader.ts';
import { publishFirstStanzas, withdrawFirstStanzas } from '../../agent/apply/first-stanzas.ts';
import { type Ledger, openLedger, readLedger } from '../../agent/apply/ledger.ts';
import { ZoneApplier } from '../../agent/apply/zone-applier.ts';
import { ZoneFiles } from '../../agent/apply/zone-files.ts';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { Wanted } from '../../agent/plan/action.ts';
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

function makeApplier(): ZoneApplier {
  const nobody = (): never => {
    throw new Error('named is not there yet');
  };
  const files = new ZoneFiles(folder, folder);
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
  return new ZoneApplier({ ...common, reconfig: nobody, ledger, loader, onForeign: nobody });
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
