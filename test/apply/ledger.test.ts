import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Ledger, type LedgerEntry, openLedger } from '../../agent/apply/ledger.ts';
import { publishJson, readJson } from '../../agent/apply/state.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import { FileError } from '../../agent/files.ts';
import { objectKey } from '../../agent/resources/types.ts';

let folder: string;
let file: string;
const opened: Ledger[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ledger-'));
  file = join(folder, 'ledger.jsonl');
});
afterEach(async () => {
  for (const ledger of opened.splice(0)) await ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

async function open(): Promise<Ledger> {
  const ledger = await openLedger(folder);
  opened.push(ledger);
  return ledger;
}

const name = (i: number): DomainName => `zone${i}.example.` as DomainName;

const entry = (i: number, serial = i): LedgerEntry => ({
  zone: name(i),
  key: objectKey('dns', `zone${i}`),
  uid: `uid-${i}`,
  role: 'primary',
  stanza: `zone "zone${i}.example" {\n type primary; file "zone${i}.example.zone"; };`,
  serial,
  hash: `sha256:${'0'.repeat(64)}`,
  records: 3,
  since: '2026-11-21T13:00:00.000Z',
});

const many = (count: number): LedgerEntry[] => [...Array(count).keys()].map((i) => entry(i));

describe('the ledger', () => {
  test('is empty at first, and has what was flushed when it is opened again', async () => {
    const ledger = await open();
    expect([ledger.entries().size, ledger.damaged]).toEqual([0, []]);
    ledger.put(many(3));
    ledger.remove([name(1)]);
    ledger.put([entry(2, 99)]);
    await ledger.flush();
    const again = await open();
    expect([...again.entries().values()]).toEqual([entry(0), entry(2, 99)]);
    expect(again.entries()).toEqual(ledger.entries());
  });

  test('takes no text that says something else than the entry', async () => {
    const ledger = await open();
    ledger.put(many(1));
    const known = ledger.get(name(0));
    ledger.share({ ...entry(0), key: objectKey('dns', 'other') }, 'sha256:other');
    ledger.share({ ...entry(0), uid: 'another' });
    ledger.share(entry(1));
    expect(ledger.get(name(0))).toBe(known);
    expect([...ledger.entries().values()]).toEqual([entry(0)]);
  });

  test('shows what was put at once, and keeps only what was flushed', async () => {
    const ledger = await open();
    ledger.put(many(2));
    await ledger.flush();
    ledger.put([entry(7)]);
    ledger.remove([name(0)]);
    expect([...ledger.entries().keys()]).toEqual([name(1), name(7)]);
    expect([...(await open()).entries().keys()]).toEqual([name(0), name(1)]);
  });

  test('writes nothing where nothing changed', async () => {
    const ledger = await open();
    ledger.put(many(2));
    await ledger.flush();
    const before = readFileSync(file);
    ledger.remove([name(9)]);
    await ledger.flush();
    await (await open()).flush();
    expect(readFileSync(file)).toEqual(before);
  });

  test('killed at any byte of a write keeps all before it, and goes on from there', async () => {
    const ledger = await open();
    ledger.put(many(5));
    await ledger.flush();
    const whole = statSync(file).size;
    ledger.put([entry(5), entry(0, 50)]);
    ledger.remove([name(1)]);
    await ledger.flush();
    const all = readFileSync(file);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: whole, max: all.length }), async (length) => {
        writeFileSync(file, all.subarray(0, length));
        const survived = await open();
        expect(survived.damaged).toEqual([]);
        const lines = all.subarray(0, length).toString().split('\n').length - 1;
        expect(survived.entries().size).toBe([5, 6, 6, 5][lines - 5]);
        survived.put([entry(8)]);
        await survived.flush();
        expect((await open()).entries()).toEqual(survived.entries());
      }),
      { numRuns: 60 },
    );
  });

  test('with damaged lines loses these alone, tells them, and tells them once', async () => {
    const ledger = await open();
    ledger.put(many(5));
    await ledger.flush();
    const lines = readFileSync(file, 'utf8').split('\n');
    lines[1] = '{"put":{"zone":"zone1.example.","ke\u0000\u0000\u0000';
    lines[3] = '{"put":{"zone":"zone3.example."}}';
    lines.splice(4, 0, '[]', '{}', '');
    writeFileSync(file, lines.join('\n'));
    const again = await open();
    expect([...again.entries().keys()]).toEqual([name(0), name(2), name(4)]);
    expect(again.damaged).toEqual([
      { line: 2, problem: 'it is not JSON' },
      { line: 4, problem: 'its key is not text' },
      { line: 5, problem: 'it is not an object' },
      { line: 6, problem: 'it neither puts nor removes' },
      { line: 7, problem: 'it is not JSON' },
    ]);
    expect((await open()).damaged).toEqual([]);
  });

  test('opens with 10,000 zones in well under 200 ms', async () => {
    const ledger = await open();
    ledger.put(many(10_000));
    await ledger.flush();
    const times: number[] = [];
    for (let round = 0; round < 3; round++) {
      const start = performance.now();
      expect((await open()).entries().size).toBe(10_000);
      times.push(performance.now() - start);
    }
    expect(Math.min(...times)).toBeLessThan(200);
  });

  test('does not grow without end', async () => {
    const ledger = await open();
    ledger.put(many(100));
    await ledger.flush();
    const size = statSync(file).size;
    for (let round = 0; round < 100; round++) {
      ledger.put(many(100));
      await ledger.flush();
    }
    expect(statSync(file).size).toBeLessThan(size * 15);
    expect((await open()).entries()).toEqual(ledger.entries());
  });

  test('has on the disk all that was put before a flush, however many run at once', async () => {
    const ledger = await open();
    const flushes: Promise<void>[] = [];
    for (let i = 0; i < 50; i++) {
      ledger.put([entry(i)]);
      flushes.push(ledger.flush());
      if (i % 7 === 0) await flushes.at(-2);
    }
    ledger.remove([name(0)]);
    await ledger.flush();
    expect((await open()).entries()).toEqual(ledger.entries());
    await Promise.all(flushes);
  });

  test('that cannot be written says so, keeps all it was given, and writes it once it can', async () => {
    const ledger = await open();
    ledger.put([entry(1)]);
    mkdirSync(join(file, 'in-the-way'), { recursive: true });
    await expect(ledger.flush()).rejects.toThrow(FileError);
    await expect(ledger.flush()).rejects.toThrow(`cannot write ${file}`);
    rmSync(file, { recursive: true });
    ledger.put([entry(2)]);
    await ledger.flush();
    expect((await open()).entries()).toEqual(ledger.entries());
  });

  test('sweeps what a killed agent has left half-written', async () => {
    writeFileSync(join(folder, '.publish-0d6fdbb0-32a8-4a15-a4a7-5f1e2c3d4e5f.tmp'), 'half');
    await open();
    expect(readdirSync(folder)).toEqual([]);
  });

  test('takes nothing on from a write that failed halfway', async () => {
    const ledger = await open();
    ledger.put([entry(1)]);
    await ledger.flush();
    // What a full disk leaves behind, and the agent dies over it.
    appendFileSync(file, '{"put":{"zone":"zo');
    const again = await open();
    again.put([entry(2)]);
    await again.flush();
    const last = await open();
    expect([last.entries().size, last.damaged]).toEqual([2, []]);
  });
});

describe('a small document', () => {
  const parse = (value: unknown): { n: number } | undefined =>
    typeof value === 'object' && value !== null && 'n' in value && typeof value.n === 'number'
      ? { n: value.n }
      : undefined;

  test('is read as it was published, and what else may stand there is told', async () => {
    const path = join(folder, 'state.json');
    expect(await readJson(path, parse)).toEqual({ kind: 'absent' });
    await publishJson(path, { n: 7 });
    expect(await readJson(path, parse)).toEqual({ kind: 'read', value: { n: 7 } });
    writeFileSync(path, '{"n":');
    expect(await readJson(path, parse)).toEqual({ kind: 'damaged', why: `${path} is not JSON` });
    writeFileSync(path, '{"n":"7"}');
    expect(await readJson(path, parse)).toMatchObject({ kind: 'damaged' });
  });
});
