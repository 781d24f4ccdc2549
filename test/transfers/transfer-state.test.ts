import { describe, expect, test } from 'vitest';
import type { TransferEvent } from '../../agent/plan/transfer-event.ts';
import { noMemory, remember, type TransferMemory } from '../../agent/plan/transfer-memory.ts';
import type { PrimaryProbe, SoaProbe } from '../../agent/plan/transfer-probe.ts';
import {
  judge,
  type Observation,
  observe,
  type ZoneTransferState,
} from '../../agent/plan/transfer-state.ts';
import { eventsOf, logSamples } from './log-samples.ts';

const sample = logSamples('9.18');
const endpoint = { address: '127.0.0.11', port: 15300, key: 'k' };
const minute = 60_000;

const soa = (serial: number): SoaProbe => ({ kind: 'soa', serial, authoritative: true });
const answered = (at: number, answer: SoaProbe, transfer?: PrimaryProbe['transfer']) => ({
  endpoint,
  probe: { at, soa: answer, ...(transfer !== undefined && { transfer }) },
});

function known(lines: readonly string[], journalTouched?: boolean): TransferMemory {
  return eventsOf(lines).reduce<TransferMemory>(
    (memory, event) => remember(memory, event, journalTouched),
    noMemory,
  );
}

const lastAt = (lines: readonly string[]): number => eventsOf(lines).at(-1)?.at ?? 0;

interface Seen extends Partial<Observation> {
  readonly memory?: TransferMemory;
}

/** Looks once, a second after the last line unless told otherwise, and judges. */
function look({ memory = noMemory, ...seen }: Seen): ZoneTransferState {
  const observation: Observation = {
    now: 0,
    role: 'secondary',
    primaries: [{ endpoint }],
    ...seen,
  };
  return judge(observe(memory, observation), observation);
}

function fromLog(title: string, seen: Seen = {}): ZoneTransferState {
  const lines = sample(title, 'secondary');
  return look({ memory: known(lines), now: lastAt(lines) + 1000, served: soa(5), ...seen });
}

describe('the state of a copy', () => {
  test('a new zone is Pending, Transferring while it comes, and Current when its serial is served', () => {
    const lines = sample('successful AXFR', 'secondary');
    expect(look({ served: { kind: 'rcode', rcode: 'SERVFAIL' } }).state).toBe('Pending');
    const started = known(lines.slice(0, 2));
    expect(look({ memory: started, served: { kind: 'rcode', rcode: 'SERVFAIL' } })).toMatchObject({
      state: 'Transferring',
    });
    const state = look({ memory: known(lines, false), served: soa(5), expiresAt: 1, now: 2 });
    expect(state).toEqual({
      state: 'Current',
      serial: 5,
      from: '127.0.0.11',
      method: 'AXFR',
      lastTransferTime: lastAt(lines),
      expiresAt: 1,
    });
  });

  test('what the wire does not serve is not believed to be there, whatever the log says of a success', () => {
    const memory = known(sample('successful AXFR', 'secondary'));
    const state = look({ memory, served: soa(4), primaries: [answered(Date.now(), soa(5))] });
    expect(state).toMatchObject({ state: 'Lagging', serial: 4 });
  });

  test('the journal tells an IXFR from an AXFR; without it the method is not told', () => {
    const lines = sample('successful IXFR', 'secondary');
    expect(look({ memory: known(lines, true), served: soa(6) }).method).toBe('IXFR');
    expect(look({ memory: known(lines), served: soa(6) })).not.toHaveProperty('method');
    expect(known(lines, true).attempt).toEqual({
      result: 'success',
      method: 'IXFR',
      seconds: 0.001,
      bytes: 272,
    });
  });

  test('a copy that the agent wrote is a Seed until the first transfer', () => {
    const seeded = look({ served: soa(5), seeded: true, loadedAt: 77 });
    expect(seeded).toEqual({ state: 'Current', serial: 5, method: 'Seed' });
    const memory = known(sample('successful AXFR', 'secondary'), false);
    expect(look({ memory, served: soa(5), seeded: true }).method).toBe('AXFR');
  });

  test('after a restart of the agent the time of the last transfer comes from named', () => {
    expect(look({ served: soa(5), loadedAt: 77 }).lastTransferTime).toBe(77);
  });

  test.each<[string, string]>([
    ['REFUSED by allow-transfer', 'Refused'],
    ['REFUSED: zone not served', 'NotAuthoritative'],
    ['TSIG failure: key unknown', 'TsigBadSignature'],
    ['TSIG failure: clock skew +4000 s', 'TsigBadTime'],
    ['key not defined at secondary', 'TsigUnknownKey'],
    ['serial went backwards on primary (ixfr-from-differences no)', 'SerialBehind'],
    ['connection refused: primary down', 'Unreachable'],
    ['black hole', 'Unreachable'],
    ['unsigned answer', 'TsigBadSignature'],
    ['connection refused on TCP', 'Unreachable'],
    ['unreachable (cached)', 'UnreachableCached'],
  ])(
    '%s: Failing with reason %s, and a sentence that names the primary or the key',
    (title, reason) => {
      const state = fromLog(title);
      expect(state).toMatchObject({ state: 'Failing', reason, serial: 5 });
      expect(state.message).toMatch(/primary 127\.0\.0\.11 port 15300|key nokey/);
    },
  );

  test('a primary that is behind what was agreed on, and served here, is no failure of the copy, now or later', () => {
    const title = 'serial went backwards on primary (ixfr-from-differences no)';
    const agreed = { served: soa(5), wanted: 5, now: 0 } as const;
    const memory = known(sample(title, 'secondary'));
    expect(look({ ...agreed, memory })).toMatchObject({ state: 'Current' });
    const seen = observe(memory, { ...agreed, role: 'secondary', primaries: [{ endpoint }] });
    expect(look({ ...agreed, memory: seen, wanted: 6 }).state).not.toBe('Failing');
  });

  test('a copy that is newer than what was agreed on is given a moment to hear more, and then told', () => {
    const lines = sample(
      'serial went backwards on primary (ixfr-from-differences no)',
      'secondary',
    );
    const memory = known(lines);
    const at = lastAt(lines);
    const ahead = { memory, served: soa(5), wanted: 4 };
    expect(look({ ...ahead, now: at + 1000 })).toMatchObject({ state: 'Current' });
    const lasting = look({ ...ahead, now: at + 10_000 });
    expect(lasting).toMatchObject({ state: 'Failing', reason: 'SerialBehind' });
  });

  test('a refused transfer is told as what is to be done about it', () => {
    expect(fromLog('REFUSED by allow-transfer').message).toBe(
      'primary 127.0.0.11 port 15300 refused the transfer: the key k is not in its allow-transfer',
    );
    const bare = { address: '127.0.0.11', port: 15300 };
    expect(fromLog('REFUSED by allow-transfer', { primaries: [{ endpoint: bare }] }).message).toBe(
      "primary 127.0.0.11 port 15300 refused the transfer: this pod's address is not in its allow-transfer",
    );
  });

  test('an expired zone is Expired, with the cause where one is known', () => {
    const servfail: SoaProbe = { kind: 'rcode', rcode: 'SERVFAIL' };
    expect(fromLog('zone expired', { served: servfail })).toMatchObject({
      state: 'Expired',
      reason: 'Unreachable',
    });
    expect(look({ now: 10, served: servfail, expiresAt: 9 })).toMatchObject({
      state: 'Expired',
      reason: 'Expired',
    });
    const back = known([
      ...sample('zone expired', 'secondary'),
      ...sample('primary back', 'secondary'),
    ]);
    expect(look({ memory: back, served: soa(200) })).toMatchObject({
      state: 'Current',
      serial: 200,
    });
  });

  test('a zone without primaries says so', () => {
    expect(look({ primaries: [], served: { kind: 'rcode', rcode: 'SERVFAIL' } })).toMatchObject({
      state: 'Failing',
      reason: 'NoPrimaries',
    });
  });

  test("the agent's own question tells what named leaves open", () => {
    const lines = sample('TSIG failure: key unknown', 'secondary');
    const asked = (error: string): Seen => ({
      primaries: [answered(lastAt(lines) - 2000, { kind: 'tsig', error })],
    });
    expect(fromLog('TSIG failure: key unknown', asked('BADKEY')).reason).toBe('TsigUnknownKey');
    expect(fromLog('TSIG failure: key unknown', asked('BADSIG')).reason).toBe('TsigBadSignature');
    expect(fromLog('TSIG failure: key unknown', asked('BADTIME')).reason).toBe('TsigBadTime');
  });

  test('a primary that cannot be reached is told before the cache that remembers it', () => {
    const down: SoaProbe = { kind: 'unreachable', message: 'nobody listens there' };
    const at = lastAt(sample('unreachable (cached)', 'secondary'));
    expect(fromLog('unreachable (cached)', { primaries: [answered(at - 1, down)] }).reason).toBe(
      'Unreachable',
    );
    expect(fromLog('unreachable (cached)', { primaries: [answered(at + 1, soa(6))] }).reason).toBe(
      'UnreachableCached',
    );
  });

  test('without a log the reasons come from the question and the transfer that the agent tried', () => {
    const refused = { kind: 'rcode', rcode: 'REFUSED' } as const;
    expect(look({ served: soa(5), primaries: [answered(1, soa(6), refused)] })).toMatchObject({
      state: 'Failing',
      reason: 'Refused',
    });
    const pending: SoaProbe = { kind: 'rcode', rcode: 'SERVFAIL' };
    const silent = answered(1, { kind: 'timeout' });
    expect(look({ served: pending, primaries: [silent] })).toMatchObject({ reason: 'Timeout' });
    const formerr = { kind: 'formerr', message: 'short' } as const;
    expect(look({ served: pending, primaries: [answered(1, soa(6), formerr)] })).toMatchObject({
      reason: 'FormErr',
    });
  });

  test('a primary that restarts does not make a copy fail that lacks nothing', () => {
    const down = answered(1, { kind: 'timeout' });
    const first = { now: minute, role: 'secondary', served: soa(5), primaries: [down] } as const;
    const memory = observe(noMemory, first);
    expect(judge(memory, first).state).toBe('Current');
    expect(look({ ...first, memory, now: minute + 59_000 }).state).toBe('Current');
    expect(look({ ...first, memory, now: 2 * minute })).toMatchObject({
      state: 'Failing',
      reason: 'Timeout',
    });
  });

  test('a failure is forgotten when the primary answers with the serial that is served', () => {
    const lines = sample('connection refused: primary down', 'secondary');
    const healed = [answered(lastAt(lines) + 500, soa(5))];
    expect(fromLog('connection refused: primary down', { primaries: healed }).state).toBe(
      'Current',
    );
    const ahead = [answered(lastAt(lines) + 500, soa(6))];
    expect(fromLog('connection refused: primary down', { primaries: ahead })).toMatchObject({
      state: 'Failing',
    });
  });

  test('a failure is forgotten when the expiry moves on: named refreshed and did not log it', () => {
    const lines = sample('connection refused: primary down', 'secondary');
    const at = lastAt(lines);
    const seen = (now: number, expiresAt: number): Observation => ({
      now,
      role: 'secondary',
      served: soa(5),
      primaries: [{ endpoint }],
      expiresAt,
    });
    const memory = observe(known(lines), seen(at + 10, at + minute));
    expect(judge(memory, seen(at + 10, at + minute)).state).toBe('Failing');
    expect(look({ memory, ...seen(at + 20, at + minute) }).state).toBe('Failing');
    expect(look({ memory, ...seen(at + 20, at + 2 * minute) }).state).toBe('Current');
  });

  test('failures at a primary that the zone has no longer do not count', () => {
    const other = { address: '127.0.0.13', port: 53, key: 'k' };
    expect(
      fromLog('connection refused: primary down', { primaries: [{ endpoint: other }] }).state,
    ).toBe('Current');
  });

  test('one attempt that fails twice is told by what says most', () => {
    // 9.20 asks a primary that has not the zone: the SOA is refused, then the transfer.
    const lines = logSamples('9.20')('zone not served', 'secondary');
    const primaries = [{ endpoint: { address: '127.0.0.1', port: 16850, key: 'k' } }];
    const state = look({ memory: known(lines), served: soa(5), primaries });
    expect(state.reason).toBe('NotAuthoritative');
  });

  test('a transfer that waits for a slot is late, not failing', () => {
    const lines = logSamples('9.20')('more zones than', 'secondary').slice(0, 1);
    const memory = known(lines);
    expect(look({ memory, served: { kind: 'rcode', rcode: 'SERVFAIL' } })).toMatchObject({
      state: 'Pending',
      reason: 'QuotaDeferred',
    });
    const behind = [answered(1, soa(6))];
    expect(look({ memory, served: soa(5), primaries: behind })).toMatchObject({
      state: 'Lagging',
      reason: 'QuotaDeferred',
    });
  });

  test('named that does not answer is told as such', () => {
    expect(look({ served: { kind: 'timeout' } })).toMatchObject({
      state: 'Failing',
      reason: 'Timeout',
      message: expect.stringContaining("this pod's named does not answer"),
    });
  });
});

describe('the state of a primary', () => {
  const primary = (seen: Seen): ZoneTransferState =>
    look({ role: 'primary', primaries: [], ...seen });

  test('is Current at the agreed serial, Lagging before it', () => {
    expect(primary({ served: soa(7), wanted: 7 })).toEqual({ state: 'Current', serial: 7 });
    expect(primary({ served: soa(6), wanted: 7, now: 5 })).toMatchObject({
      state: 'Lagging',
      behindSince: 5,
    });
    expect(primary({ served: { kind: 'rcode', rcode: 'REFUSED' } }).state).toBe('Pending');
  });

  test('a file that named does not take is NotLoaded, with the reason that stood before it in the log', () => {
    const memory = known(sample('zone file broken', 'primary'));
    const state = primary({ memory, served: { kind: 'rcode', rcode: 'SERVFAIL' } });
    expect(state).toMatchObject({
      state: 'Failing',
      reason: 'NotLoaded',
      message:
        'named did not load the zone: loading from master file /var/lib/bind/a.test.db failed: unknown class/type',
    });
    expect(primary({ memory, served: soa(6), wanted: 7 })).toMatchObject({ reason: 'NotLoaded' });
    expect(primary({ memory, served: soa(7), wanted: 7 }).state).toBe('Current');
  });
});

describe('lag', () => {
  const seen = (now: number, served: number, there: number): Observation => ({
    now,
    role: 'secondary',
    served: soa(served),
    primaries: [answered(now, soa(there))],
  });

  test('counts from when the first unserved serial was known, also while newer ones come', () => {
    let memory = observe(noMemory, seen(1000, 5, 5));
    expect(judge(memory, seen(1000, 5, 5))).not.toHaveProperty('behindSince');
    for (let n = 0; n < 40; n += 1) memory = observe(memory, seen(2000 + n, 5, 6 + n));
    expect(memory.unserved.length).toBeLessThanOrEqual(16);
    expect(judge(memory, seen(3000, 5, 45)).behindSince).toBe(2000);
    // Serial 6 comes: what is missing now was known since 2001.
    memory = observe(memory, seen(4000, 6, 45));
    expect(judge(memory, seen(4000, 6, 45)).behindSince).toBe(2001);
    memory = observe(memory, seen(5000, 45, 45));
    expect(judge(memory, seen(5000, 45, 45))).not.toHaveProperty('behindSince');
  });

  test('starts with a NOTIFY, and counts across the wrap of serials', () => {
    const memory = observe(noMemory, seen(1000, 4_294_967_295, 4_294_967_295));
    const notify: TransferEvent = {
      kind: 'notified',
      at: 1500,
      zone: 'a.test.' as never,
      from: '127.0.0.11',
      serial: 1,
    };
    const behind = remember(memory, notify);
    expect(judge(behind, seen(1600, 4_294_967_295, 4_294_967_295)).behindSince).toBe(1500);
    expect(remember(behind, { ...notify, serial: 4_294_967_290, at: 1700 })).toBe(behind);
  });

  test('a serial that no primary has any more is not waited for', () => {
    const memory = observe(noMemory, seen(1000, 5, 9));
    expect(judge(memory, seen(1000, 5, 9)).state).toBe('Lagging');
    const next = seen(2000, 5, 5);
    expect(judge(observe(memory, next), next).state).toBe('Current');
  });

  test('an expired zone lags since it expired', () => {
    const lines = sample('zone expired', 'secondary');
    const expiredAt = eventsOf(lines).find(({ kind }) => kind === 'expired')?.at;
    const state = fromLog('zone expired', { served: { kind: 'rcode', rcode: 'SERVFAIL' } });
    expect(state.behindSince).toBe(expiredAt);
  });
});
