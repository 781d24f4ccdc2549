import type { Clock } from './clock.ts';
import type { Logger } from './log.ts';
import type { Host } from './options/declaration.ts';
import type { Options } from './options/options.ts';

/** What a command gets beside its options: everything that comes from outside, made in main.ts and replaced in tests. */
export interface Context {
  readonly log: Logger;
  /** The agent's version, e.g. `0.1.0`. */
  readonly version: string;
  readonly host: Host;
  /** Aborted by SIGTERM or SIGINT: end what runs and return. A second signal ends the process at once. */
  readonly signal: AbortSignal;
  /** Calls back with the options as they are now, at each SIGHUP; wrong ones are told and change nothing. Returns how to end it. */
  readonly onReload: (reloaded: (options: Options) => void) => () => void;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Writes a command's result to standard output; resolves when it is written. */
  readonly print: (text: string) => Promise<void>;
  /** Writes what went wrong to standard error, for the person at the terminal. */
  readonly complain: (text: string) => void;
}
