import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { allBinaries, provideBinaries, servers } from './binaries.ts';

let folder = '';
let cache = '';
const said: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'binaries-'));
  cache = join(folder, 'cache');
  said.length = 0;
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** etcd, as Go names it, and all others. */
const made = ['server', ...allBinaries.filter((name) => name !== 'etcd')].join(' ');

/** A Go that says this version, and builds by running these lines of shell in the folder that it shall build into. */
function go(version: string, build = `touch ${made}`) {
  const script = `#!/bin/sh
[ "$1" = version ] && echo "go version ${version} linux/amd64" && exit
while [ "$1" != -o ]; do shift; done
echo built >> '${folder}/builds'
cd "$2" && ${build}
`;
  writeFileSync(join(folder, 'go'), script);
  chmodSync(join(folder, 'go'), 0o755);
  vi.stubEnv('PATH', `${folder}:${process.env['PATH']}`);
}

function assets(names: readonly string[]): string {
  const path = join(folder, 'assets');
  mkdirSync(path);
  for (const name of names) writeFileSync(join(path, name), '');
  return path;
}

const builds = (): number =>
  existsSync(join(folder, 'builds'))
    ? readFileSync(join(folder, 'builds'), 'utf8').trimEnd().split('\n').length
    : 0;

const provide = (binaries = allBinaries, more: Parameters<typeof provideBinaries>[1] = {}) =>
  provideBinaries(binaries, { XDG_CACHE_HOME: cache, ...more }, (line) => said.push(line));

test('takes KUBEBUILDER_ASSETS where all that is needed stands in it', async () => {
  go('go1.26.0');
  const path = assets(servers);
  const surroundings = { KUBEBUILDER_ASSETS: path };
  expect(await provide(servers, surroundings)).toEqual({ ok: true, folder: path });
  expect(builds()).toBe(0);
  const withManager = await provide(allBinaries, surroundings);
  expect(withManager.ok && withManager.folder.startsWith(cache)).toBe(true);
  expect(builds()).toBe(1);
});

test('builds once, also when two want it at the same time', async () => {
  go('go1.25.0', `sleep 0.2 && touch ${made}`);
  const provided = await Promise.all([provide(), provide(), provide()]);
  for (const each of provided) expect(each).toEqual(provided[0]);
  if (!provided[0]?.ok) throw new Error(provided[0]?.why);
  expect(readdirSync(provided[0].folder).sort()).toEqual([...allBinaries].sort());
  expect(builds()).toBe(1);
  expect(said).toEqual([
    expect.stringMatching(/^building Kubernetes 1\.\d+\.\d+ .*: once, some minutes$/),
  ]);
});

test('a build that fails is told, leaves nothing behind and is tried again', async () => {
  go('go1.26.0', 'touch kubectl && echo "no such module" >&2 && exit 1');
  expect(await provide()).toEqual({
    ok: false,
    why: 'the test control plane could not be built: no such module',
  });
  expect(readdirSync(join(cache, 'bind9-agent/control-plane'))).toEqual(['agent.lock']);
  go('go1.26.0');
  expect((await provide()).ok).toBe(true);
});

test('what a killed builder has left is removed and never used', async () => {
  go('go1.26.0');
  const half = join(cache, 'bind9-agent/control-plane/half-1');
  mkdirSync(half, { recursive: true });
  writeFileSync(join(half, 'etcd'), '');
  expect((await provide()).ok).toBe(true);
  expect(existsSync(half)).toBe(false);
});

test('says in one sentence that there is no Go, or that it is too old, and what to do', async () => {
  const sentence = (what: string) => ({
    ok: false,
    why: `the test control plane is built with Go 1.25 or newer, and ${what}: install Go, or set KUBEBUILDER_ASSETS to a folder with kube-apiserver, etcd and kubectl`,
  });
  vi.stubEnv('PATH', folder);
  expect(await provide()).toEqual(sentence('there is none here'));
  go('go1.19.8');
  expect(await provide()).toEqual(sentence('this is go1.19.8'));
});
