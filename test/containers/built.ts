import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../agent/apply/lock.ts';
import { run } from '../../agent/process.ts';

/** Programs that are built from their published module, by a Go module of ours that names its version. */
export interface Source {
  /** What people call it. */
  readonly name: string;
  /** Where our module stands. */
  readonly tools: string;
  /** The published one. */
  readonly module: string;
  /** How `go build` makes them in a folder from that version: all that follows those two words. */
  readonly build: (version: string, folder: string) => readonly string[];
  /** The files that are in the folder then. */
  readonly programs: readonly string[];
  /** What our own module has beside its go.mod. */
  readonly own?: readonly string[];
  /** Files of the published module that are wanted beside the programs. */
  readonly beside?: readonly string[];
}

/** The folder with the programs, or why there is none, in a sentence that says what to do. */
export type Built =
  | { readonly ok: true; readonly folder: string }
  | { readonly ok: false; readonly why: string };

const MINUTE_MS = 60_000;

/** The programs, built where the user's cache folder does not have them yet. */
export async function provideBuilt(source: Source, say: (line: string) => void): Promise<Built> {
  const cache = join(
    process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    'bind9-agent',
    source.name.toLowerCase(),
  );
  const home = join(cache, keyOf(source));
  if (holds(home, source)) return { ok: true, folder: home };
  const go = await run('go', ['version'], { cwd: source.tools, timeoutMs: 5 * MINUTE_MS });
  if (!go.ok)
    return { ok: false, why: `${source.name} is built with ${neededGo(source)}: ${go.message}` };
  await mkdir(cache, { recursive: true });
  const release = await lockWaiting(cache);
  try {
    if (holds(home, source)) return { ok: true, folder: home };
    say(`building ${source.name} ${versionOf(source)} for the tests: once, some minutes`);
    return await build(source, cache, home);
  } finally {
    await release();
  }
}

const holds = (folder: string, { programs, beside = [] }: Source): boolean =>
  [...programs, ...beside].every((name) => existsSync(join(folder, basename(name))));

const moduleText = ({ tools }: Source): string => readFileSync(join(tools, 'go.mod'), 'utf8');

/** The version of the published module that is built, without its `v`. */
export function versionOf(source: Source): string {
  const version = new RegExp(`^\\s*(?:require )?${source.module} v(\\S+)`, 'm').exec(
    moduleText(source),
  )?.[1];
  if (version === undefined)
    throw new Error(`${source.tools}/go.mod names no version of ${source.module}`);
  return version;
}

/** `Go 1.25 or newer` */
function neededGo(source: Source): string {
  const version = /^go (\d+\.\d+)/m.exec(moduleText(source))?.[1];
  return `Go ${version} or newer`;
}

/** What the programs depend on: `2.40.3-linux-x64-` and a hash of our module and of the way they are built. */
function keyOf(source: Source): string {
  const version = versionOf(source);
  const hash = createHash('sha256').update(moduleText(source));
  hash.update(source.build(version, '').join(' '));
  for (const name of source.own ?? []) hash.update(readFileSync(join(source.tools, name)));
  return `${version}-${process.platform}-${process.arch}-${hash.digest('hex').slice(0, 12)}`;
}

async function lockWaiting(folder: string): Promise<() => Promise<void>> {
  for (;;) {
    const deps = { run, pid: process.pid, host: hostname(), now: Date.now };
    const lock = await lockFolder(folder, deps);
    if (lock.ok) return lock.release;
    await sleep(500);
  }
}

async function build(source: Source, cache: string, home: string): Promise<Built> {
  for (const left of await readdir(cache)) {
    if (left.startsWith('half-')) await rm(join(cache, left), { recursive: true, force: true });
  }
  const work = await mkdtemp(join(cache, 'half-'));
  try {
    const settings = ['CGO_ENABLED=0', 'GOWORK=off'];
    const go = ['go', 'build', ...source.build(versionOf(source), work)];
    // The machine has other things to do.
    const built = await run('nice', ['-n', '10', 'env', ...settings, ...go], {
      cwd: source.tools,
      timeoutMs: 60 * MINUTE_MS,
    });
    if (!built.ok) {
      const said = built.stderr.trim().split('\n').slice(-3).join('; ') || built.message;
      return { ok: false, why: `${source.name} could not be built: ${said}` };
    }
    await copyBeside(source, work);
    await rm(home, { recursive: true, force: true });
    // Last and at once: a half-built one is never taken for whole.
    await rename(work, home);
    return { ok: true, folder: home };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function copyBeside({ beside = [], module, tools }: Source, folder: string): Promise<void> {
  if (beside.length === 0) return;
  const list = ['list', '-m', '-f', '{{.Dir}}', module];
  const asked = await run('go', list, { cwd: tools, timeoutMs: 5 * MINUTE_MS });
  if (!asked.ok) throw new Error(`where ${module} lies: ${asked.message}`);
  for (const name of beside)
    await copyFile(join(asked.stdout.trim(), name), join(folder, basename(name)));
}
