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
  const arrivedAt = new Map([
    ['come.', 1001],
    ['old.', 999],
  ]);
  const clock = { now: () => 1000, monotonic: () => 0, sleep: async () => undefined };
  const refresher = new Refresher({
    clock,
    command: async (command, name) => {
      asked.push(`${command} ${name}`);
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
    arrivedAt: (name) => arrivedAt.get(name),
  });
  await refresher.refresh([zone('new.'), zone('come.'), zone('old.', 7), zone('behind.', 7)]);
  await expect.poll(() => asked.length).toBe(3);
  expect(asked).toEqual(['refresh behind.', 'refresh new.', 'refresh old.']);
});
