import { basename } from 'node:path';
import { execa } from 'execa';

export interface RunOptions {
  /** Written to the program's stdin, which is then closed. Empty where absent. */
  readonly input?: string;
  /** The program gets SIGTERM after this many ms, SIGKILL two seconds later. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly cwd?: string;
  /** Characters kept of stdout and stderr each; a program that says more is ended and has `failed`. */
  readonly maxOutput?: number;
  /** An open file that the program gets as its descriptor 3. */
  readonly handOver?: number;
}

/**
 * How a program ended. `stdout` and `stderr` are as written, final newline included, also when it failed.
 * `message` is a sentence for people; it never holds the arguments, which may be long or secret.
 */
export type Ran =
  | { readonly ok: true; readonly stdout: string; readonly stderr: string }
  | {
      readonly ok: false;
      /** `exit`: it ended by itself, `exitCode` says how. `failed`: could not start, killed, or said too much. */
      readonly why: 'exit' | 'timeout' | 'not-found' | 'aborted' | 'failed';
      readonly exitCode?: number;
      readonly stdout: string;
      readonly stderr: string;
      readonly message: string;
    };

/** Two million lines of a zone's text come to about this much. */
const MAX_OUTPUT = 256 * 1024 * 1024;
const KILL_AFTER_MS = 2_000;

/** Runs one program to its end, without a shell. The only place that starts processes. Never throws. */
export async function run(
  file: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Ran> {
  const { input = '', timeoutMs, signal, cwd, maxOutput = MAX_OUTPUT, handOver } = options;
  if (signal?.aborted) return failure(file, 'aborted', 'was not started: the work was called off');
  try {
    const result = await execa(file, args, {
      input,
      timeout: Math.max(1, Math.ceil(timeoutMs)),
      reject: false,
      maxBuffer: maxOutput,
      stripFinalNewline: false,
      // A grandchild that keeps our pipe open would hold up the result for as long as it lives.
      killDescendants: true,
      forceKillAfterDelay: KILL_AFTER_MS,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
      ...(cwd === undefined ? {} : { cwd }),
      // execa's types know the descriptors 3 to 9 only; it takes any.
      stdio: ['pipe', 'pipe', 'pipe', ...(handOver === undefined ? [] : [handOver as 3])],
    });
    return classify(file, options, result);
  } catch {
    // The error's text would show the arguments.
    return failure(file, 'failed', 'could not be started: an argument or an option is not allowed');
  }
}

/** What we read of execa's result, whose type varies with the options. */
interface Ended {
  readonly stdout: unknown;
  readonly stderr: unknown;
  readonly failed: boolean;
  readonly timedOut: boolean;
  readonly isCanceled: boolean;
  readonly isMaxBuffer: boolean;
  readonly exitCode?: number | undefined;
  readonly signal?: string | undefined;
  readonly code?: string | undefined;
  readonly originalMessage?: string | undefined;
}

function classify(file: string, { timeoutMs, cwd }: RunOptions, result: Ended): Ran {
  const stdout = text(result.stdout);
  const stderr = text(result.stderr);
  if (!result.failed) return { ok: true, stdout, stderr };
  const output = { stdout, stderr };
  if (result.timedOut) {
    return failure(file, 'timeout', `did not end within ${timeoutMs} ms and was stopped`, output);
  }
  if (result.isCanceled) {
    return failure(file, 'aborted', 'was stopped: the work was called off', output);
  }
  if (result.isMaxBuffer) return failure(file, 'failed', 'was stopped: it wrote too much', output);
  if (result.exitCode !== undefined) {
    const said = lastLine(stderr) || lastLine(stdout);
    const words = `exited with code ${result.exitCode}${said === '' ? '' : `: ${said}`}`;
    return { ...failure(file, 'exit', words, output), exitCode: result.exitCode };
  }
  if (result.code === 'ENOENT') {
    const where = cwd === undefined ? '' : ` (or its working folder ${cwd} is missing)`;
    return failure(file, 'not-found', `was not found: ${file}${where}`, output);
  }
  const how =
    result.signal === undefined
      ? `could not be started: ${result.originalMessage ?? 'unknown reason'}`
      : `was ended by ${result.signal}`;
  return failure(file, 'failed', how, output);
}

function failure(
  file: string,
  why: Extract<Ran, { ok: false }>['why'],
  words: string,
  output = { stdout: '', stderr: '' },
): Extract<Ran, { ok: false }> {
  return { ok: false, why, ...output, message: `${basename(file)} ${words}` };
}

const text = (output: unknown): string => (typeof output === 'string' ? output : '');

const lastLine = (output: string): string => output.trimEnd().split('\n').at(-1)?.trim() ?? '';
