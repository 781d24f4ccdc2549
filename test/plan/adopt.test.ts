import { expect, test } from 'vitest';
import { adopt } from '../../agent/plan/adopt.ts';
import type { ServerSettings } from '../../agent/plan/named-config.ts';

const settings: ServerSettings = {
  folders: { state: '/state', newZones: '/nzd' },
  dnsPort: 5353,
  listenOn: [],
  control: { address: '127.0.0.1', port: 9953 },
  statisticsPort: 8053,
  rateLimit: 0,
  ednsSize: 1232,
  maxRecordsPerType: 5000,
  maxTypesPerName: 500,
  localKey: 'local',
  controlKey: 'control',
  keys: [],
  version: [9, 18, 49],
};

/** The channels of a category, in a configuration with these as `named-checkconf -p` prints them. */
function channels(category: string, logging: string): string[] {
  const adopted = adopt(`logging {\n${logging}};\n`);
  const text = adopted.ok ? (adopted.files(settings, {}).get('named.conf') ?? '') : '';
  const line = new RegExp(`^\\tcategory "${category}" \\{ (.*) \\};$`, 'm').exec(text)?.[1] ?? '';
  return [...line.matchAll(/"([^"]+)";/g)].map(([, name = '']) => name);
}

const ours = ['bind9_agent', 'bind9_agent_stderr'];
const stderr = (name: string): string =>
  `\tchannel "${name}" {\n\t\tstderr ;\n\t\tseverity info;\n\t};\n`;
const category = (name: string, channel: string): string =>
  `\tcategory "${name}" {\n\t\t"${channel}";\n\t};\n`;

test('what the log of a user brings to stderr comes there once, what it does not comes by the agent', () => {
  const mine = stderr('mine') + category('default', 'mine') + category('notify', 'null');
  expect(channels('xfer-in', mine)).toEqual(['mine', 'bind9_agent']);
  expect(channels('notify', mine)).toEqual(['null', 'bind9_agent']);
  expect(channels('default', category('default', 'default_stderr'))).toEqual([
    'default_stderr',
    'bind9_agent',
  ]);
  expect(channels('default', '')).toEqual(['default_syslog', 'default_debug', ...ours]);
});
