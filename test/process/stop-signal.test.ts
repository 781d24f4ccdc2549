import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { agentProgram } from '../rig/bundle.ts';
import { type Child, startChild } from '../rig/child.ts';
import { type Ledger, openLedger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';

let ledger: Ledger;
let tools = '';

beforeEach(() => {
  ledger = openLedger();
  tools = mkdtempSync(join(tmpdir(), 'tools-'));
});

afterEach(() => {
  ledger.sweep();
  rmSync(tools, { recursive: true, force: true });
});

/** A command whose tool hangs, and says that it was started. */
async function whileToolRuns(): Promise<Child> {
  const started = join(tools, 'started');
  writeFileSync(join(tools, 'named'), `#!/bin/sh\necho > '${started}'\nexec sleep 60\n`);
  chmodSync(join(tools, 'named'), 0o755);
  const { file, args } = await agentProgram('source');
  const child = startChild(
    { file, args: [...args, 'version', '--named-tools', tools] },
    { log: join(ledger.folder, 'log'), ledger },
  );
  await until(() => existsSync(started), { withinMs: 30_000 });
  return child;
}

test('a signal while a tool runs ends the work in order, not the process', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const child = await whileToolRuns();
    child.signal(signal);
    expect(await child.exited, signal).toEqual({ code: 0, signal: null });
    rmSync(join(tools, 'started'));
  }
});
