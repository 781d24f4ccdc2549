import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A BIND that can be started. */
export interface Bind {
  /** `9.18.49`. */
  readonly version: string;
  readonly named: string;
  /** Folder of rndc, nsupdate, named-checkconf and the rest; empty: they are in PATH. */
  readonly tools: string;
}

export type Branch = '9.18' | '9.20';

export type Provided =
  | { readonly ok: true; readonly bind: Bind }
  | { readonly ok: false; readonly why: string };

/** The BIND of this machine, whatever its version. */
export async function systemBind(): Promise<Provided> {
  for (const named of ['/usr/sbin/named', '/usr/local/sbin/named', '/usr/bin/named', 'named']) {
    const version = await versionOf(named);
    if (version !== undefined) return { ok: true, bind: { version, named, tools: '' } };
  }
  return {
    ok: false,
    why: 'this machine has no named (Debian: apt-get install bind9 bind9-dnsutils)',
  };
}

/**
 * A BIND of this branch: the machine's own, or one unpacked beside it in the user's cache folder, where it stays. 9.20
 * comes from Debian 12's backports, by the machine's own apt sources; nothing of the system is changed.
 */
export async function bindOf(branch: Branch): Promise<Provided> {
  const system = await systemBind();
  if (system.ok && system.bind.version.startsWith(`${branch}.`)) return system;
  if (branch !== '9.20') return { ok: false, why: `this machine's BIND is not ${branch}` };
  const cache = join(homedir(), '.cache', 'bind9-agent');
  const kept = await unpackedIn(cache, branch);
  if (kept !== undefined) return { ok: true, bind: kept };
  try {
    return { ok: true, bind: await fetchBackport(cache, branch) };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      why: `BIND ${branch} could not be fetched: ${text.trim().replaceAll('\n', '; ')}`,
    };
  }
}

async function versionOf(named: string): Promise<string | undefined> {
  try {
    return /^BIND (\d+\.\d+\.\d+)/.exec((await run(named, ['-v'])).stdout)?.[1];
  } catch {
    return undefined;
  }
}

async function unpackedIn(cache: string, branch: Branch): Promise<Bind | undefined> {
  const folders = await readdir(cache).catch(() => []);
  for (const folder of folders
    .filter((name) => name.startsWith(`bind-${branch}.`))
    .sort()
    .reverse()) {
    const tools = join(cache, folder, 'tools');
    const version = await versionOf(join(tools, 'named'));
    if (version !== undefined) return { version, named: join(tools, 'named'), tools };
  }
  return undefined;
}

const debianKeys = '/usr/share/keyrings/debian-archive-keyring.gpg';
const backported = ['bind9', 'bind9-libs', 'bind9-utils', 'bind9-dnsutils'];

async function fetchBackport(cache: string, branch: Branch): Promise<Bind> {
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    const apt = await ownApt(work);
    await run('apt-get', [...apt, 'update']);
    const wanted = [...backported.map((name) => `${name}/bookworm-backports`), 'liburcu8'];
    await run('apt-get', [...apt, 'download', ...wanted], { cwd: work });
    const tree = join(work, 'tree');
    for (const file of (await readdir(work)).filter((name) => name.endsWith('.deb'))) {
      await run('dpkg', ['-x', join(work, file), tree]);
    }
    const version = /^BIND (\d+\.\d+\.\d+)/.exec(
      (await run('sh', ['-c', wrapper(tree, 'usr/sbin/named')('-v')])).stdout,
    )?.[1];
    if (version?.startsWith(`${branch}.`) !== true) throw new Error(`the backport is ${version}`);
    const home = join(cache, `bind-${version}`);
    await rm(home, { recursive: true, force: true });
    await writeTools(tree, home);
    // Last and at once: a half-fetched one is never taken for whole.
    await rename(tree, home);
    const tools = join(home, 'tools');
    return { version, named: join(tools, 'named'), tools };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** apt with lists, cache and sources of its own; the mirror and the keys are those of the machine. */
async function ownApt(work: string): Promise<string[]> {
  const release = await readFile('/etc/os-release', 'utf8');
  if (!release.includes('VERSION_CODENAME=bookworm')) throw new Error('this is not Debian 12');
  const format = '$(REPO_URI) $(CODENAME) $(COMPONENT)';
  const targets = ['indextargets', '--format', format, 'Created-By: Packages'];
  const { stdout } = await run('apt-get', targets);
  const main = stdout.split('\n').find((line) => line.endsWith(' bookworm main'));
  if (main === undefined) throw new Error("the machine's apt sources have no bookworm main");
  const mirror = main.split(' ')[0];
  const trust = existsSync(debianKeys) ? `[signed-by=${debianKeys}] ` : '';
  const sources = ['bookworm', 'bookworm-backports'].map(
    (suite) => `deb ${trust}${mirror} ${suite} main\n`,
  );
  const lists = join(work, 'lists');
  await mkdir(join(lists, 'partial'), { recursive: true });
  await mkdir(join(work, 'cache', 'archives', 'partial'), { recursive: true });
  await writeFile(join(work, 'sources.list'), sources.join(''));
  const options = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': lists,
    'Dir::Cache': join(work, 'cache'),
    'APT::Sandbox::User': 'root',
  };
  return ['-qq', ...Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
}

/** Small scripts that find their libraries, so that the agent can call the tools like any others. */
async function writeTools(tree: string, home: string): Promise<void> {
  const tools = join(tree, 'tools');
  await mkdir(tools);
  for (const folder of ['usr/bin', 'usr/sbin']) {
    for (const name of await readdir(join(tree, folder))) {
      const script = `#!/bin/sh\n${wrapper(home, `${folder}/${name}`)('"$@"')}\n`;
      await writeFile(join(tools, name), script);
      await chmod(join(tools, name), 0o755);
    }
  }
}

const wrapper =
  (root: string, program: string) =>
  (args: string): string =>
    `LD_LIBRARY_PATH="$(echo '${root}'/usr/lib/*-linux-gnu)" exec '${root}/${program}' ${args}`;
