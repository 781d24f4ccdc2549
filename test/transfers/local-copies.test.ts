import { expect, test } from 'vitest';
import { type Clock, systemClock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { Plan } from '../../agent/plan/planner.ts';
import { LocalCopies } from '../../agent/pod/local-copies.ts';
import type { Wire } from '../../agent/pod/wire.ts';
import { Feed } from '../../agent/report/feed.ts';
import { until, untilEqual } from '../rig/until.ts';
import { logSamples } from './log-samples.ts';

const zone = 'a.test.' as DomainName;

/** As much of a plan as a copy is tracked by. */
const planFor = (name: DomainName, key = 'default/a', touched = [key]): Plan =>
  ({
    zones: new Map([
      [
        key,
        {
          kind: 'secondary',
          zone: name,
          object: { key, spec: { zoneName: 'a.test' } },
          primaries: [{ address: '127.0.0.11', port: 15_300 }],
          candidates: [],
          placement: { primaries: [], secondaries: [], outside: [] },
        },
      ],
    ]),
    touched,
  }) as unknown as Plan;
const view = { statuses: new Map() } as unknown as ClusterView;
/** A newer serial was agreed on than named answers with. */
const behind = {
  statuses: new Map([['default/a', { version: '1', allocated: { serial: 6 } }]]),
} as unknown as ClusterView;

/** Runs as fast as its sleepers allow, and jumps. */
function quickClock() {
  let at = 0;
  return {
    ...systemClock,
    monotonic: () => at,
    sleep: async (ms: number): Promise<void> => {
      await systemClock.sleep(1);
      at += ms;
    },
    advance: (ms: number): void => {
      at += ms;
    },
  };
}

function tracker({ met = true, clock = systemClock }: { met?: boolean; clock?: Clock } = {}) {
  const attempts: string[] = [];
  const feed = new Feed({ pod: 'pod', uid: 'uid', epoch: 'epoch' });
  const soa = { kind: 'soa', serial: 5, authoritative: true, soa: { expire: 600 } };
  let asked = 0;
  let answers = true;
  let refreshes = 0;
  const soaHere = async () => {
    asked += 1;
    return answers ? soa : { kind: 'unreachable', message: 'connection refused' };
  };
  const copies = new LocalCopies({
    wire: {
      soaHere,
      soa: async () => soa,
      wouldTransfer: async () => undefined,
    } as unknown as Wire,
    clock,
    feed,
    journalOf: () => '/nonexistent',
    refresh: async () => {
      refreshes += 1;
    },
    onAttempt: (_, { result }) => attempts.push(result),
    onChange: () => undefined,
    onOutdated: () => undefined,
  });
  if (met) copies.onNamedMet();
  return {
    copies,
    feed,
    attempts,
    asked: () => asked,
    refreshed: () => refreshes,
    silence: () => {
      answers = false;
    },
  };
}

test('a transfer that ended before the pass that added its zone is told of, and counted', async () => {
  const { copies, attempts } = tracker();
  for (const line of logSamples('9.18')('successful AXFR', 'secondary')) copies.onLine(line);
  copies.track(planFor(zone), view);
  const told = () => {
    const { state, serial, from, method } = copies.copyOf(zone) ?? {};
    return { state, serial, from, method };
  };
  await untilEqual(told, { state: 'Current', serial: 5, from: '127.0.0.11', method: 'AXFR' });
  expect(attempts).toEqual(['success']);
});

test('a named that is only about to start is not asked: its zones wait, none of them fails', async () => {
  const { copies } = tracker({ met: false });
  copies.track(planFor(zone), view);
  await untilEqual(() => copies.copyOf(zone)?.state, 'Pending');
  copies.onNamedMet();
  copies.onNamedUp();
  await untilEqual(() => copies.copyOf(zone)?.state, 'Current');
});

test('a copy is looked at again when it is to come from elsewhere, and not when others have it', async () => {
  const { copies, asked } = tracker();
  const at = (address: string): Plan => {
    const plan = planFor(zone);
    const all = [...plan.zones].map(([key, each]) => [
      key,
      { ...each, primaries: [{ address, port: 15_300 }] },
    ]);
    return { ...plan, zones: new Map(all as never) };
  };
  copies.track(at('127.0.0.11'), view);
  await untilEqual(() => copies.copyOf(zone)?.state, 'Current');
  copies.track(at('127.0.0.11'), view);
  expect(asked()).toBe(1);
  copies.track(at('127.0.0.12'), view);
  expect(asked()).toBe(2);
});

test("named's statistics, read before its zones are known, tell of them at once: they cost no second look", async () => {
  const { copies, asked } = tracker();
  const read = () =>
    new Map([[zone, { type: 'secondary', serial: 5, expires: 4_000_000_000_000 }]]);
  copies.onStatistics(read());
  copies.track(planFor(zone), view);
  await untilEqual(() => copies.copyOf(zone)?.expiresAt, '2096-10-02T07:06:40Z');
  copies.onStatistics(read());
  expect(asked()).toBe(1);
});

test('of a copy that had expired and has come again, the expiry is told that it has now', async () => {
  // Of the sample, in the time zone of whoever reads it.
  const now = Date.parse('2026-11-21T11:39:18');
  const { copies } = tracker({ clock: { ...systemClock, now: () => now } });
  copies.onStatistics(new Map([[zone, { type: 'secondary', expires: now - 60_000 }]]));
  for (const line of logSamples('9.18')('successful AXFR', 'secondary')) copies.onLine(line);
  copies.track(planFor(zone), view);
  await untilEqual(() => copies.copyOf(zone)?.state, 'Current');
  const expires = () => Date.parse(copies.copyOf(zone)?.expiresAt ?? '');
  await untilEqual(expires, Date.parse('2026-11-21T11:49:17'));
});

test('a named that ended and stays away is told of; one that is back at once is not', async () => {
  const clock = quickClock();
  const { copies, asked, silence } = tracker({ clock });
  copies.track(planFor(zone), view);
  await untilEqual(() => copies.copyOf(zone)?.state, 'Current');
  const end = new AbortController();
  const watching = copies.watch(end.signal);
  const before = asked();
  copies.onNamedAway();
  clock.advance(3000);
  copies.onNamedMet();
  const later = clock.monotonic() + 40_000;
  await until(() => clock.monotonic() > later);
  expect(asked()).toBe(before);
  silence();
  copies.onNamedAway();
  await untilEqual(() => copies.copyOf(zone)?.state, 'Failing');
  end.abort();
  await watching;
});

test('a copy that missed what was agreed on is looked at until it has it, though it takes itself for current', async () => {
  const clock = quickClock();
  const { copies, asked } = tracker({ clock });
  copies.track(planFor(zone), behind);
  await until(() => asked() > 0);
  const end = new AbortController();
  const watching = copies.watch(end.signal);
  await until(() => asked() > 5);
  end.abort();
  await watching;
});

test('a copy that was behind is not seen to any more once this pod is a primary of the zone', async () => {
  const clock = quickClock();
  const { copies, asked, refreshed } = tracker({ clock });
  copies.track(planFor(zone), behind);
  const end = new AbortController();
  const watching = copies.watch(end.signal);
  await until(() => refreshed() > 0);
  const plan = planFor(zone);
  const content = { hash: 'sha256:x' };
  const primary = [...plan.zones].map(([key, each]) => [
    key,
    { ...each, kind: 'primary', content },
  ]);
  copies.track({ ...plan, zones: new Map(primary as never) }, view);
  await untilEqual(() => copies.copyOf(zone)?.role, 'primary');
  const before = [asked(), refreshed()];
  const later = clock.monotonic() + 60_000;
  await until(() => clock.monotonic() > later);
  expect([asked(), refreshed()]).toEqual(before);
  end.abort();
  await watching;
});

test('of a zone that has another name now, the copy of that name alone is told', async () => {
  const { copies, feed } = tracker();
  const other = 'b.test' as const;
  copies.track(planFor(zone), view);
  await untilEqual(() => copies.copyOf(zone)?.state, 'Current');
  copies.track(planFor(`${other}.` as DomainName), view);
  expect(copies.copyOf(zone)).toBeUndefined();
  await untilEqual(() => copies.copyOf(`${other}.` as DomainName)?.state, 'Current');
  expect(feed.since(0).zones.map((each) => each.zone)).toEqual([other]);
});

test.each([{ touched: ['default/a', 'default/b'] }, { touched: ['default/b', 'default/a'] }])(
  'a copy whose name another object has taken over stays, and is told for that one alone: $touched',
  async ({ touched }) => {
    const { copies, feed } = tracker();
    copies.track(planFor(zone), view);
    await untilEqual(() => copies.copyOf(zone)?.state, 'Current');
    copies.track(planFor(zone, 'default/b', touched), view);
    expect(copies.copyOf(zone)).toBeDefined();
    await untilEqual(() => copies.copyOf(zone)?.object, 'default/b');
    expect(feed.since(0).zones.map(({ object }) => object)).toEqual(['default/b']);
  },
);
