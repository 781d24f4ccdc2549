import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readCommandLine } from '../../agent/cli.ts';
import { declarations } from '../../agent/options/declarations.ts';
import { environmentName, flagName } from '../../agent/options/names.ts';

function read(...args: string[]) {
  let out = '';
  let err = '';
  const verdict = readCommandLine(args, {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    columns: 100,
    version: '1.2.3',
  });
  return { verdict, out, err };
}

function understood(...args: string[]) {
  const { verdict, err } = read(...args);
  if (!verdict.ok) throw new Error(err);
  return verdict.value;
}

describe('the command line', () => {
  test('gives the command with its own arguments', () => {
    expect(understood('run').invocation).toEqual({ command: 'run' });
    expect(understood('get', 'peers', '-o', 'yaml').invocation).toEqual({
      command: 'get',
      what: 'peers',
      output: 'yaml',
    });
    expect(understood('get', 'zones').invocation).toMatchObject({ output: 'table' });
    expect(understood('explain', 'example.com').invocation).toEqual({
      command: 'explain',
      zone: 'example.com',
    });
  });

  test('takes what is to be installed, and for whom', () => {
    expect(understood('manifests').invocation).toEqual({
      command: 'manifests',
      parts: ['crds', 'rbac', 'policy'],
      installation: {
        namespace: 'dns-system',
        serviceAccount: 'bind9-agent',
        watched: [],
        pods: [],
      },
    });
    const line = understood(
      ...['manifests', 'rbac', 'policy', '--namespace=dns', '--service-account', 'bind9'],
      ...['--watched', 'a,b', '--pods', 'dns-0,dns-1'],
    );
    expect(line.invocation).toEqual({
      command: 'manifests',
      parts: ['rbac', 'policy'],
      installation: {
        namespace: 'dns',
        serviceAccount: 'bind9',
        watched: ['a', 'b'],
        pods: ['dns-0', 'dns-1'],
      },
    });
  });

  test('refuses a name that no object can have', () => {
    const { verdict, err } = read('manifests', '--service-account', "x' || true || '");
    expect(verdict).toEqual({ ok: false, exitCode: 2 });
    expect(err).toContain('Want a name of lower case letters');
  });

  test('takes flags before and after the command, with a space or with "="', () => {
    const line = understood('--http-port', '1', 'run', '--dns-port=2', '--config', 'a.yaml');
    expect(line.flags).toEqual(
      new Map([
        ['dns.port', '2'],
        ['http.port', '1'],
      ]),
    );
    expect(line.configFile).toBe('a.yaml');
  });

  test('leaves out what no flag was given for', () => {
    expect(understood('run').flags).toEqual(new Map());
    expect(understood('run')).not.toHaveProperty('configFile');
  });

  test('adds up the flags of a list', () => {
    const { flags } = understood('run', '--keys-files', 'a,b', '--keys-files', 'c');
    expect(flags.get('keys.files')).toBe('a,b,c');
  });

  test('takes a yes or no as a bare flag, and takes it back', () => {
    expect(understood('run', '--access-by-address').flags.get('access.byAddress')).toBe(true);
    expect(understood('run', '--no-access-by-address').flags.get('access.byAddress')).toBe(false);
  });

  test('has a flag for every setting', () => {
    const asText = declarations.filter(({ kind }) => kind.bare !== true);
    for (const { path } of asText) {
      expect(understood('run', flagName(path), 'x').flags).toEqual(new Map([[path, 'x']]));
    }
  });
});

describe('what is not understood ends with exit code 2 and a hint', () => {
  test.each([
    [['rum'], `bind9-agent: unknown command 'rum'\n(Did you mean run?)\n`],
    [['run', '--htp-port', '3'], `unknown option '--htp-port'\n(Did you mean --http-port?)\n`],
    [['run', '--http-port'], `option '--http-port <number>' argument missing`],
    [['get'], `missing required argument 'what'`],
    [['get', 'zone'], 'Allowed choices are zones, peers.'],
    [['get', 'zones', '-o', 'xml'], 'Allowed choices are table, json, yaml.'],
    [['explain'], `missing required argument 'zone'`],
    [['explain', 'a', 'b'], `too many arguments for 'explain'`],
    [['run', 'now'], `too many arguments for 'run'`],
  ])('%j', (args, hint) => {
    const { verdict, out, err } = read(...args);
    expect(verdict).toEqual({ ok: false, exitCode: 2 });
    expect(err).toContain(hint);
    expect(err).toMatch(/^bind9-agent: /);
    expect(err).toContain('bind9-agent --help');
    expect(out).toBe('');
  });

  test('no command at all gets the help, as a complaint', () => {
    const { verdict, out, err } = read();
    expect(verdict).toEqual({ ok: false, exitCode: 2 });
    expect(err).toContain('Commands:');
    expect(out).toBe('');
  });
});

describe('help', () => {
  test('of the program lists the commands and where the settings are', () => {
    const { verdict, out } = read('--help');
    expect(verdict).toEqual({ ok: false, exitCode: 0 });
    for (const command of ['run', 'init', 'plan', 'get', 'explain', 'version']) {
      expect(out).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    }
    expect(out).toContain('bind9-agent run --help');
    expect(out.split('\n').length).toBeLessThan(30);
  });

  test('of run tells every setting, its variable and its default', () => {
    const { out } = read('run', '--help');
    for (const { path } of declarations) {
      expect(out).toMatch(new RegExp(`^ {2}${flagName(path)}\\b.* ${environmentName(path)}$`, 'm'));
    }
    expect(out).toContain('default: 8055');
  });

  test('lines fit the terminal', () => {
    const { out } = read('run', '--help');
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });

  test('--version prints the version alone', () => {
    expect(read('--version')).toMatchObject({ out: '1.2.3\n', verdict: { exitCode: 0 } });
  });
});

describe('the program', () => {
  const main = resolve(import.meta.dirname, '../../agent/main.ts');
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cli-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  interface Ran {
    readonly exitCode: number | null;
    readonly stdout: string;
    readonly stderr: string;
  }

  function start(args: readonly string[], environment = {}, stdout: 'pipe' | number = 'pipe') {
    return spawn(process.execPath, [main, ...args], {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...environment },
      stdio: ['ignore', stdout, 'pipe'],
    });
  }

  async function ran(child: ReturnType<typeof start>): Promise<Ran> {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const exitCode = await new Promise<number | null>((done) => child.on('close', done));
    return { exitCode, stdout, stderr };
  }

  test('prints its version, that of Node.js and that of BIND', async () => {
    const { exitCode, stdout } = await ran(start(['version']));
    expect(stdout).toMatch(/^bind9-agent {2}\d.*\nNode\.js {6}v\d.*\nBIND {9}9\.\d+\.\d+.*\n$/);
    expect(exitCode).toBe(0);
  });

  test('says so when there is no BIND, and tells its version with wrong settings, too', async () => {
    const environment = { BIND9_AGENT_NAMED_TOOLS: folder };
    expect((await ran(start(['version'], environment))).stdout).toContain(
      'BIND         not found\n',
    );
    const wrong = await ran(start(['version'], { BIND9_AGENT_HTTP_PORT: 'x' }));
    expect(wrong).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test('tells all wrong settings at once on standard error, with exit code 2', async () => {
    const { exitCode, stdout, stderr } = await ran(
      start(['run', '--log-level', 'loud'], { BIND9_AGENT_HTTP_PORT: '80a' }),
    );
    expect(stderr).toBe(
      `bind9-agent: 2 settings are wrong
  BIND9_AGENT_HTTP_PORT  want 1-65535, got "80a"
  --log-level            want fatal, error, warn, info, debug or trace, got "loud"
`,
    );
    expect([exitCode, stdout]).toEqual([2, '']);
  });

  test('is content when its reader has seen enough', async () => {
    const child = start(['run', '--help']);
    child.stdout?.destroy();
    expect(await ran(child)).toMatchObject({ exitCode: 0, stderr: '' });
  });

  test.skipIf(process.platform !== 'linux')('fails when its output cannot be written', async () => {
    const { exitCode, stderr } = await ran(start(['version'], {}, openSync('/dev/full', 'w')));
    expect(stderr).toMatch(/^bind9-agent: cannot write the output: ENOSPC/);
    expect(exitCode).toBe(1);
  });
});
