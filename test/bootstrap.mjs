// Makes a machine ready and runs one of the repository's commands: demo, dev, check, test, bench, build.
// It depends on nothing but Node.js 20 or newer; what it starts runs on the Node.js that package.json names.
// All it has to say goes to standard error: standard output belongs to what it starts.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '..');
const say = (text) => process.stderr.write(`${text}\n`);

const commands = {
  demo: { needsBind: true, run: (args) => start('test/demo/main.ts', ...args) },
  dev: { needsBind: false, run: dev },
  check: { needsBind: false, run: async (args) => ((await check(args)) > 0 ? 1 : 0) },
  test: { needsBind: true, run: test },
  bench: { needsBind: true, run: (args) => start('test/bench/main.ts', ...args) },
  build: { needsBind: false, run: (args) => start('test/build.ts', ...args) },
};

async function main([name, ...args]) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (command === undefined) {
    say(`usage: node test/bootstrap.mjs ${Object.keys(commands).join('|')} [arguments]`);
    return 2;
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    say(`Node.js 20 or newer is needed to begin with, this is ${process.version}.`);
    return 1;
  }
  if (!(await havePackages())) return 1;
  if (command.needsBind && !(await haveBind())) return 1;
  return command.run(args);
}

// The agent from its source, started again whenever a file of it changes.
function dev(args) {
  const agent = args.length > 0 ? args : ['run'];
  return start('--watch', '--watch-preserve-output', 'agent/main.ts', ...agent);
}

// Format and lint, types, generated files. Returns how many of them are wrong; with --write, what can be is put right.
async function check(args) {
  const write = args.includes('--write');
  const generated = await start('test/generate.ts', ...(write ? ['--write'] : []));
  const biome = ['check', '--error-on-warnings', ...(write ? ['--write'] : [])];
  const linted = await start('node_modules/@biomejs/biome/bin/biome', ...biome);
  const typed = await start('node_modules/typescript/bin/tsc');
  const wrong = Object.entries({ 'generated files': generated, biome: linted, tsc: typed })
    .filter(([, exitCode]) => exitCode !== 0)
    .map(([name]) => name);
  if (wrong.length > 0) say(`check failed: ${wrong.join(', ')}`);
  return wrong.length;
}

// All checks, then all tests; the last line tells the count. --strict (or CI=true) takes a test left out for a failure.
async function test(args) {
  const strict = args.includes('--strict') || process.env.CI === 'true';
  const chosen = args.filter((arg) => arg !== '--strict');
  const failedChecks = await check([]);
  const folder = mkdtempSync(join(tmpdir(), 'tally-'));
  try {
    const tallyFile = join(folder, 'tally.json');
    const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...chosen];
    const exitCode = await start({ env: { TEST_TALLY: tallyFile } }, ...vitest);
    const tally = readTally(tallyFile, exitCode);
    if (tally.leftOut.length > 0) tellLeftOut(tally.leftOut, strict);
    if (tally.triedAgain.length > 0) tellTriedAgain(tally.triedAgain);
    return countUp(tally, failedChecks, strict);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

// A run that ended badly without a failed test (it was killed, a worker died) has one failure all the same.
function readTally(file, exitCode) {
  if (!existsSync(file)) {
    say(`vitest ended with exit code ${exitCode} before it had a result`);
    return { passed: 0, failed: 1, leftOut: [], triedAgain: [] };
  }
  const tally = JSON.parse(readFileSync(file, 'utf8'));
  return exitCode !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally;
}

function tellLeftOut(leftOut, strict) {
  say(`\nleft out${strict ? ', which counts as failed here' : ''}:`);
  for (const { title, why } of leftOut) say(`  ${title}: ${why}`);
}

function tellTriedAgain(titles) {
  say('\npassed only when tried again:');
  for (const title of titles) say(`  ${title}`);
}

// Prints the last line and returns the exit code. A run without a single passed test is a failed one.
function countUp({ passed, failed, leftOut }, failedChecks, strict) {
  const allFailed = failed + failedChecks + (strict ? leftOut.length : 0);
  const skipped = strict || leftOut.length === 0 ? '' : `, ${leftOut.length} skipped`;
  process.stdout.write(`\n${passed} passed, ${allFailed} failed${skipped}\n`);
  return allFailed > 0 || passed === 0 ? 1 : 0;
}

// --- what must be there first ---

async function havePackages() {
  const why = packagesOutdated();
  if (why === undefined) return true;
  say(`npm ci (${why})`);
  const npm = process.env.npm_execpath;
  const [file, before] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const args = [...before, 'ci', '--no-audit', '--no-fund'];
  // npm's own, older Node.js does not suit some packages. They run on the one that package.json names.
  const exitCode = await spawned(file, args, { hide: /EBADENGINE/ });
  if (exitCode !== 0) say('npm ci failed: see above');
  return exitCode === 0;
}

// npm keeps what it installed in node_modules/.package-lock.json; packages for other platforms are not in it.
function packagesOutdated() {
  const installedLock = join(root, 'node_modules/.package-lock.json');
  if (!existsSync(installedLock)) return 'node_modules is missing';
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(installedLock, 'utf8')).packages;
  for (const [path, { version, optional }] of Object.entries(wanted)) {
    if (path === '' || (optional && installed[path] === undefined)) continue;
    if (installed[path]?.version !== version) return `${path} is not at ${version}`;
  }
  const extra = Object.keys(installed).find((path) => wanted[path] === undefined);
  return extra === undefined ? undefined : `${extra} is not in package-lock.json`;
}

const bindPrograms = ['named', 'named-checkconf', 'named-compilezone', 'nsupdate', 'dig'];
// Where named stands, and what an ordinary user's PATH may not have.
const systemFolders = ['/usr/local/sbin', '/opt/homebrew/sbin', '/usr/sbin', '/sbin'];
const installers = {
  'apt-get': 'apt-get update && apt-get install -y bind9 bind9-utils bind9-dnsutils',
  dnf: 'dnf install -y bind bind-utils',
  apk: 'apk add bind bind-tools',
  brew: 'brew install bind',
};

async function haveBind() {
  let missing = bindPrograms.filter((name) => !isProgram(name));
  if (missing.length === 0) return true;
  const managers = Object.keys(installers).filter(isProgram);
  if (managers[0] === 'apt-get' && process.getuid?.() === 0) {
    say(`installing BIND (missing: ${missing.join(', ')})`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    const debian = ['bind9', 'bind9-utils', 'bind9-dnsutils'];
    await spawned('apt-get', ['update'], { env });
    await spawned('apt-get', ['install', '-y', '--no-install-recommends', ...debian], { env });
    missing = bindPrograms.filter((name) => !isProgram(name));
    if (missing.length === 0) return true;
  }
  say(`BIND 9.18 or newer is needed, and not all of it is here (missing: ${missing.join(', ')}).`);
  say('Install it with');
  const sudo = process.getuid?.() === 0 ? '' : 'sudo ';
  for (const name of managers.length > 0 ? managers.slice(0, 1) : Object.keys(installers)) {
    const line = installers[name].replaceAll(/(^|&& )/g, `$1${name === 'brew' ? '' : sudo}`);
    say(`  ${line}`);
  }
  return false;
}

const searched = () => [...(process.env.PATH ?? '').split(delimiter), ...systemFolders];

function isProgram(name) {
  return searched().some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

// --- processes ---

// Runs a program of this repository on its own Node.js, with our terminal. Returns its exit code.
function start(first, ...rest) {
  const [options, args] = typeof first === 'string' ? [{}, [first, ...rest]] : [first, rest];
  const path = [join(root, 'node_modules/.bin'), ...searched()].join(delimiter);
  return spawned(ownNode(), args, { env: { PATH: path, ...options.env }, stdio: 'inherit' });
}

function ownNode() {
  const installed = join(root, 'node_modules/.bin/node');
  if (spawnSync(installed, ['--version']).status === 0) return installed;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  say('The Node.js in node_modules does not run here: install Node.js 24 and try again.');
  process.exit(1);
}

// `hide`: lines of standard error that match are left out. Standard output is ours only with stdio 'inherit'.
function spawned(file, args, { env = {}, stdio, hide } = {}) {
  const child = spawn(file, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: stdio ?? ['ignore', 2, hide === undefined ? 2 : 'pipe'],
  });
  if (hide !== undefined) passOn(child.stderr, hide);
  // Ctrl-C reaches the child by itself; we wait for what it makes of it.
  const onInterrupt = () => undefined;
  const onTerminate = () => child.kill('SIGTERM');
  process.on('SIGINT', onInterrupt);
  process.on('SIGTERM', onTerminate);
  return new Promise((done) => {
    const ended = (exitCode) => {
      process.off('SIGINT', onInterrupt);
      process.off('SIGTERM', onTerminate);
      done(exitCode);
    };
    child.on('error', (error) => {
      say(`${file} could not be started: ${error.message}`);
      ended(127);
    });
    child.on('close', (code, signal) => ended(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

function passOn(stream, hide) {
  let rest = '';
  stream.setEncoding('utf8').on('data', (text) => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (!hide.test(line)) say(line);
  });
  stream.on('end', () => {
    if (rest !== '') say(rest);
  });
}

process.exitCode = await main(process.argv.slice(2));
