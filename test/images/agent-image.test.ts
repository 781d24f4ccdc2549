import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { baseImages } from '../containers/base-images.ts';
import { productImages } from '../containers/images.ts';
import { useDocker } from '../containers/suite.ts';
import { until } from '../rig/until.ts';
import { careful, startAgent, volumesOf } from './container.ts';
import { layersAbove, megabytes } from './size.ts';

const root = resolve(import.meta.dirname, '..', '..');
const docker = useDocker();
const { agent: image } = productImages;

const cli = (args: readonly string[], options: readonly string[] = [], input = '') =>
  docker().ask(
    ['run', '--rm', '--interactive', '--network=none', ...careful, ...options, image, ...args],
    { input },
  );

const config = async (): Promise<Record<string, unknown>> =>
  JSON.parse(await docker().docker(['image', 'inspect', '--format', '{{json .Config}}', image]));

const manifests = [
  '--volume',
  `${join(root, 'config', 'compose', 'manifests')}:/var/lib/bind9-agent/manifests:ro`,
];

test('runs without root, by a number, and says what it is', async () => {
  const { version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  expect(await config()).toMatchObject({
    User: '101:101',
    Entrypoint: ['bind9-agent'],
    Cmd: ['run'],
    Labels: {
      'org.opencontainers.image.title': 'bind9-agent',
      'org.opencontainers.image.licenses': license,
      'org.opencontainers.image.version': version,
    },
  });
});

test('is as small as docs/images.md says', async () => {
  const size = await megabytes(docker(), image);
  const above = size - (await megabytes(docker(), baseImages.debian));
  expect(above).toBeLessThan(200);
  expect(await layersAbove(docker(), image, baseImages.debian)).toBe(3);
});

test('every command runs in it, with nothing to write to and no network', async () => {
  const help = await cli(['help']);
  const commands = help.stdout.matchAll(/^ {2}([a-z]+)\b/gm);
  const names = [...commands].map(([, name = '']) => name).filter((name) => name !== 'help');
  expect(names).toEqual(
    expect.arrayContaining(['run', 'init', 'plan', 'get', 'explain', 'version']),
  );
  const loop = `for each in ${names.join(' ')}; do bind9-agent $each --help || echo "$each: $?"; done`;
  const helped = await docker().docker([
    ...['run', '--rm', '--network=none', ...careful, '--entrypoint=bash', image, '-c', loop],
  ]);
  for (const name of names) {
    expect(helped).toContain(`Usage: bind9-agent ${name}`);
    expect(helped).not.toMatch(new RegExp(`^${name}: \\d`, 'm'));
  }
});

test('version tells all three versions', async () => {
  const ran = await cli(['version']);
  expect(ran.stdout).toMatch(
    /^bind9-agent {2}\d+\.\d+\.\d+\nNode\.js {6}v24\.\S+\nBIND {9}9\.18\.\S+\n$/,
  );
});

test('inject reads standard input, manifests prints to standard output', async () => {
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: dns, image: internetsystemsconsortium/bind9:9.18}]}\n';
  const injected = await cli(['inject'], [], pod);
  expect(injected.stderr).toBe('');
  expect(injected.stdout).toContain(`image: ${image}`);
  expect((await cli(['manifests', 'crds'])).stdout).toContain('kind: CustomResourceDefinition');
});

test('what is wrong is told as everywhere, with the exit code', async () => {
  expect(await cli(['plan'], ['--env', 'BIND9_AGENT_HTTP_PORT=80a'])).toMatchObject({
    ok: false,
    exitCode: 2,
    stderr: expect.stringContaining('BIND9_AGENT_HTTP_PORT  want 1-65535, got "80a"'),
  });
});

test('plan and init work on volumes that belong to nobody yet', async () => {
  const options = [
    ...volumesOf('alone'),
    ...manifests,
    ...['--env', 'BIND9_AGENT_POD_ROLE=primary', '--env', 'BIND9_AGENT_POD_CLUSTER_NAME=compose'],
    ...['--env', 'BIND9_AGENT_POD_IPS=192.0.2.7'],
  ];
  const planned = await cli(['plan'], options);
  expect(planned.stdout).toContain('example.com');
  expect(await cli(['init'], options)).toMatchObject({ ok: true });
  const args = ['run', '--rm', ...volumesOf('alone'), '--entrypoint=ls', image];
  expect(await docker().docker([...args, '/var/lib/bind/zones'])).toBe('example.com.zone');
});

test('turns healthy when named may be started, and unhealthy when the agent is away', async () => {
  const agent = await startAgent(docker(), 'health', [
    ...volumesOf('health'),
    ...['--env', 'BIND9_AGENT_START_DEADLINE_SECONDS=0'],
    ...['--health-interval=1s', '--health-retries=1'],
  ]);
  await agent.healthy();
  process.kill(await agent.pidOf('bind9-agent.js'), 'SIGSTOP');
  await until(async () => (await agent.inspect('{{.State.Health.Status}}')) === 'unhealthy', {
    withinMs: 60_000,
  });
  await docker().docker(['rm', '--force', 'health']);
});

test('the container outlives its agent', async () => {
  const agent = await startAgent(docker(), 'outlives', volumesOf('outlives'));
  await until(() => answers(agent), { withinMs: 60_000 });
  const first = await agent.pidOf('bind9-agent.js');
  process.kill(first, 'SIGKILL');
  const second = await until(
    async () => {
      const pid = await agent.pidOf('bind9-agent.js');
      return pid === first ? undefined : pid;
    },
    { withinMs: 30_000 },
  );
  expect(second).not.toBe(first);
  await until(() => answers(agent), { withinMs: 60_000 });
  expect(await agent.inspect('{{.State.Running}} {{.RestartCount}}')).toBe('true 0');
  expect(await agent.logs()).toMatch(
    /"level":"error".*"msg":"the agent was killed .* started again in 1 s"/,
  );
  await docker().docker(['rm', '--force', 'outlives']);
});

const answers = async (agent: {
  exec(...command: string[]): Promise<string>;
}): Promise<boolean> => {
  await agent.exec('bind9-agent-health', '/livez');
  return true;
};

test('SIGTERM ends it within 10 s, its registration is gone, and the exit code is 0', async () => {
  const options = [...volumesOf('ends'), ...manifests, '--env', 'BIND9_AGENT_POD_ROLE=secondary'];
  const more = ['--env', 'BIND9_AGENT_POD_CLUSTER_NAME=c', '--env', 'BIND9_AGENT_POD_NAME=ends'];
  const agent = await startAgent(docker(), 'ends', [...options, ...more]);
  const peers = (): Promise<string> => {
    const args = ['run', '--rm', ...volumesOf('ends'), '--entrypoint=ls', image];
    return docker().docker([...args, '/var/lib/bind9-agent/peers']);
  };
  await until(async () => (await peers()) !== '', { withinMs: 60_000 });
  const began = performance.now();
  await docker().docker(['stop', '--time=60', 'ends']);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(await agent.inspect('{{.State.ExitCode}}'), await agent.logs()).toBe('0');
  expect(await peers()).toBe('');
});

test('carries a list of all that is in it, as SPDX', async () => {
  const text = await docker().docker([
    ...['run', '--rm', '--entrypoint=cat', image, '/usr/share/doc/bind9-agent/sbom.spdx.json'],
  ]);
  const { spdxVersion, packages } = JSON.parse(text);
  expect(spdxVersion).toBe('SPDX-2.3');
  const purls: string[] = packages.map(
    (each: { externalRefs: { referenceLocator: string }[] }) =>
      each.externalRefs[0]?.referenceLocator,
  );
  const notice = await docker().docker([
    ...['run', '--rm', '--entrypoint=cat', image, '/opt/bind9-agent/NOTICE'],
  ]);
  const bundled = [...notice.matchAll(/^-{78}\n(\S+) (\S+) \(/gm)];
  expect(bundled.length).toBeGreaterThan(30);
  for (const [, name = '', version = ''] of bundled)
    expect(purls).toContain(`pkg:npm/${name.replace('@', '%40')}@${version}`);
  const installed = await docker().docker([
    ...['run', '--rm', '--entrypoint=dpkg-query', image, '--show'],
  ]);
  for (const name of installed.split('\n').map((line) => line.split(/[:\t]/)[0] ?? ''))
    expect(purls).toContainEqual(
      expect.stringMatching(`^pkg:deb/debian/${name.replaceAll('+', '(\\+|%2B)')}@`),
    );
  expect(purls).toContain(`pkg:generic/node@${process.versions.node}`);
  const ids = packages.map((each: { SPDXID: string }) => each.SPDXID);
  expect(new Set(ids).size).toBe(ids.length);
});
