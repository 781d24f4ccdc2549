import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileZone } from '../../agent/observe/compile-zone.ts';
import { TransientError } from '../../agent/problem.ts';
import { run } from '../../agent/process.ts';
import { example, name } from '../dns/bind.ts';

const tools = { run, tools: '', timeoutMs: 10_000 };
const text = '$TTL 60\n@ SOA a. b. 7 1 2 3 4\n@ NS a.\n';

describe('compiling a zone', () => {
  test('gives its SOA, serial and records', async () => {
    const compiled = await compileZone({ zone: example, text }, tools);
    expect(compiled).toEqual({
      ok: true,
      value: {
        soa: { mname: 'a.', rname: 'b.', refresh: 1, retry: 2, expire: 3, minimum: 4 },
        serial: 7,
        soaTtl: 60,
        rrsets: [{ owner: 'example.com.', type: 'NS', ttl: 60, rdata: ['a.'] }],
        ignored: [],
      },
    });
  });

  test.each(['-f.example', '--.example', '.', '0/25.2.0.192.in-addr.arpa', 'a\\;b.example'])(
    'works for the zone %s',
    async (zoneName) => {
      const rootText = text.replace('@ NS a.', '@ NS a.\na. A 192.0.2.1');
      const zone = name(zoneName);
      const compiled = await compileZone({ zone, text: rootText }, tools);
      expect(compiled.ok && compiled.value.rrsets[0]?.owner).toBe(zone);
    },
  );

  test('tells the line and the reason of what is wrong', async () => {
    const wrong = `${text}x A 1.2.3\n`;
    expect(await compileZone({ zone: example, text: wrong }, tools)).toEqual({
      ok: false,
      problems: [{ path: 'line 4', problem: "near '1.2.3': bad dotted quad" }],
    });
  });

  test('lets pass what is told record by record elsewhere', async () => {
    const odd = `${text}a_b A 192.0.2.1\n@ MX 1 192.0.2.1.\n@ MX 2 c\nc CNAME x.\n`;
    const compiled = await compileZone({ zone: example, text: odd }, tools);
    expect(compiled.ok && compiled.value.rrsets).toHaveLength(4);
  });
});

describe('when the compiler cannot be run', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'compile-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test('nothing is known of the text, and it is worth another try', async () => {
    writeFileSync(join(folder, 'named-compilezone'), '#!/bin/sh\nexec sleep 60\n');
    chmodSync(join(folder, 'named-compilezone'), 0o755);
    const request = { zone: example, text };
    await expect(compileZone(request, { run, tools: folder, timeoutMs: 50 })).rejects.toThrow(
      TransientError,
    );
    await expect(
      compileZone(request, { run, tools: join(folder, 'none'), timeoutMs: 5000 }),
    ).rejects.toThrow('was not found');
    const stop = new AbortController();
    stop.abort();
    await expect(compileZone(request, { ...tools, signal: stop.signal })).rejects.toThrow(
      TransientError,
    );
  });

  test('a garbled answer is no zone', async () => {
    writeFileSync(join(folder, 'named-compilezone'), '#!/bin/sh\ncat >/dev/null\necho what\n');
    chmodSync(join(folder, 'named-compilezone'), 0o755);
    await expect(
      compileZone({ zone: example, text }, { run, tools: folder, timeoutMs: 5000 }),
    ).rejects.toThrow(TransientError);
  });
});
