import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Ledger, startOf } from './ledger.ts';

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly file: string;
  readonly args: readonly string[];
}

/** A process that runs until it is told to stop. */
export interface Child {
  readonly pid: number;
  /** Both its outputs, appended. */
  readonly log: string;
  readonly exited: Promise<Exit>;
  running(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Signals (SIGTERM by default) and waits; SIGKILL after the deadline (10 s by default). */
  stop(signal?: NodeJS.Signals, deadlineMs?: number): Promise<Exit>;
}

// Every process gets all the open files that it may have (thousands of zones need them), its own process group (a
// Ctrl-C in the terminal is ours to handle), and dies with us where the machine has setpriv.
const launcher = 'ulimit -n "$(ulimit -H -n)"; exec "$@"';
const setpriv = '/usr/bin/setpriv';

/** Starts a program in the background and writes it into the ledger. Throws when it cannot be started at all. */
export function startChild(
  { file, args }: Program,
  { log, ledger, cwd }: { readonly log: string; readonly ledger: Ledger; readonly cwd?: string },
): Child {
  const output = openSync(log, 'a');
  const bound = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--'] : [];
  const child = spawn('sh', ['-c', launcher, 'sh', ...bound, file, ...args], {
    stdio: ['ignore', output, output],
    detached: true,
    ...(cwd === undefined ? {} : { cwd }),
  });
  closeSync(output);
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${file}`);
  const holding = { kind: 'process', pid, started: startOf(pid) ?? '?' } as const;
  ledger.hold(holding);
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      ledger.release(holding);
      resolve({ code, signal });
    });
  });
  const running = (): boolean => child.exitCode === null && child.signalCode === null;
  const signal = (name: NodeJS.Signals): void => {
    if (running()) child.kill(name);
  };
  const stop = async (name: NodeJS.Signals = 'SIGTERM', deadlineMs = 10_000): Promise<Exit> => {
    signal(name);
    // A stopped process (SIGSTOP) does not see SIGTERM before it runs again.
    if (name !== 'SIGKILL') signal('SIGCONT');
    const late = new AbortController();
    const killLater = sleep(deadlineMs, undefined, { signal: late.signal }).then(
      () => signal('SIGKILL'),
      () => undefined,
    );
    const exit = await exited;
    late.abort();
    await killLater;
    return exit;
  };
  return { pid, log, exited, running, signal, stop };
}

/** The last lines of a log (their beginnings), for an error that tells what happened. */
export function tail(log: string, lines = 15): string {
  try {
    const last = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines);
    return last.map((line) => line.slice(0, 300)).join('\n');
  } catch {
    return '(no log)';
  }
}
