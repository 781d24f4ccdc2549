import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
const biome = join(root, 'node_modules/.bin/biome');

const forbiddenInPlans = [
  `import { readFileSync } from 'node:fs';\nexport const planted = readFileSync;`,
  `import * as fs from 'node:fs/promises';\nexport const planted = fs.readFile;`,
  `import { readFileSync } from 'fs';\nexport const planted = readFileSync;`,
  `import { spawn } from 'node:child_process';\nexport const planted = spawn;`,
  `import { connect } from 'node:net';\nexport const planted = connect;`,
  `import * as net from 'node:net';\nexport const planted = net.connect;`,
  `import { createSocket } from 'node:dgram';\nexport const planted = createSocket;`,
  `import { lookup } from 'node:dns';\nexport const planted = lookup;`,
  `import { request } from 'node:http';\nexport const planted = request;`,
  `import { hostname } from 'node:os';\nexport const planted = hostname;`,
  `import { setTimeout as sleep } from 'node:timers/promises';\nexport const planted = sleep;`,
  `import { performance as p } from 'node:perf_hooks';\nexport const planted = p.now();`,
  `import { randomBytes } from 'node:crypto';\nexport const planted = randomBytes(4);`,
  `import { randomUUID } from 'node:crypto';\nexport const planted = randomUUID();`,
  `import { env } from 'node:process';\nexport const planted = env;`,
  `import { pino } from 'pino';\nexport const planted = pino;`,
  `import { Gauge } from 'prom-client';\nexport const planted = Gauge;`,
  `import { fastify } from 'fastify';\nexport const planted = fastify;`,
  `import { execa } from 'execa';\nexport const planted = execa;`,
  `import { watch } from 'chokidar';\nexport const planted = watch;`,
  `import { look } from '../observe/look.ts';\nexport const planted = look;`,
  `import { act } from '../apply/act.ts';\nexport const planted = act;`,
  `import { tell } from '../report/tell.ts';\nexport const planted = tell;`,
  `import { type Look, look } from '../observe/look.ts';\nexport const planted: Look = look;`,
  `import { run } from '../process.ts';\nexport const planted = run;`,
  `import { publish } from '../files.ts';\nexport const planted = publish;`,
  `import '../observe/look.ts';\nexport const planted = 1;`,
  `export { look } from '../observe/look.ts';`,
  `export const planted = await import('node:fs');`,
  `export const planted = await import('../observe/look.ts');`,
  'export const planted = setTimeout(() => undefined, 5);',
  'export const planted = setInterval(() => undefined, 5);',
  'export const planted = setImmediate(() => undefined);',
  'export const planted = (): void => queueMicrotask(() => undefined);',
  'export const planted = AbortSignal.timeout(5);',
  'export const planted = process.env;',
  'export const planted = process.hrtime();',
  `export const planted = (): void => console.log('x');`,
  'export const planted = Date.now();',
  'export const planted = new Date();',
  'export const planted = new Date;',
  'export const planted = Date();',
  'export const planted = new Date(Date.now());',
  'const { now } = Date;\nexport const planted = now;',
  'const Clock = Date;\nexport const planted = Clock;',
  'export const planted = globalThis.Date;',
  'export const planted = performance.now();',
  'export const planted = Math.random();',
  'const { random } = Math;\nexport const planted = random;',
  'export const planted = crypto.randomUUID();',
  'export const planted = crypto.getRandomValues(new Uint8Array(4));',
  `export const planted = fetch('http://localhost');`,
  `export const planted = new WebSocket('ws://localhost');`,
  'export const planted = new Intl.DateTimeFormat().format();',
] as const;

const allowedInPlans = [
  `import { isIP, isIPv4, isIPv6 } from 'node:net';\nexport const planted = [isIP, isIPv4, isIPv6];`,
  `import { createHash, createHmac, timingSafeEqual } from 'node:crypto';\nexport const planted = [createHash, createHmac, timingSafeEqual];`,
  `import type { Look } from '../observe/look.ts';\nexport type Planted = Look;`,
  `export type { Look } from '../observe/look.ts';`,
  `import { name } from '../dns/name.ts';\nexport const planted = name;`,
  `import { refused } from '../problem.ts';\nexport const planted = refused;`,
  'export const planted = new Date(5).toISOString();',
  'export const planted = Date.UTC(2026, 1);',
  'export const planted = Math.max(1, 2);',
  `export const planted = Buffer.from('x');`,
] as const;

const forbiddenElsewhere = [
  ['agent/observe/planted.ts', `export const planted = process.env['X'];`],
  ['agent/commands/planted.ts', 'export const planted = process.argv;'],
  [
    'agent/commands/imported.ts',
    `import { env } from 'node:process';\nexport const planted = env;`,
  ],
  ['agent/observe/acts.ts', `import { act } from '../apply/act.ts';\nexport const planted = act;`],
  ['agent/apply/tells.ts', `import { t } from '../report/t.ts';\nexport const planted = t;`],
  ['agent/report/looks.ts', `import { l } from '../observe/l.ts';\nexport const planted = l;`],
  ['agent/apply/runs.ts', `import { execa } from 'execa';\nexport const planted = execa;`],
  ['agent/spawns.ts', `import { spawn } from 'node:child_process';\nexport const planted = spawn;`],
  ['agent/report/prints.ts', `export const planted = (): void => console.log('x');`],
  ['agent/report/defaults.ts', 'export default 1;'],
  ['agent/report/anything.ts', 'export const planted = (x: any): string => x;'],
  ['agent/report/asserts.ts', 'export const planted = (x?: string): string => x!;'],
  ['agent/report/index.ts', `export * from './planted.ts';`],
  ['agent/report/Camel-Case.ts', 'export const planted = 1;'],
] as const;

const allowedElsewhere = [
  ['agent/main.ts', `export const planted = [process.env['X'], process.argv];`],
  ['agent/process.ts', `import { execa } from 'execa';\nexport const planted = execa;`],
  ['agent/observe/typed.ts', `import type { A } from '../apply/act.ts';\nexport type P = A;`],
  ['agent/observe/near.ts', `import { look } from './look.ts';\nexport const planted = look;`],
] as const;

const inPlan = (at: number): string => `agent/plan/planted-${at}.ts`;
const inDns = (at: number): string => `agent/dns/planted-${at}.ts`;
const allowedFile = (at: number): string => `agent/plan/allowed-${at}.ts`;
const firstLine = (code: string): string => code.split('\n').find((line) => line !== '') ?? '';

/** A copy of the linter's configuration with every planted thing in a file of its own, linted in one run. */
function lintPlanted(folder: string): Map<string, string[]> {
  for (const each of ['biome.json', '.gitignore', 'test/lint']) {
    cpSync(join(root, each), join(folder, each), { recursive: true });
  }
  const plant = (path: string, code: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${code}\n`);
  };
  forbiddenInPlans.forEach((code, at) => {
    plant(inPlan(at), code);
    plant(inDns(at), code);
  });
  allowedInPlans.forEach((code, at) => {
    plant(allowedFile(at), code);
  });
  for (const [path, code] of [...forbiddenElsewhere, ...allowedElsewhere]) plant(path, code);
  execFileSync('git', ['init', '--quiet', folder]);
  const ran = spawnSync(
    biome,
    ['lint', '--error-on-warnings', '--max-diagnostics=none', '--reporter=github', 'agent'],
    { cwd: folder, encoding: 'utf8' },
  );
  const found = new Map<string, string[]>();
  for (const line of ran.stdout.split('\n')) {
    const [, severity, file, message] =
      /^::(\w+) title=[^,]*,file=([^,]+),.*?::(.*)$/.exec(line) ?? [];
    if (severity === undefined || file === undefined) continue;
    const path = file.slice(file.indexOf('agent/'));
    found.set(path, [...(found.get(path) ?? []), `${severity}: ${message}`]);
  }
  return found;
}

let folder = '';
let found = new Map<string, string[]>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'purity-'));
  found = lintPlanted(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const complaints = (path: string): string[] => found.get(path) ?? [];
const errors = (path: string): string[] =>
  complaints(path).filter((each) => each.startsWith('error: '));

const impure = /Planning is pure|Do not use the global variable/;

describe('the linter refuses in plan and dns', () => {
  for (const [at, code] of forbiddenInPlans.entries()) {
    test(firstLine(code), () => {
      expect(errors(inPlan(at))).toContainEqual(expect.stringMatching(impure));
      expect(errors(inDns(at))).toContainEqual(expect.stringMatching(impure));
    });
  }
});

describe('the linter allows in plan', () => {
  for (const [at, code] of allowedInPlans.entries()) {
    test(firstLine(code), () => expect(complaints(allowedFile(at))).toEqual([]));
  }
});

describe('the linter refuses', () => {
  for (const [path, code] of forbiddenElsewhere) {
    test(`${firstLine(code)} in ${path}`, () => expect(errors(path)).not.toEqual([]));
  }
});

describe('the linter allows', () => {
  for (const [path, code] of allowedElsewhere) {
    test(`${firstLine(code)} in ${path}`, () => expect(complaints(path)).toEqual([]));
  }
});
