import { expect, test } from 'vitest';
import type { DomainName } from '../../agent/dns/name.ts';
import { type Refreshable, Refresher } from '../../agent/pod/refresher.ts';

const primary = { address: '192.0.2.1', port: 53 };
const zone = (name: string, serial?: number): Refreshable => ({
  zone: name as DomainName,
  primary,
  serial,
});

test('zones that are behind are refreshed first; one that has come meanwhile not at all', async () => {
  const asked: string[] = [];
  const arrivals = new Map([['old.', { at: 999, serial: 7, from: primary.address }]]);
  const clock = { now: () => 1000, monotonic: () => 0, sleep: async () => undefined };
  const refresher = new Refresher({
    clock,
    command: async (command, name) => {
      asked.push(`${command} ${name}`);
      // Meanwhile, by a clock that was set back.
      arrivals.set('come.', { at: 500, serial: 7, from: primary.address });
      arrivals.set('from-another.', { at: 1001, serial: 7, from: '192.0.2.2' });
      return { ok: true, result: 0, text: '' };
    },
    soa: async (_, name) => ({
      kind: 'soa',
      serial: name === 'behind.' ? 8 : 7,
      authoritative: true,
    }),
    failed: (error) => {
      throw error;
    },
    arrivalOf: (name) => arrivals.get(name),
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
