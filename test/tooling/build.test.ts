import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

const root = resolve(import.meta.dirname, '../..');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

let folder = '';
let dist = '';

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'build-'));
  execFileSync(process.execPath, [join(root, 'test/build.ts'), '--outdir', join(folder, 'built')], {
    stdio: 'pipe',
  });
  // Moved, so that nothing beside it can help.
  dist = join(folder, 'moved');
  cpSync(join(folder, 'built'), dist, { recursive: true });
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the bundle runs by itself, with its version in it', () => {
  const ran = spawnSync(process.execPath, [join(dist, 'bind9-agent.js'), 'version'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(ran.stderr).toBe('');
  expect(ran.stdout).toMatch(new RegExp(`^bind9-agent {2}${version}\nNode\\.js {6}v24\\.`));
  expect(ran.status).toBe(0);
});

test('the bundle can be executed as it is, and finds its source map', () => {
  const text = readFileSync(join(dist, 'bind9-agent.js'), 'utf8');
  expect(text.startsWith('#!/usr/bin/env node\n')).toBe(true);
  expect(text.trimEnd().endsWith('//# sourceMappingURL=bind9-agent.js.map')).toBe(true);
  const map = JSON.parse(readFileSync(join(dist, 'bind9-agent.js.map'), 'utf8'));
  expect(map.sources).toContainEqual(expect.stringMatching(/agent\/main\.ts$/));
});

test('what only a kubeconfig needs stands in a file of its own', () => {
  const readsKubeconfigs = (name: string): boolean =>
    readFileSync(join(dist, name), 'utf8').includes('loadFromFile(');
  expect(readsKubeconfigs('kubeconfig.js')).toBe(true);
  expect(readsKubeconfigs('bind9-agent.js')).toBe(false);
  const kubeconfig = join(folder, 'config');
  writeFileSync(kubeconfig, 'clusters: []\ncontexts: []\nusers: []\ncurrent-context: none\n');
  const args = ['get', 'zones', '--cluster', 'kubernetes', '--kubernetes-kubeconfig', kubeconfig];
  const ran = spawnSync(process.execPath, [join(dist, 'bind9-agent.js'), ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(ran.stderr).toBe(
    `bind9-agent: kubeconfig ${kubeconfig}: want a context that is in it, got "none"\n`,
  );
});

test('what only the certificates of the webhook need stands in a file of its own, and works there', async () => {
  const makesCertificates = (name: string): boolean =>
    readFileSync(join(dist, name), 'utf8').includes('createSelfSigned(');
  expect(makesCertificates('make-certificate.js')).toBe(true);
  expect(makesCertificates('bind9-agent.js')).toBe(false);
  const port = await claimPort();
  const settings = [
    ...['--kubernetes-server=https://127.0.0.1:1', `--webhook-port=${port}`],
    ...['--http-address=127.0.0.1', '--kubernetes-token-file=', '--kubernetes-ca-file='],
  ];
  const child = spawn(process.execPath, [join(dist, 'bind9-agent.js'), 'webhook', ...settings], {
    cwd: folder,
    stdio: 'ignore',
  });
  try {
    const subject = await until(() => certificateAt(port), { withinMs: 60_000 });
    expect(subject).toBe('bind9-agent webhook');
  } finally {
    child.kill('SIGKILL');
  }
}, 90_000);

const certificateAt = (port: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN);
      socket.destroy();
    });
    socket.once('error', reject);
  });

test('the bundle carries the licence of each package in it', () => {
  const notice = readFileSync(join(dist, 'NOTICE'), 'utf8');
  for (const name of ['commander', 'execa', 'pino', 'yaml']) {
    expect(notice).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\([A-Z][\\w.-]+\\)$`, 'm'));
  }
  expect(notice).not.toContain('esbuild');
  expect(readFileSync(join(dist, 'LICENSE'), 'utf8')).toContain('Apache License');
});

test('the bundle has in it what a cluster needs, as it stands in config/', () => {
  const ran = spawnSync(process.execPath, [join(dist, 'bind9-agent.js'), 'manifests', 'rbac'], {
    cwd: folder,
    encoding: 'utf8',
    env: { BIND9_AGENT_HTTP_PORT: 'wrong' },
  });
  expect(ran.stderr).toBe('');
  const file = readFileSync(join(root, 'config/rbac/rbac.yaml'), 'utf8');
  expect(ran.stdout).toBe(file.replace(/^#.*\n/, ''));
});
