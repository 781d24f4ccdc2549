import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { productImages } from '../containers/images.ts';
import { makePrometheusImage, prometheusImage } from '../containers/prometheus.ts';
import { useDocker } from '../containers/suite.ts';
import { until, untilEqual } from '../rig/until.ts';
import { type Composed, composed, composeFile } from './composed.ts';
import { containerOf } from './container.ts';
import { type Prometheus, prometheusAt } from './prometheus.ts';

const pods = ['primary', 'secondary-1', 'secondary-2'];
const patience = { withinMs: 90_000, everyMs: 250 };
const compose = inject('compose');
const prometheus = inject('prometheus');
const docker = useDocker();
let all: Composed | undefined;
const up = (): Composed => {
  if (all === undefined) throw new Error('only within tests');
  return all;
};

beforeEach(({ skip }) => {
  if (!compose.ok) skip(compose.why);
});

beforeAll(async () => {
  if (!compose.ok) return;
  const folder = mkdtempSync(join(tmpdir(), 'compose-'));
  const images = prometheus.ok ? [prometheusImage] : [];
  if (prometheus.ok) await makePrometheusImage(docker(), prometheus.folder);
  all = composed(compose.program, docker().host, folder, images);
  await all.compose('up', '--detach');
}, 300_000);

afterAll(async () => {
  await all?.compose('down', '--volumes', '--timeout', '10');
  if (all !== undefined) rmSync(all.folder, { recursive: true, force: true });
}, 120_000);

const container = async (service: string) =>
  containerOf(docker(), await up().compose('ps', '--quiet', service));

const address = async (pod: string): Promise<string> =>
  (await container(pod)).inspect('{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}');

const metrics = async (): Promise<Prometheus> => prometheusAt(await address('prometheus'));

/** Waits until Prometheus has asked all three, from now on. */
async function asked(): Promise<void> {
  const since = Date.now();
  const instances = pods.map((pod) => `${pod}:8055`);
  await untilEqual(async () => (await metrics()).answering(since), instances, patience);
}

const page = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, '../../docs', name), 'utf8');

const peers = async (): Promise<Map<string, { ips: string[]; liveness: string }>> => {
  const { items } = JSON.parse(
    await up().exec('primary-agent', 'bind9-agent', 'get', 'peers', '-o', 'json'),
  );
  return new Map(items.map((each: { pod: string }) => [each.pod, each]));
};

/** Another address for www.example.com, by the manifest. */
function write(ip: string): void {
  const file = join(up().folder, 'config/compose/manifests/example-com.yaml');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/ipv4Addresses: \[.*\]/, `ipv4Addresses: [${ip}]`));
}

async function served(ip: string, where = pods): Promise<void> {
  for (const pod of where)
    await untilEqual(() => up().answers(pod, 'www.example.com'), ip, { ...patience, what: pod });
}

async function change(ip: string): Promise<void> {
  write(ip);
  await served(ip);
}

test('example.com is served by all three, and every container that has a health check is healthy', async () => {
  for (const pod of pods) {
    await served('192.0.2.1', [pod]);
    for (const part of ['agent', 'named']) await (await container(`${pod}-${part}`)).healthy();
  }
  await untilEqual(
    async () => [...(await peers()).values()].map(({ liveness }) => liveness),
    ['live', 'live', 'live'],
    patience,
  );
});

test('Prometheus takes its configuration without a warning, and every pod answers it', async ({
  skip,
}) => {
  if (!prometheus.ok) skip(prometheus.why);
  expect(composeFile().services['prometheus']?.image).toBe(prometheusImage);
  await asked();
  const log = await (await container('prometheus')).logs();
  expect(log).toContain('Completed loading of configuration file');
  expect(log.split('\n').filter((line) => /level=(?!INFO)/.test(line))).toEqual([]);
});

test('Prometheus has the serial that all three serve, for each of them', async ({ skip }) => {
  if (!prometheus.ok) skip(prometheus.why);
  const soa = ['dig', '+short', '@127.0.0.1', 'example.com', 'SOA'];
  const [, , serial] = (await up().exec('primary', ...soa)).split(' ');
  const told = async (): Promise<string[]> => {
    const series = await (await metrics()).query('bind9_agent_zone_serial{zone="example.com"}');
    return series
      .map(({ metric, value: [, value] }) => `${metric['instance']} ${metric['role']} ${value}`)
      .sort();
  };
  const roles = ['primary', 'secondary', 'secondary'];
  const wanted = pods.map((pod, index) => `${pod}:8055 ${roles[index]} ${serial}`);
  await untilEqual(told, wanted, patience);
});

test('Prometheus takes every query of the documentation, and has no remark on any', async ({
  skip,
}) => {
  if (!prometheus.ok) skip(prometheus.why);
  const queries = ['metrics.md', 'images.md', 'webhook.md'].flatMap((name) =>
    [...page(name).matchAll(/`([^`\n]+)`/g)]
      .map(([, span = '']) => span)
      .filter((span) => / (==|!=|<|>) |\((rate|increase)\(/.test(span)),
  );
  expect(queries.length).toBeGreaterThan(10);
  for (const query of queries) await (await metrics()).query(query);
});

test('promtool has nothing against the configuration, nor against a metric of the agent', async ({
  skip,
}) => {
  if (!prometheus.ok) skip(prometheus.why);
  const check = ['promtool', 'check'];
  const file = '/etc/prometheus/prometheus.yml';
  expect(await up().exec('prometheus', ...check, 'config', file)).toContain('SUCCESS');
  const { id } = await container('prometheus');
  for (const pod of pods) {
    const input = await (await fetch(`http://${await address(pod)}:8055/metrics`)).text();
    const said = await docker().ask(['exec', '--interactive', id, ...check, 'metrics'], { input });
    // Gauges that every Node.js process has under these names.
    const usual = /^nodejs_active_(handles|requests|resources)_total non-counter metrics should/;
    expect(said.stderr.split('\n').filter((line) => line !== '' && !usual.test(line))).toEqual([]);
  }
});

test('nobody in it is root, and no root file system can be written', async () => {
  for (const pod of pods)
    for (const service of [pod, `${pod}-agent`, `${pod}-named`]) {
      const each = await container(service);
      expect(await each.exec('id', '-u')).toBe('101');
      expect(await each.inspect('{{.HostConfig.ReadonlyRootfs}}')).toBe('true');
    }
});

test('a changed manifest is served by all three, and transferred, signed with the key', async () => {
  await change('192.0.2.2');
  for (const pod of pods.slice(1)) {
    const log = await (await container(`${pod}-named`)).logs();
    expect(log).toMatch(/transfer of 'example\.com\/IN' from .*: Transfer status: success/);
    expect(log).toMatch(/zone example\.com\/IN: transferred serial \d+: TSIG 'cluster'/);
  }
});

test('the key is made once, and lies in a volume only', async () => {
  const key = (): Promise<string> =>
    up().exec('primary-agent', 'cat', '/etc/bind9-agent/keys/cluster.key');
  const before = await key();
  expect(before).toMatch(/^key "cluster" \{/);
  await up().compose('up', '--detach', '--force-recreate', 'keys');
  expect(await key()).toBe(before);
});

test('a secondary that is made anew at another address is healed, and nobody else is restarted', async () => {
  const before = await address('secondary-1');
  const others = ['primary-agent', 'primary-named', 'secondary-2-named'];
  const starts = () =>
    Promise.all(
      others.map(async (each) => (await container(each)).inspect('{{.State.StartedAt}}')),
    );
  const started = await starts();
  await up().compose(
    'rm',
    '--stop',
    '--force',
    'secondary-1',
    'secondary-1-agent',
    'secondary-1-named',
  );
  // Somebody else gets its address.
  const squatter = ['run', '--detach', '--name=squatter', '--network=bind9-agent_default'];
  await docker().docker([...squatter, '--entrypoint=sleep', productImages.bind9, 'infinity']);
  write('192.0.2.3');
  await served('192.0.2.3', ['primary', 'secondary-2']);
  await up().compose('up', '--detach');
  expect(await address('secondary-1')).not.toBe(before);
  await served('192.0.2.3');
  await change('192.0.2.4');
  expect((await peers()).get('secondary-1')).toMatchObject({
    ips: [await address('secondary-1')],
    liveness: 'live',
  });
  expect(await starts()).toEqual(started);
  if (prometheus.ok) await asked();
});

test('an agent that is killed comes back in its container, and named answers meanwhile', async () => {
  const agent = await container('secondary-2-agent');
  const named = await container('secondary-2-named');
  const fields = '{{.Id}} {{.State.StartedAt}} {{.RestartCount}}';
  const before = [await agent.inspect(fields), await named.inspect(fields)];
  const first = await agent.pidOf('bind9-agent.js');
  process.kill(first, 'SIGKILL');
  expect(await up().answers('secondary-2', 'www.example.com')).toBe('192.0.2.4');
  await until(async () => (await agent.pidOf('bind9-agent.js')) !== first, patience);
  await change('192.0.2.5');
  expect([await agent.inspect(fields), await named.inspect(fields)]).toEqual(before);
});

test('a new agent needs no new named', async () => {
  const named = await container('primary-named');
  const before = await named.inspect('{{.State.StartedAt}}');
  await up().compose('up', '--detach', '--force-recreate', '--no-deps', 'primary-agent');
  await change('192.0.2.6');
  expect(await (await container('primary-named')).inspect('{{.State.StartedAt}}')).toBe(before);
});

test('each command of docs/images.md does what it is for', async () => {
  const [, part = ''] = page('images.md').split('## A primary and two secondaries');
  const lines = [...part.matchAll(/^ {4}((?:docker compose|sed) .*)$/gm)]
    .map(([, line = '']) => line)
    .filter((line) => prometheus.ok || !line.includes('prometheus'));
  expect(lines.length).toBeGreaterThan(6);
  write('192.0.2.1');
  await served('192.0.2.1');
  for (const line of lines) {
    // Something must have been transferred before its log is looked for.
    if (line.includes('logs')) await served('192.0.2.2');
    // Building has a test of its own.
    const said = await up().shell(line.replace(' --build', ''));
    if (/ (exec|logs) /.test(line)) expect(said, line).not.toBe('');
  }
  await change('192.0.2.6');
});

test('what was served is served again after everything was down, and what was measured is kept', async () => {
  const before = Date.now();
  await up().compose('down', '--timeout', '10');
  await up().compose('up', '--detach');
  await served('192.0.2.6');
  if (!prometheus.ok) return;
  const kept = async () => (await (await metrics()).query('up', before)).length;
  await untilEqual(kept, pods.length, patience);
});

test('its images are built from the repository, under the names of this version', async () => {
  const images = Object.entries(composeFile().services)
    .filter(([, { build }]) => build !== undefined)
    .map(([, { image }]) => image);
  expect([...new Set(images)].sort()).toEqual(Object.values(productImages).sort());
  await up().compose('build', 'primary', 'primary-agent');
});
