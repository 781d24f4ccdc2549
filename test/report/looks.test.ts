import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Clock } from '../../agent/clock.ts';
import type { DomainName } from '../../agent/dns/name.ts';
import type { ClusterView } from '../../agent/observe/cluster.ts';
import type { PassOutcome } from '../../agent/pass/pass.ts';
import { Speaker, type SpeakerDeps } from '../../agent/pod/speaker.ts';
import type { ZoneCopy } from '../../agent/report/zone-copy.ts';
import type { ZoneReport } from '../../agent/report/zone-report.ts';
import { objectKey } from '../../agent/resources/types.ts';
import { peer, registration } from '../plan/worlds.ts';

const self = registration('primary-0', 'primary');
const secondary = peer('secondary-0', 'secondary', { ips: ['10.0.0.7'] });
const key = objectKey('dns', 'a');
const zone = 'a.example.' as DomainName;
const patience = 10_000;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

const copyOf = (role: 'primary' | 'secondary', serial: number): ZoneCopy => ({
  ...{ zone: 'a.example', object: key, role, state: 'Current', serial },
  ...(role === 'secondary' && { from: '10.0.0.1', method: 'IXFR' }),
});

/** The speaker of one zone, with all that it asks and writes. @param isSilent whether its peer's agent is */
function scene(isSilent = false) {
  const served = { [self.pod]: 1, [secondary.pod]: 1 };
  const asked: string[] = [];
  const written: ZoneReport[] = [];
  const statuses = new Map<string, { version: string; report?: ZoneReport }>([
    [key, { version: '1' }],
  ]);
  const answer = (pod: string) => async () => {
    asked.push(pod);
    return { kind: 'soa', serial: served[pod], authoritative: true, soa: {}, rttMs: 1 };
  };
  const peers = new Map([[secondary.pod, secondary]]);
  const object = { key, metadata: { uid: 'u', generation: 1 } };
  const view = { zones: new Map([[key, object]]), peers, statuses, invalid: [] };
  const parts = {
    options: { pod: { name: self.pod } },
    given: { cluster: undefined },
    wire: { soaHere: answer(self.pod), soa: answer(secondary.pod) },
    clock,
    log: { warn: vi.fn() },
    metrics: { countStatusWrite: vi.fn() },
    cluster: {
      view: () => view as unknown as ClusterView,
      report: async (_: string, version: string, report: ZoneReport) => {
        written.push(report);
        statuses.set(key, { version: `${version}1`, report });
        return { kind: 'written', version };
      },
      event: vi.fn(),
    },
  } as unknown as SpeakerDeps['parts'];
  let own = copyOf('primary', 1);
  const speaker = new Speaker({
    parts,
    ownCopy: () => own,
    tells: () => true,
    isSilent: () => isSilent,
    random: () => 0,
  });
  const placement = { primaries: [self], secondaries: [secondary] };
  const plan = { kind: 'primary', zone, object, placement, problems: [] };
  const outcome = {
    plan: { zones: new Map([[key, plan]]), changed: [key], topology: { self, peers } },
    failures: new Map(),
    diverged: new Map(),
  };
  const stop = new AbortController();
  const says = (role: 'primary' | 'secondary', serial: number): void => {
    const copy = copyOf(role, serial);
    if (role === 'primary') {
      own = copy;
      speaker.onCopy(key);
    } else speaker.onPeer(secondary.pod, { full: false, zones: [{ ...copy, seq: 1 }], gone: [] });
  };
  const run = speaker.run(stop.signal);
  speaker.onPass(outcome as unknown as PassOutcome, view as unknown as ClusterView);
  says('secondary', 1);
  return {
    ...{ served, asked, written, says },
    /** Another object has the zone's key now. */
    remake: () => view.zones.set(key, { key, metadata: { uid: 'v', generation: 1 } }),
    end: async () => {
      stop.abort();
      await vi.advanceTimersByTimeAsync(patience);
      await run;
    },
  };
}

test('a zone is told once its pods agree; a change of it is not looked at before they do, and told by one write', async () => {
  const { served, asked, written, says, end } = scene();
  await vi.advanceTimersByTimeAsync(patience);
  expect(written.map(({ serial }) => serial)).toEqual([1]);
  asked.length = 0;
  served[self.pod] = 2;
  says('primary', 2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked, 'nobody while the secondary speaks of the former serial').toEqual([]);
  served[secondary.pod] = 2;
  says('secondary', 2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked.sort()).toEqual([self.pod, secondary.pod]);
  expect(written.map(({ serial }) => serial)).toEqual([1, 2]);
  expect(written[1]?.transfers.map(({ state }) => state)).toEqual(['Current', 'Current']);
  await end();
});

test('a pod that does not say anything is asked at once', async () => {
  const { served, asked, written, says, end } = scene(true);
  await vi.advanceTimersByTimeAsync(patience);
  asked.length = 0;
  served[self.pod] = 2;
  served[secondary.pod] = 2;
  says('primary', 2);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked).toContain(secondary.pod);
  await vi.advanceTimersByTimeAsync(patience);
  expect(written.at(-1)?.transfers.map(({ serial }) => serial)).toEqual([2, 2]);
  await end();
});

test('what was seen of a zone is not told of another that was made anew under its name', async () => {
  const { served, written, says, remake, end } = scene();
  await vi.advanceTimersByTimeAsync(patience);
  expect(written).toHaveLength(1);
  remake();
  served[self.pod] = 2;
  served[secondary.pod] = 2;
  says('primary', 2);
  says('secondary', 2);
  await vi.advanceTimersByTimeAsync(patience);
  expect(written).toHaveLength(1);
  await end();
});

test('a copy that stays behind is told all the same', async () => {
  const { served, written, says, end } = scene();
  await vi.advanceTimersByTimeAsync(patience);
  served[self.pod] = 2;
  says('primary', 2);
  await vi.advanceTimersByTimeAsync(patience);
  expect(written.at(-1)?.transfers.map(({ state }) => state)).toEqual(['Current', 'Lagging']);
  await end();
});

test('a zone that nothing is said of is looked at every five minutes: its server may be another without a word', async () => {
  const { served, asked, written, end } = scene();
  await vi.advanceTimersByTimeAsync(patience);
  asked.length = 0;
  await vi.advanceTimersByTimeAsync(280_000);
  expect(asked).toEqual([]);
  served[secondary.pod] = 0;
  await vi.advanceTimersByTimeAsync(30_000 + patience);
  expect(asked).toContain(secondary.pod);
  expect(written.at(-1)?.transfers.map(({ state }) => state)).toEqual(['Current', 'Lagging']);
  await end();
});

test('a secondary listens to its peers for as long as a zone has no primary that lives', () => {
  const at = registration('secondary-1', 'secondary');
  const speaker = new Speaker({
    parts: {
      ...{ clock, cluster: {} },
      options: { pod: { name: at.pod } },
    } as unknown as SpeakerDeps['parts'],
    ownCopy: () => undefined,
    tells: () => true,
    isSilent: () => false,
    random: () => 0,
  });
  const listensWith = (primary: object, secondaries = [at]): boolean => {
    const placement = { primaries: [{ ...self, ...primary }], secondaries };
    const plan = { kind: 'secondary', zone, object: { key, metadata: {} }, placement };
    const topology = { self: at, peers: new Map() };
    const planned = { zones: new Map([[key, plan]]), changed: [key], topology };
    const outcome = { plan: planned, failures: new Map() } as unknown as PassOutcome;
    const view = { peers: new Map(), invalid: [] } as unknown as ClusterView;
    speaker.onPass(outcome, view);
    return speaker.listens;
  };
  expect(speaker.listens).toBe(false);
  expect(listensWith({ liveness: 'live' })).toBe(false);
  expect(listensWith({ liveness: 'silent' })).toBe(true);
  expect(listensWith({ liveness: 'live' })).toBe(false);
  expect(listensWith({ liveness: 'live', draining: true })).toBe(true);
  expect(listensWith({ liveness: 'silent' }, []), 'a zone of others').toBe(false);
});
