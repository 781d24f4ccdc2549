import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { lockFolder } from '../../agent/apply/lock.ts';
import { run } from '../../agent/process.ts';

/** The program, or why there is none, in a sentence that says what to do. */
export type ProvidedCompose =
  | { readonly ok: true; readonly program: string }
  | { readonly ok: false; readonly why: string };

const tools = join(import.meta.dirname, 'tools');
const MINUTE_MS = 60_000;
const MODULE = 'github.com/docker/compose/v2';

/** Compose, built from the module in `tools/` where the user's cache folder does not have it yet (4 minutes on two cores). */
export async function provideCompose(say: (line: string) => void): Promise<ProvidedCompose> {
  const folder = join(
    process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
    'bind9-agent',
    'compose',
  );
  const { version, key } = versionKey();
  const program = join(folder, key, 'docker-compose');
  if (existsSync(program)) return { ok: true, program };
  const go = await run('go', ['version'], { cwd: tools, timeoutMs: 5 * MINUTE_MS });
  if (!go.ok) return { ok: false, why: `Compose is built with Go 1.25 or newer: ${go.message}` };
  await mkdir(folder, { recursive: true });
  const release = await lockWaiting(folder);
  try {
    if (existsSync(program)) return { ok: true, program };
    say(`building Compose ${version} for the tests: once, some minutes`);
    return await build(folder, join(folder, key), version);
  } finally {
    await release();
  }
}

function versionKey(): { readonly version: string; readonly key: string } {
  const module = readFileSync(join(tools, 'go.mod'), 'utf8');
  const version = new RegExp(`^\\s*${MODULE} v(\\S+)`, 'm').exec(module)?.[1];
  if (version === undefined) throw new Error(`tools/go.mod names no version of ${MODULE}`);
  const hash = createHash('sha256').update(module).digest('hex').slice(0, 12);
  return { version, key: `${version}-${process.platform}-${process.arch}-${hash}` };
}

async function lockWaiting(folder: string): Promise<() => Promise<void>> {
  for (;;) {
    const deps = { run, pid: process.pid, host: hostname(), now: Date.now };
    const lock = await lockFolder(folder, deps);
    if (lock.ok) return lock.release;
    await sleep(500);
  }
}

async function build(folder: string, home: string, version: string): Promise<ProvidedCompose> {
  for (const left of await readdir(folder)) {
    if (left.startsWith('half-')) await rm(join(folder, left), { recursive: true, force: true });
  }
  const work = await mkdtemp(join(folder, 'half-'));
  try {
    const flags = ['-trimpath', '-ldflags', `-s -w -X ${MODULE}/internal.Version=v${version}`];
    const settings = ['CGO_ENABLED=0', 'GOWORK=off'];
    const go = ['go', 'build', ...flags, '-o', join(work, 'docker-compose'), `${MODULE}/cmd`];
    // The machine has other things to do.
    const built = await run('nice', ['-n', '10', 'env', ...settings, ...go], {
      cwd: tools,
      timeoutMs: 60 * MINUTE_MS,
    });
    if (!built.ok) {
      const said = built.stderr.trim().split('\n').slice(-3).join('; ') || built.message;
      return { ok: false, why: `Compose could not be built: ${said}` };
    }
    await rename(work, home);
    return { ok: true, program: join(home, 'docker-compose') };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
