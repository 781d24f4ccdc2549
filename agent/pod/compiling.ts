import { compileZone } from '../observe/compile-zone.ts';
import type { Compile } from '../observe/compiler.ts';
import type { Options } from '../options/options.ts';
import { run } from '../process.ts';

const TIMEOUT_MS = 60_000;

/** Checks zone texts with the programs that the options name. */
export const compileWith =
  ({ named }: Options, signal: AbortSignal): Compile =>
  (request) =>
    compileZone(request, { run, tools: named.tools, timeoutMs: TIMEOUT_MS, signal });
