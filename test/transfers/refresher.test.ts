import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import type { Arrival } from '../../agent/plan/transfer-memory.ts';
import { type Refreshable, Refresher } from '../../agent/pod/refresher.ts';

const primary = { address: '192.0.2.1', port: 53 };
const zone = (name: string, serial?: number): Refreshable => ({
  zone: name as DomainName,
  primary,
  serial,
});

/** The serials that are not 7. */
const served: Record<string, number> = { 'behind.': 8, 'ahead.': 6 };

function refresherOf(arrivals: Map<string, Arrival> = new Map(), meanwhile = () => {}) {
  const asked: string[] = [];
  const refresher = new Refresher({
    clock: { now: () => 1000, monotonic: () => 0, sleep: async () => undefined },
    command: async (command, name) => {
      asked.push(`${command} ${name}`);
      meanwhile();
      return { ok: true, result: 0, text: '' };
    },
    soa: async (_, name) =>
      name === 'silent.'
        ? { kind: 'unreachable', message: 'it is silent' }
        : { kind: 'soa', serial: served[name] ?? 7, authoritative: name !== 'lame.' },
    failed: (error) => {
      throw error;
    },
    arrivalOf: (name) => arrivals.get(name),
  });
  return { refresher, asked };
}

test('zones that are behind are refreshed first; one that has come meanwhile not at all', async () => {
  const arrivals = new Map([['old.', { at: 999, serial: 7, from: primary.address }]]);
  const { refresher, asked } = refresherOf(arrivals, () => {
    // By a clock that was set back.
    arrivals.set('come.', { at: 500, serial: 7, from: primary.address });
    arrivals.set('from-another.', { at: 1001, serial: 7, from: '192.0.2.2' });
  });
  await refresher.refresh(
    ['new.', 'come.', 'from-another.']
      .map((name) => zone(name))
      .concat(zone('old.', 7), zone('behind.', 7)),
  );
  await expect.poll(() => asked.length).toBe(4);
  expect(asked).toEqual([
    'refresh behind.',
    'refresh new.',
    'refresh from-another.',
    'refresh old.',
  ]);
});

test('zones that catch up: those that have what their primary answers with are left alone', async () => {
  const { refresher, asked } = refresherOf();
  await refresher.catchUp([
    zone('same.', 7),
    zone('behind.', 7),
    zone('new.'),
    zone('silent.', 7),
    zone('ahead.', 7),
    zone('lame.', 7),
    zone('same-as-well.', 7),
  ]);
  const told = ['behind.', 'new.', 'silent.', 'ahead.', 'lame.'].map((name) => `refresh ${name}`);
  await expect.poll(() => asked.length).toBe(told.length);
  expect(asked).toEqual(told);
});
