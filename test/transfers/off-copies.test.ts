import { expect, test } from 'vitest';
import type { Clock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { SecondaryPlan } from '../../agent/plan/plan-zone.ts';
import { noMemory } from '../../agent/plan/transfer-memory.ts';
import { OffCopies } from '../../agent/pod/off-copies.ts';
import { trackedCopy } from '../../agent/pod/tracked-copy.ts';
import type { Wire } from '../../agent/pod/wire.ts';

const primaries = [{ address: '192.0.2.1', port: 53 }];

test('thousands of copies that wait cost their primary few transfers that are only begun, and named few reminders', async () => {
  let now = 0;
  const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => undefined };
  const asked = { soa: 0, transfer: 0, refresh: 0 };
  const wire = {
    soa: async () => {
      asked.soa += 1;
      return { kind: 'soa', serial: 1, authoritative: true };
    },
    wouldTransfer: async () => {
      asked.transfer += 1;
      return { kind: 'ok' };
    },
  } as unknown as Wire;
  const refresh = async (): Promise<void> => {
    asked.refresh += 1;
  };
  const off = new OffCopies({ wire, clock, refresh, onOutdated: () => undefined });
  const copies = Array.from({ length: 5000 }, (_, index) => {
    const zone = `zone-${index}.` as DomainName;
    const plan = { kind: 'secondary', zone, primaries } as unknown as SecondaryPlan;
    return trackedCopy({ plan, wanted: undefined, memory: noMemory, statistics: undefined });
  });
  for (; now <= 120_000; now += 1000)
    for (const copy of copies) {
      await off.probe(copy, { kind: 'rcode', rcode: 'SERVFAIL' });
      off.nudge(copy);
    }
  // Every single one is asked about, again and again, by the question that costs next to nothing.
  expect(asked.soa).toBeGreaterThan(5 * copies.length);
  expect(asked.transfer).toBeLessThanOrEqual(50 + 5 * 121);
  expect(asked.transfer).toBeGreaterThan(100);
  expect(asked.refresh).toBeLessThanOrEqual(1000 + 20 * 121);
  expect(asked.refresh).toBeGreaterThan(1000);
});
