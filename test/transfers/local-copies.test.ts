import { expect, test } from 'vitest';
import { systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { Plan } from '../../agent/plan/planner.ts';
import { LocalCopies } from '../../agent/pod/local-copies.ts';
import type { Wire } from '../../agent/pod/wire.ts';
import { Feed } from '../../agent/report/feed.ts';
import { untilEqual } from '../rig/until.ts';
import { logSamples } from './log-samples.ts';

const zone = 'a.test.' as DomainName;

/** As much of a plan as a copy is tracked by. */
const plan = {
  zones: new Map([
    [
      'default/a',
      {
        kind: 'secondary',
        zone,
        object: { key: 'default/a' },
        primaries: [{ address: '127.0.0.11', port: 15_300 }],
        candidates: [],
      },
    ],
  ]),
  touched: ['default/a'],
} as unknown as Plan;
const view = { statuses: new Map() } as unknown as ClusterView;

test('a transfer that ended before the pass that added its zone is told of, and counted', async () => {
  const attempts: string[] = [];
  const soa = { kind: 'soa', serial: 5, authoritative: true, soa: { expire: 600 } };
  const copies = new LocalCopies({
    wire: { soaHere: async () => soa } as unknown as Wire,
    clock: systemClock,
    feed: new Feed({ pod: 'pod', uid: 'uid', epoch: 'epoch' }),
    journalOf: () => '/nonexistent',
    refresh: async () => undefined,
    onAttempt: (_, { result }) => attempts.push(result),
    onChange: () => undefined,
    onOutdated: () => undefined,
  });
  for (const line of logSamples('9.18')('successful AXFR', 'secondary')) copies.onLine(line);
  copies.track(plan, view);
  const told = () => {
    const { state, serial, from, method } = copies.copyOf(zone) ?? {};
    return { state, serial, from, method };
  };
  await untilEqual(told, { state: 'Current', serial: 5, from: '127.0.0.11', method: 'AXFR' });
  expect(attempts).toEqual(['success']);
});
