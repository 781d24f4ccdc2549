import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { renderZone } from '../../agent/dns/zone-text.ts';
import {
  renderNamedConf,
  type ServerSettings,
  type WantedConfig,
} from '../../agent/plan/named-config.ts';
import type { ZonePlan } from '../../agent/plan/plan-zone.ts';
import { Planner } from '../../agent/plan/planner.ts';
import type { Registration } from '../../agent/plan/registration.ts';
import { stanzaOf } from '../../agent/plan/stanza.ts';
import { objectsOf, peer, registration, viewOf } from './worlds.ts';

const folder = join(import.meta.dirname, 'golden');
const objects = objectsOf(readFileSync(join(folder, 'manifests.yaml'), 'utf8'));

const pods = {
  primary: registration('primary-0', 'primary', { ips: ['10.0.0.1'] }),
  secondary: registration('secondary-0', 'secondary', { ips: ['10.0.0.2'] }),
} as const;

const common = {
  clusterKey: 'cluster',
  localKey: 'local',
  maxRecordsPerType: 5000,
  maxTypesPerName: 500,
};

const server: ServerSettings = {
  ...common,
  folders: { state: '/var/lib/bind/agent', newZones: '/var/lib/bind/nzd' },
  dnsPort: 53,
  listenOn: [],
  control: { address: '127.0.0.1', port: 9953 },
  statisticsPort: 8053,
  rateLimit: 200,
  ednsSize: 1232,
  controlKey: 'control',
  keys: ['control', 'local', 'cluster', 'external-dns'].map(
    (name) => `key "${name}" { algorithm hmac-sha256; secret "AAAA"; };`,
  ),
  version: [9, 18, 49],
};

const zones = {
  ...common,
  zonesFolder: '/var/lib/bind/zones',
  knownKeys: new Set(['cluster', 'local', 'external-dns']),
  narrowByAddress: false,
};

/** Everything that one pod would give to named, and what is told of it, as one text for people to read. */
function planned(self: Registration): string {
  const peers = new Map(
    Object.values(pods)
      .filter((pod) => pod !== self)
      .map(({ pod, role, ips }) => [pod, peer(pod, role, { ips })]),
  );
  const plan = new Planner().plan({
    view: viewOf(objects, { peers }),
    self,
    settings: zones,
    compiled: { get: () => undefined },
    proven: new Set(['10.0.0.1#53', '203.0.113.5#5353/outside.example.']),
    outdated: new Map(),
    served: new Map(),
    foreign: new Set(),
  });
  const files = [...renderNamedConf(server, plan.config, '/etc/bind/agent')].map(([name, text]) =>
    section(name, text),
  );
  return [...files, ...[...plan.zones.values()].map(shown)].join('\n');
}

function shown(plan: ZonePlan): string {
  const stanza = 'stanza' in plan ? `${stanzaOf(plan.zone, plan.stanza)}\n` : '';
  const content = plan.kind === 'primary' ? renderZone(plan.content, 1) : '';
  const problems = 'problems' in plan ? plan.problems : [];
  const told = problems.map(({ path, problem }) => `; ${path}: ${problem}\n`).join('');
  return section(`${plan.zone} is ${plan.kind}`, stanza + content + told);
}

const section = (title: string, text: string): string => `--- ${title} ---\n${text}`;

test.each(['primary', 'secondary'] as const)('these manifests make this of a %s', async (role) => {
  await expect(planned(pods[role])).toMatchFileSnapshot(join(folder, `${role}-0.txt`));
});

test('a pod that resolves names does so for its own networks, or for whom allowQuery names', () => {
  const options = (config: WantedConfig) =>
    renderNamedConf(server, config, '/etc/bind/agent').get('options.conf');
  expect(options({ recursion: true })).toContain('allow-recursion { localhost; localnets; };');
  expect(options({ recursion: true, allowQuery: ['10.0.0.0/8'] })).not.toContain('allow-recursion');
});
