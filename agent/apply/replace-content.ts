import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import { type Draft, FileError } from '../files.ts';
import type { ContentLoaderDeps, LoadAction } from './content-loader.ts';

type Deps = Pick<ContentLoaderDeps, 'command' | 'files' | 'clock' | 'serialHere' | 'loadProblem'>;

/** How long a zone may take to load after named was told to; big ones need seconds. */
const LOAD_TIMEOUT_MS = 30_000;
/** How long named may take to write a zone; a million records take about a second. */
const DUMP_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/**
 * Replaces what named serves of a zone whole, by a new file. Returns why that failed; undefined: it is served. A full disk
 * is the matter of the zones on it, not of those that come after.
 *
 * @param signal rejects with its reason while the zone is waited for
 */
export async function replaceContent(
  action: LoadAction,
  deps: Deps,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    // What the disk has no room for fails here, before anything was touched.
    const draft = await deps.files.draft(action.zone, action.target);
    try {
      return await loadDraft(action, draft, deps, signal);
    } finally {
      await draft.discard();
    }
  } catch (error) {
    if (error instanceof FileError) return error.message;
    throw error;
  }
}

/** Content that named refuses gives way to the last good one at once. */
async function loadDraft(
  { zone, target }: LoadAction,
  draft: Draft,
  deps: Deps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { command, files, clock } = deps;
  const since = clock.now();
  // named writes what its journal holds into the file, and lets go of the file until the thaw.
  await command('freeze', zone);
  try {
    if (!(await awaitDump(zone, deps, signal)))
      return `named did not write the zone into its file within ${DUMP_TIMEOUT_MS / 1000} s`;
    await files.replace(zone, draft);
  } finally {
    await command('thaw', zone);
  }
  const why = await awaitSerial(zone, target.serial, since, deps, signal);
  if (why === undefined) {
    await files.settle(zone);
    return undefined;
  }
  await command('freeze', zone);
  // It may have loaded at the last moment: then the old file would take the serial back at the next start.
  const late = (await deps.serialHere(zone)) === target.serial;
  await (late ? files.settle(zone) : files.restore(zone));
  await command('thaw', zone);
  if (late) return undefined;
  return `named refuses the new content, the last good one is served: ${why}`;
}

/**
 * `freeze` answers before named has written the file: one put there meanwhile would be written over. And where named
 * cannot write, what its journal holds is nowhere else.
 */
async function awaitDump(
  zone: DomainName,
  { files, clock, serialHere }: Deps,
  signal: AbortSignal,
): Promise<boolean> {
  const served = await serialHere(zone);
  const deadline = clock.monotonic() + DUMP_TIMEOUT_MS;
  while (served !== undefined && (await files.serialOf(zone)) !== served) {
    if (clock.monotonic() > deadline) return false;
    await clock.sleep(POLL_MS);
    signal.throwIfAborted();
  }
  return true;
}

async function awaitSerial(
  zone: DomainName,
  serial: Serial,
  since: number,
  { clock, serialHere, loadProblem }: Deps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const deadline = clock.monotonic() + LOAD_TIMEOUT_MS;
  while (clock.monotonic() < deadline) {
    if ((await serialHere(zone)) === serial) return undefined;
    const why = loadProblem(zone, since);
    if (why !== undefined) return why;
    await clock.sleep(POLL_MS);
    signal.throwIfAborted();
  }
  return `serial ${serial} was not served within ${LOAD_TIMEOUT_MS / 1000} s`;
}
