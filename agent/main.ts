#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { setFlagsFromString } from 'node:v8';
import { type CommandLine, readCommandLine } from './cli.ts';
import { systemClock } from './clock.ts';
import { doctor } from './commands/doctor.ts';
import { drain } from './commands/drain.ts';
import { explain } from './commands/explain.ts';
import { get } from './commands/get.ts';
import { init } from './commands/init.ts';
import { injectCommand } from './commands/inject.ts';
import { manifests } from './commands/manifests.ts';
import { plan } from './commands/plan.ts';
import { run } from './commands/run.ts';
import { version } from './commands/version.ts';
import { webhook } from './commands/webhook.ts';
import type { Context } from './context.ts';
import { makeLog, standardError } from './log.ts';
import { readHost } from './options/host.ts';
import { loadOptions } from './options/load.ts';
import type { Options } from './options/options.ts';
import { tellProblems } from './options/tell-problems.ts';
import { type Parsed, TransientError } from './problem.ts';
import { agentVersion } from './version.ts';

/** A sidecar's memory is paid for in every pod: V8 otherwise lets its heap grow to several times of what is in use. */
setFlagsFromString('--optimize-for-size');
/**
 * At its end Node.js waits for V8's compiling threads, for ever where one of them is out of heap and waits for the main
 * thread to collect garbage (nodejs/node#54918): a command that hangs after its last word. So there are none. Maglev knows
 * no other way, and takes memory that code of so short bursts does not repay.
 */
for (const flag of ['--no-concurrent-sparkplug', '--no-concurrent-recompilation', '--no-maglev'])
  setFlagsFromString(flag);

/** Commands that are of no use elsewhere than at an API server. */
const inCluster: ReadonlySet<string> = new Set(['webhook', 'doctor']);

const complain = (text: string): void => {
  process.stderr.write(text);
};

/** A reader that has seen enough (`… | head`) is no failure; an output that cannot be written is one. */
const onOutputError = (error: NodeJS.ErrnoException): void => {
  if (error.code === 'EPIPE') process.exit(0);
  complain(`bind9-agent: cannot write the output: ${error.message}\n`);
  process.exit(1);
};

const print = (text: string): Promise<void> =>
  new Promise((resolve) => {
    process.stdout.write(text, (error) => (error ? onOutputError(error) : resolve()));
  });

const read = (file: string): Promise<string> =>
  file === '-' ? text(process.stdin) : readFile(file, 'utf8');

/**
 * Aborts at the first SIGTERM or SIGINT; a second one ends the process as it would without a handler. The handler stays: where
 * a tool runs, execa's own one ends the process at once unless somebody else still listens.
 */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    let came = false;
    const listener = (): void => {
      if (came) {
        process.off(name, listener);
        process.kill(process.pid, name);
      }
      came = true;
      controller.abort(new Error(`stopped by ${name}`));
    };
    process.on(name, listener);
  }
  return controller.signal;
}

/** Options that are wrong are told, and those in force stay. */
function onHangUp(load: () => Parsed<Options>, reloaded: (options: Options) => void): () => void {
  const listener = (): void => {
    const options = load();
    if (options.ok) reloaded(options.value);
    else complain(tellProblems(options.problems));
  };
  process.on('SIGHUP', listener);
  return () => process.off('SIGHUP', listener);
}

async function main(): Promise<number> {
  const line = readCommandLine(process.argv.slice(2), {
    out: (text) => process.stdout.write(text),
    err: complain,
    columns: process.stdout.columns ?? 100,
    version: agentVersion(),
  });
  if (!line.ok) return line.exitCode;
  const { flags, configFile, invocation } = line.value;
  if (invocation.command === 'manifests')
    return manifests(invocation, flags, { print, complain, version: agentVersion() });
  if (invocation.command === 'inject')
    return injectCommand(invocation, flags, { print, complain, version: agentVersion(), read });
  const host = readHost(process.env);
  const load = () =>
    loadOptions({
      host,
      environment: process.env,
      flags: inCluster.has(invocation.command)
        ? new Map([...flags, ['cluster', 'kubernetes']])
        : flags,
      ...(configFile === undefined ? {} : { configFile }),
      ...(invocation.command === 'webhook' ? { insteadOfApiServer: 'webhook.certFile' } : {}),
    });
  const options = load();
  if (!options.ok && invocation.command !== 'version') {
    complain(tellProblems(options.problems));
    return 2;
  }
  const settings = options.ok ? options.value : undefined;
  const context: Context = {
    log: makeLog(settings?.log.level ?? 'info', standardError()),
    version: agentVersion(),
    host,
    signal: stopSignal(),
    onReload: (reloaded) => onHangUp(load, reloaded),
    clock: systemClock,
    random: Math.random,
    print,
    complain,
  };
  if (settings === undefined || invocation.command === 'version') {
    return version(settings?.named.tools ?? '', process.version, context);
  }
  return dispatch(invocation, settings, context);
}

type Asked = Exclude<CommandLine['invocation'], { command: 'version' | 'manifests' | 'inject' }>;

function dispatch(asked: Asked, options: Options, context: Context): Promise<number> {
  switch (asked.command) {
    case 'run':
      return run(options, context);
    case 'init':
      return init(options, context);
    case 'plan':
      return plan(options, context);
    case 'drain':
      return drain(options, context);
    case 'get':
      return get(asked.what, asked.output, options, context);
    case 'webhook':
      return webhook(options, context);
    case 'doctor':
      return doctor(asked.output, options, context);
    case 'explain':
      return explain(asked.zone, options, context);
  }
}

/** What failed outside of us is told in a sentence; a bug in ours shows where it is. */
function showFailure(error: unknown): string {
  if (error instanceof TransientError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

process.stdout.on('error', onOutputError);
process.stderr.on('error', () => undefined);
try {
  const exitCode = await main();
  await print('');
  process.exit(exitCode);
} catch (error) {
  complain(`bind9-agent: ${showFailure(error)}\n`);
  process.exit(1);
}
