import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type DomainName, parseName } from '../../agent/dns/name.ts';
import type { ZoneSample } from '../../agent/report/metric-gauges.ts';
import { Metrics } from '../../agent/report/metrics.ts';
import { type Family, readExposition, valueIn } from './exposition.ts';

const NOW = 1_800_000_000_000;

const metricsAt = (now = () => NOW): Metrics => new Metrics({ version: '1.2.3', now });

function zone(name: string): DomainName {
  const parsed = parseName(name);
  if (!parsed.ok) throw new Error(name);
  return parsed.value;
}

const secondary = (name: string, rest: Partial<ZoneSample> = {}): ZoneSample => ({
  zone: zone(name),
  role: 'secondary',
  serial: 7,
  state: 'Current',
  ...rest,
});

async function scraped(metrics: Metrics): Promise<Map<string, Family>> {
  return readExposition((await metrics.scrape()).text);
}

const labelNames = (family: Family): string[] => [
  ...new Set(family.samples.flatMap(({ labels }) => Object.keys(labels))),
];

/** Every metric has a series. */
function everything(metrics: Metrics): void {
  metrics.setZones([secondary('example.com', { expiresAt: NOW + 5000 })]);
  metrics.setNamed('9.18.30');
  metrics.setSources(new Map([['DNSZone', 3]]), true);
  metrics.observeControlCommand('status', 0.002);
  metrics.observePass(0.1);
  metrics.observeTransfer({ result: 'success', method: 'IXFR', seconds: 0.5, bytes: 300 });
}

test('the page of metrics tells every metric of the agent with its type, labels and help', async () => {
  const metrics = metricsAt();
  everything(metrics);
  const families = [...(await scraped(metrics)).values()].filter(({ name }) =>
    name.startsWith('bind9_agent_'),
  );
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `bind9_agent_'));
  const expected = families.map((family) => {
    const labels = labelNames(family)
      .filter((label) => label !== 'le')
      .map((label) => `\`${label}\``);
    const cell = labels.length === 0 ? '' : `${labels.join(' ')} `;
    return `| \`${family.name}\` | ${family.type} | ${cell}| ${family.help} |`;
  });
  expect(rows.toSorted()).toEqual(expected.toSorted());
});

test('the queries on the page ask for metrics that there are', async () => {
  const names = [...(await scraped(metricsAt())).keys()];
  const page = readFileSync(new URL('../../docs/metrics.md', import.meta.url), 'utf8');
  for (const [name] of page.matchAll(/bind9_agent_\w+/g))
    expect(names).toContain(name.replace(/_bucket$/, ''));
});

test('what is scraped is valid: each series once and under its own metric, counters end in _total', async () => {
  const metrics = metricsAt();
  everything(metrics);
  metrics.setZones([secondary('example.com'), secondary('example.com', { serial: 8 })]);
  const { text, contentType } = await metrics.scrape();
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
  const families = readExposition(text);
  const series = [...families.values()].flatMap(({ samples }) => samples.map(({ id }) => id));
  expect(series.length).toBe(new Set(series).size);
  for (const { name, type, help } of families.values()) {
    if (type === 'counter') expect(name).toMatch(/_total$/);
    if (name.startsWith('bind9_agent_')) expect(help).toMatch(/^[A-Z].*\.$/);
  }
  expect(valueIn(families, 'bind9_agent_zone_serial', { zone: 'example.com' })).toBe(8);
});

test('a name with a quote, a backslash or a newline in it is read back as it was', async () => {
  const metrics = metricsAt();
  const odd = [
    '0/25.2.0.192.in-addr.arpa',
    'a\\"b.example',
    'a\\.b.example',
    'a\\010b.example',
    '.',
  ];
  metrics.setZones(odd.map((name) => secondary(name)));
  metrics.setNamed('9.18 "x"\\\n');
  const families = await scraped(metrics);
  const names = families.get('bind9_agent_zone_serial')?.samples.map(({ labels }) => labels.zone);
  expect(names).toEqual(odd);
  expect(valueIn(families, 'bind9_agent_named_info', { release: '9.18 "x"\\\n' })).toBe(1);
});

test('the usual metrics of a process are there, and each instance has a registry of its own', async () => {
  const one = metricsAt();
  const other = metricsAt();
  one.observePass(1);
  expect((await scraped(one)).has('process_resident_memory_bytes')).toBe(true);
  expect(valueIn(await scraped(one), 'bind9_agent_pass_duration_seconds_count')).toBe(1);
  expect(valueIn(await scraped(other), 'bind9_agent_pass_duration_seconds_count')).toBe(0);
});

test('nothing is left of a zone that is gone, nor of a role that it had', async () => {
  const metrics = metricsAt();
  metrics.setZones([secondary('gone.example'), secondary('moved.example')]);
  expect((await metrics.scrape()).text).toContain('gone.example');
  metrics.setZones([secondary('moved.example', { role: 'primary' })]);
  const families = await scraped(metrics);
  expect(JSON.stringify([...families.values()])).not.toContain('gone.example');
  expect(families.get('bind9_agent_zone_serial')?.samples.map(({ labels }) => labels)).toEqual([
    { zone: 'moved.example', role: 'primary' },
  ]);
  const zones = (role: string) =>
    valueIn(families, 'bind9_agent_zones', { role, state: 'Current' });
  expect([zones('primary'), zones('secondary')]).toEqual([1, 0]);
});

test('lag and time to expiry move on between two scrapes, and are never below zero', async () => {
  let now = NOW;
  const metrics = metricsAt(() => now);
  metrics.setZones([
    secondary('lagging.example', {
      state: 'Lagging',
      behindSince: NOW - 2500,
      expiresAt: NOW + 60_000,
    }),
  ]);
  const told = async () => {
    const families = await scraped(metrics);
    return ['lag', 'expiry'].map((what) => valueIn(families, `bind9_agent_zone_${what}_seconds`));
  };
  expect(await told()).toEqual([2.5, 60]);
  now += 10_000;
  expect(await told()).toEqual([12.5, 50]);
  now += 90_000;
  expect(await told()).toEqual([102.5, 0]);
  now = NOW - 10_000;
  expect(await told()).toEqual([0, 70]);
});

test('a zone that is not served has no serial and reads as not loaded; a primary has no expiry', async () => {
  const metrics = metricsAt();
  metrics.setZones([
    { zone: zone('expired.example'), role: 'secondary', state: 'Expired', expiresAt: NOW - 1 },
    { zone: zone('own.example'), role: 'primary', state: 'Current', serial: 3 },
  ]);
  const families = await scraped(metrics);
  const of = (metric: string, name: string) =>
    valueIn(families, `bind9_agent_zone_${metric}`, { zone: name });
  expect(of('serial', 'expired.example')).toBeUndefined();
  expect(of('loaded', 'expired.example')).toBe(0);
  expect(of('expiry_seconds', 'expired.example')).toBe(0);
  expect(of('loaded', 'own.example')).toBe(1);
  expect(of('expiry_seconds', 'own.example')).toBeUndefined();
  expect(of('lag_seconds', 'own.example')).toBe(0);
});

test('commands that are not told apart share one label', async () => {
  const metrics = metricsAt();
  for (const command of ['status', 'addzone', '', 'x"y', 'example.com', '__proto__'])
    metrics.observeControlCommand(command, 0.002);
  const families = await scraped(metrics);
  const commands = families
    .get('bind9_agent_control_command_duration_seconds')
    ?.samples.map(({ labels }) => labels.command);
  expect([...new Set(commands)]).toEqual(['status', 'addzone', 'other']);
  const count = 'bind9_agent_control_command_duration_seconds_count';
  expect(valueIn(families, count, { command: 'other' })).toBe(4);
});

test('transfers are counted by how they ended; only those that brought data are timed', async () => {
  const metrics = metricsAt();
  metrics.observeTransfer({ result: 'success', method: 'AXFR', seconds: 3, bytes: 100 });
  metrics.observeTransfer({ result: 'not-needed', seconds: 0, bytes: 0 });
  metrics.observeTransfer({ result: 'failure', reason: 'Timeout', seconds: 30, bytes: 0 });
  const families = await scraped(metrics);
  const count = (labels: Record<string, string>) =>
    valueIn(families, 'bind9_agent_transfers_total', labels);
  expect(count({ type: 'AXFR', result: 'success', reason: '' })).toBe(1);
  expect(count({ type: 'unknown', result: 'not-needed', reason: '' })).toBe(1);
  expect(count({ type: 'unknown', result: 'failure', reason: 'Timeout' })).toBe(1);
  expect(count({ type: 'unknown', result: 'failure', reason: 'Refused' })).toBe(0);
  const timed = 'bind9_agent_transfer_duration_seconds';
  expect(valueIn(families, `${timed}_sum`, { type: 'AXFR' })).toBe(3);
  expect(valueIn(families, `${timed}_count`, { type: 'unknown' })).toBe(0);
});

test('no event adds a series that its first occurrence would hide', async () => {
  const metrics = metricsAt();
  const before = await scraped(metrics);
  metrics.observeTransfer({ result: 'success', method: 'IXFR', seconds: 1, bytes: 1 });
  metrics.observeTransfer({ result: 'success', seconds: 1, bytes: 1 });
  metrics.observeTransfer({ result: 'failure', reason: 'BadData', seconds: 1, bytes: 1 });
  metrics.countStatusWrite('conflict');
  metrics.setPeers([{ role: 'primary', liveness: 'silent' }]);
  const after = await scraped(metrics);
  for (const [name, { samples }] of after)
    if (name.startsWith('bind9_agent_'))
      expect(samples.map(({ id }) => id)).toEqual(before.get(name)?.samples.map(({ id }) => id));
});

test('what holds for the pod is told as it was last set', async () => {
  const metrics = metricsAt();
  const told = async () => {
    const families = await scraped(metrics);
    return [
      valueIn(families, 'bind9_agent_named_up'),
      families.get('bind9_agent_named_info')?.samples.map(({ labels }) => labels.release),
      valueIn(families, 'bind9_agent_held'),
      valueIn(families, 'bind9_agent_resource_problems'),
      valueIn(families, 'bind9_agent_configuration_refused'),
      valueIn(families, 'bind9_agent_peers', { role: 'secondary', liveness: 'live' }),
    ];
  };
  expect(await told()).toEqual([0, [], 0, 0, 0, 0]);
  metrics.setNamed('9.18.30');
  metrics.setHeld(true);
  metrics.setProblems(3);
  metrics.setConfigurationRefused(true);
  metrics.setPeers([
    { role: 'secondary', liveness: 'live' },
    { role: 'secondary', liveness: 'live' },
  ]);
  expect(await told()).toEqual([1, ['9.18.30'], 1, 3, 1, 2]);
  metrics.setNamed('9.20.4');
  metrics.setPeers([]);
  expect(await told()).toEqual([1, ['9.20.4'], 1, 3, 1, 0]);
  metrics.setNamed(undefined);
  expect((await told()).slice(0, 2)).toEqual([0, []]);
});

test('10,000 zones are taken over and scraped at little cost', async () => {
  const metrics = metricsAt();
  const zones = Array.from({ length: 10_000 }, (_, i) =>
    secondary(`zone-${i}.example.com`, { expiresAt: NOW + i }),
  );
  const cpuOf = async (work: () => unknown): Promise<number> => {
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  expect(await cpuOf(() => metrics.setZones(zones))).toBeLessThan(20);
  const first = await cpuOf(() => metrics.scrape());
  const next = [];
  for (let i = 0; i < 5; i++) next.push(await cpuOf(() => metrics.scrape()));
  const usual = next.toSorted((a, b) => a - b)[2] ?? Number.NaN;
  console.info(
    `10,000 zones: ${first.toFixed(0)} ms for the first scrape, ${usual.toFixed(0)} ms usually`,
  );
  expect(first).toBeLessThan(1000);
  expect(usual).toBeLessThan(300);
  expect((await scraped(metrics)).get('bind9_agent_zone_lag_seconds')?.samples.length).toBe(10_000);
});
