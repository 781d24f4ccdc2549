import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Child, startChild } from '../rig/child.ts';
import { type Ledger, openLedger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';

const script = resolve(import.meta.dirname, '../../images/agent/bind9-agent');

let ledger: Ledger;
let folder = '';

beforeEach(({ skip }) => {
  skip(process.platform !== 'linux', 'the image is one of Linux, and so is its script');
  ledger = openLedger();
  folder = mkdtempSync(join(tmpdir(), 'outlive-'));
  mkdirSync(join(folder, 'bin'));
  program('sleep', 'exec /bin/sleep 0.0$1');
  program('bind9-agent-health', `echo "$*" >> ${folder}/asked; exit "$(cat ${folder}/health)"`);
  health(0);
});

afterEach(() => {
  ledger?.sweep();
  rmSync(folder, { recursive: true, force: true });
});

/** What the script finds instead of the image's program of this name. */
function program(name: string, text: string): void {
  const file = join(folder, 'bin', name);
  writeFileSync(file, `#!/bin/bash\n${text}\n`);
  chmodSync(file, 0o755);
}

/** How the health check ends from now on. */
const health = (code: number): void => writeFileSync(join(folder, 'health'), `${code}\n`);

const start = (...args: readonly string[]): Child => {
  const path = `PATH=${join(folder, 'bin')}:${process.env['PATH']}`;
  return startChild(
    { file: '/usr/bin/env', args: [path, script, ...args] },
    { log: join(folder, 'log'), ledger },
  );
};

const log = (): string => readFileSync(join(folder, 'log'), 'utf8');
const told = (): { level: string; msg: string }[] =>
  log()
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
const starts = (): number => log().match(/^agent /gm)?.length ?? 0;

/** An agent that runs until it is told to end, and then ends with this code. */
const lasting = (code: number): void =>
  program(
    'node',
    `echo "agent $$ $*"; trap 'exit ${code}' TERM; trap 'echo reloaded' HUP; while :; do /bin/sleep 0.02; done`,
  );

const bundle = '--max-semi-space-size=1 /opt/bind9-agent/bind9-agent.js';

const pidOfAgent = (): number => Number([...log().matchAll(/^agent (\d+)/gm)].at(-1)?.[1]);

test('every other command is the agent itself', async () => {
  program('node', 'echo "$$ $*"; exit 3');
  const child = start('get', 'zones', '-o', 'json');
  expect(await child.exited).toEqual({ code: 3, signal: null });
  expect(log()).toBe(`${child.pid} ${bundle} get zones -o json\n`);
});

test('an agent that fails is started again with the same arguments, after pauses that grow', async () => {
  program('node', 'echo "agent $*"; exit 2');
  const child = start('run', '--log-level', 'debug');
  await until(() => told().length >= 7);
  await child.stop();
  const pauses = [1, 2, 4, 8, 16, 30, 30].map(
    (pause) => `the agent ended with exit code 2, and is started again in ${pause} s`,
  );
  expect(told().slice(0, 7)).toEqual(
    pauses.map((msg) => ({ level: 'error', time: expect.stringMatching(/^20.*Z$/), msg })),
  );
  expect(log()).toContain(`agent ${bundle} run --log-level debug\n`);
});

test('what ends well is not started again', async () => {
  program('node', 'echo "agent $*"; exit 0');
  expect(await start('run', '--help').exited).toEqual({ code: 0, signal: null });
  expect(starts()).toBe(1);
});

test('SIGTERM ends the agent, and both with its exit code; SIGHUP reaches it', async () => {
  lasting(5);
  const child = start('run');
  await until(() => starts() === 1);
  child.signal('SIGHUP');
  await until(() => log().includes('reloaded'));
  expect(await child.stop()).toEqual({ code: 5, signal: null });
  expect(told()).toEqual([]);
});

test('SIGTERM between two agents ends it at once', async () => {
  program('sleep', 'exec /bin/sleep 5');
  program('node', 'exit 4');
  const child = start('run');
  await until(() => told().length === 1);
  expect(await child.stop()).toEqual({ code: 4, signal: null });
});

test('an agent that is killed is told in one line, and comes back', async () => {
  lasting(0);
  const child = start('run');
  await until(() => starts() === 1);
  process.kill(pidOfAgent(), 'SIGKILL');
  await until(() => starts() === 2);
  expect(told()).toEqual([
    {
      level: 'error',
      time: expect.any(String),
      msg: 'the agent was killed (by the kernel, if its memory did not suffice), and is started again in 1 s',
    },
  ]);
  expect(
    log()
      .split('\n')
      .filter((line) => !/^(agent .*|\{.*|)$/.test(line)),
  ).toEqual([]);
  await child.stop();
});

test('an agent that answered once and does no more is killed and started again', async () => {
  lasting(0);
  const child = start('run', '--http-port', '8099');
  // When it is asked for the second time it has answered once.
  await until(() =>
    readFileSync(join(folder, 'asked'), 'utf8').startsWith('/livez 8099\n'.repeat(2)),
  );
  health(1);
  await until(() => starts() === 2);
  expect(told()[0]?.msg).toBe('the agent does not answer any more, and is killed');
  await child.stop();
});

test('an agent that was never heard is left alone: it may listen elsewhere', async () => {
  lasting(0);
  health(1);
  const child = start('run');
  await until(() => readFileSync(join(folder, 'asked'), 'utf8').split('\n').length > 130);
  expect(starts()).toBe(1);
  await child.stop();
});
