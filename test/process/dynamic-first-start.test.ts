import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until, untilEqual } from '../rig/until.ts';
import { openRig } from './open-rig.ts';

const patience = { withinMs: 30_000 };

const rig = openRig({ primaries: 1, secondaries: 0 }, async () => {
  await rig().zone('dyn.example', { www: '192.0.2.1' }, { updates: { allow: [] } });
});

test('named starts with a zone that others update, however often the agent has looked before', async () => {
  const pod = rig().pod('primary-0');
  await pod.settle();
  pod.startAgent();
  const prepared = join(pod.path('nzd'), '_default.nzf');
  const stanzas = (): string => (existsSync(prepared) ? readFileSync(prepared, 'utf8') : '');
  await until(() => stanzas().includes('"dyn.example"'), patience);
  for (const zone of ['a.example', 'b.example']) {
    await rig().zone(zone, { www: '192.0.2.2' });
    await until(() => stanzas().includes(`"${zone}"`), patience);
  }
  expect(stanzas()).toContain('"dyn.example"');
  pod.startNamed();
  await untilEqual(() => rig().data('primary-0', 'www.dyn.example'), ['192.0.2.1'], patience);
  expect(readFileSync(pod.logs.agent, 'utf8')).not.toContain('stop serving dyn.example');
});
