import { join } from 'node:path';
import type { Ran, run } from '../process.ts';
import { ControlError, type ControlFailure } from './control-error.ts';

/** What named answered to a command. */
export interface ControlAnswer {
  /** ISC's result code, 0 for success; -1 where only the words are known. */
  readonly result: number;
  readonly ok: boolean;
  /** What it printed, without a final newline; may be empty. */
  readonly text: string;
  /** named's words for the result, e.g. `not found`, when it is not a success. */
  readonly error?: string;
}

/** Tells named something. Failures to do so are ControlErrors; a command that named refuses is an answer. */
export interface Rndc {
  /** @param text a command as `rndc` takes it, e.g. `zonestatus example.com`. */
  command(text: string, signal?: AbortSignal): Promise<ControlAnswer>;
}

export interface RndcProgramOptions {
  readonly run: typeof run;
  /** Folder of the program, empty for PATH. */
  readonly tools: string;
  readonly host: string;
  readonly port: number;
  /** A file, readable by us alone, that holds the key in named.conf's syntax: a secret is not for a command line. */
  readonly keyFile: string;
  readonly timeoutMs: number;
}

/** The rndc program: a process for each command. */
export function rndcProgram(options: RndcProgramOptions): Rndc {
  const file = options.tools === '' ? 'rndc' : join(options.tools, 'rndc');
  const base = ['-s', options.host, '-p', String(options.port), '-k', options.keyFile];
  return {
    command: async (text, signal) => {
      const ran = await options.run(file, [...base, text], {
        timeoutMs: options.timeoutMs,
        ...(signal === undefined ? {} : { signal }),
      });
      return answerOf(ran, signal);
    },
  };
}

function answerOf(ran: Ran, signal: AbortSignal | undefined): ControlAnswer {
  if (ran.ok) return { result: 0, ok: true, text: trimmed(ran.stdout) };
  if (ran.why === 'aborted') throw signal?.reason ?? new ControlError('closed', ran.message);
  if (ran.why === 'timeout') throw new ControlError('timeout', ran.message);
  const [, error] = /^rndc: '[^']*' failed: (.*)$/m.exec(ran.stderr) ?? [];
  if (error === undefined) throw new ControlError(failureOf(ran.stderr), ran.message);
  const text = ran.stderr.slice(ran.stderr.indexOf(error) + error.length).trim();
  return { result: -1, ok: false, text, error };
}

/** The program's own words (BIND 9.18). */
function failureOf(stderr: string): ControlFailure {
  if (/connection refused|host unreachable|network unreachable/.test(stderr)) return 'refused';
  if (/timed out/.test(stderr)) return 'timeout';
  if (/connection to remote host closed|end of file|bad auth/.test(stderr)) return 'bad-key';
  if (/connection reset/.test(stderr)) return 'closed';
  return 'garbled';
}

const trimmed = (text: string): string => (text.endsWith('\n') ? text.slice(0, -1) : text);

/**
 * The first way, and the second one where the first does not get along with named: another version's protocol, or a
 * command too large for us. Every other failure the second way would meet too.
 */
export function withFallback(first: Rndc, second: Rndc, told: (why: ControlError) => void): Rndc {
  return {
    command: async (text, signal) => {
      try {
        return await first.command(text, signal);
      } catch (error) {
        if (!(error instanceof ControlError) || !isOfProtocol(error)) throw error;
        told(error);
        return await trySecond(second, error, text, signal);
      }
    },
  };
}

const isOfProtocol = ({ kind }: ControlError): boolean =>
  kind === 'garbled' || kind === 'too-large';

async function trySecond(
  second: Rndc,
  first: ControlError,
  text: string,
  signal: AbortSignal | undefined,
): Promise<ControlAnswer> {
  try {
    return await second.command(text, signal);
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    throw new ControlError(first.kind, `${first.message}; the rndc program: ${error.message}`, {
      cause: error,
    });
  }
}
