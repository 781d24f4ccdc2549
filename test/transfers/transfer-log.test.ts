import { describe, expect, test } from 'vitest';
import type { TransferEvent } from '../../agent/plan/transfer-event.ts';
import { parseLogLine } from '../../agent/plan/transfer-log.ts';
import { eventsOf, logSamples, type Side } from './log-samples.ts';

/** Kind and reason, each once where it repeats. */
function gist(lines: readonly string[]): string[] {
  const words = eventsOf(lines).map((event) =>
    'reason' in event ? `${event.kind} ${event.reason}` : event.kind,
  );
  return words.filter((word, at) => word !== words[at - 1]);
}

const success = [
  'transfer-started',
  'transfer-connected',
  'transferred',
  'transfer-succeeded',
  'transfer-completed',
];

const told: readonly [branch: '9.18' | '9.20', title: string, side: Side, gist: string[]][] = [
  ['9.18', 'successful AXFR', 'secondary', success],
  ['9.18', 'successful AXFR', 'primary', ['loaded', 'send-started', 'send-ended']],
  ['9.18', 'successful IXFR', 'secondary', ['notified', ...success]],
  ['9.18', 'up-to-date after NOTIFY', 'secondary', ['notified']],
  ['9.18', 'REFUSED: zone not served', 'primary', ['send-refused NotAuthoritative']],
  ['9.18', 'REFUSED by allow-transfer', 'primary', ['send-refused Refused']],
  ['9.18', 'TSIG failure: key unknown', 'secondary', ['refresh-failed TsigBadSignature']],
  ['9.18', 'TSIG failure: key unknown', 'primary', ['bad-signature TsigUnknownKey']],
  ['9.18', 'TSIG failure: secret differs', 'primary', ['bad-signature TsigBadSignature']],
  ['9.18', 'TSIG failure: clock skew +4000 s', 'secondary', ['refresh-failed TsigBadTime']],
  ['9.18', 'TSIG failure: clock skew +4000 s', 'primary', ['bad-signature TsigBadTime']],
  ['9.18', 'TSIG failure: clock skew, NOTIFY', 'secondary', ['bad-signature TsigBadTime']],
  ['9.18', 'key not defined at secondary', 'secondary', ['key-missing']],
  [
    '9.18',
    'serial went backwards on primary (ixfr-from-differences yes)',
    'primary',
    ['load-problem', 'not-loaded'],
  ],
  [
    '9.18',
    'serial went backwards on primary (ixfr-from-differences no)',
    'secondary',
    ['notified', 'serial-behind'],
  ],
  ['9.18', 'connection refused: primary down', 'secondary', ['refresh-failed Unreachable']],
  ['9.18', 'unsigned answer', 'secondary', ['refresh-failed TsigBadSignature']],
  [
    '9.18',
    'zone expired',
    'secondary',
    ['refresh-failed Unreachable', 'expired', 'refresh-failed Unreachable'],
  ],
  [
    '9.18',
    'restart of secondary',
    'secondary',
    ['loaded', 'expired', 'refresh-failed Unreachable'],
  ],
  ['9.18', 'zone file broken', 'primary', ['load-problem', 'not-loaded']],
  ['9.18', 'unreachable (cached)', 'secondary', ['refresh-failed UnreachableCached']],
  ['9.20', 'successful AXFR', 'secondary', success],
  ['9.20', 'successful IXFR', 'primary', ['loaded', 'send-started', 'send-ended']],
  ['9.20', 'key unknown', 'secondary', ['refresh-failed TsigBadSignature']],
  [
    '9.20',
    'expired',
    'secondary',
    ['refresh-failed Unreachable', 'expired', 'refresh-failed Unreachable'],
  ],
  ['9.20', 'UDP unanswered', 'secondary', ['loaded', 'refresh-failed Timeout']],
];

describe('what a line of the log means', () => {
  test.each(told)('BIND %s, %s: the %s is understood', (branch, title, side, wanted) => {
    expect(gist(logSamples(branch)(title, side))).toEqual(wanted);
  });

  test('a transfer that the primary refuses is Refused, one of a zone that it has not is NotAuthoritative', () => {
    const of = logSamples('9.18');
    expect(gist(of('REFUSED by allow-transfer', 'secondary'))).toContain('transfer-failed Refused');
    const absent = gist(of('REFUSED: zone not served', 'secondary'));
    expect(absent).toContain('refresh-failed NotAuthoritative');
    expect(absent).toContain('transfer-failed NotAuthoritative');
  });

  test('a SERVFAIL to a transfer is the quota of the primary, not a zone that it has not loaded', () => {
    const quota = gist(logSamples('9.20')('more zones than', 'secondary'));
    expect(quota).toContain('transfer-deferred');
    expect(quota).toContain('transfer-failed QuotaDeferred');
    const notLoaded = `2026-11-21T13:35:37.850 general: info: zone a.test/IN: refresh: unexpected rcode (SERVFAIL) from primary 127.0.0.1#28082 (source 0.0.0.0#0)`;
    expect(gist([notLoaded])).toEqual(['refresh-failed NotLoaded']);
  });

  test('tells serial, size and duration of a transfer, and no serial for one that brought no data', () => {
    const completed = (title: string): TransferEvent | undefined =>
      eventsOf(logSamples('9.20')(title, 'secondary')).find(
        ({ kind }) => kind === 'transfer-completed',
      );
    expect(completed('successful IXFR')).toMatchObject({
      zone: 'a.test.',
      primary: '127.0.0.1',
      messages: 1,
      records: 5,
      bytes: 283,
      seconds: 0.001,
      serial: 6,
    });
    // named prints the serial that it wanted here.
    expect(completed('REFUSED by allow-transfer')).not.toHaveProperty('serial');
  });

  test('tells how a primary sent a zone, to whom and with which key', () => {
    const [, ixfr] = eventsOf(logSamples('9.18')('successful IXFR', 'primary'));
    expect(ixfr).toMatchObject({
      kind: 'send-started',
      client: '127.0.0.12',
      key: 'k',
      method: 'IXFR',
      since: 5,
      serial: 6,
    });
    const full = eventsOf(logSamples('9.20')('full transfer in answer to an IXFR', 'primary'));
    expect(full.at(-1)).toMatchObject({ kind: 'send-ended', method: 'AXFR-style IXFR', serial: 9 });
  });

  test('names are canonical, also those with a slash, an escape or inline signing', () => {
    const zoneOf = (name: string): unknown => {
      const event = parseLogLine(
        `2026-11-21T11:39:17.461Z general: warning: zone ${name}: expired`,
      );
      return event !== undefined && 'zone' in event ? event.zone : undefined;
    };
    expect(zoneOf('Example.COM/IN')).toBe('example.com.');
    expect(zoneOf('0/25.2.0.192.in-addr.arpa/IN')).toBe('0/25.2.0.192.in-addr.arpa.');
    expect(zoneOf('a\\032b.test/IN')).toBe('a\\032b.test.');
    expect(zoneOf('signed.test/IN (signed)')).toBe('signed.test.');
    expect(zoneOf('a.test/IN/inside')).toBeUndefined();
    expect(zoneOf('version.bind/CH')).toBeUndefined();
  });

  test('reads times with and without a zone', () => {
    const at = (time: string): number | undefined =>
      parseLogLine(`${time} general: warning: zone a.test/IN: expired`)?.at;
    expect(at('2026-11-21T11:39:17.461Z')).toBe(Date.UTC(2026, 10, 21, 11, 39, 17, 461));
    expect(at('2026-11-21T11:39:17.461')).toBe(new Date(2026, 10, 21, 11, 39, 17, 461).getTime());
  });

  test('says nothing of lines that are none of its business, or no log lines at all', () => {
    for (const line of [
      '',
      'zone a.test/IN: expired',
      "2026-11-21T13:35:24.542Z general: info: received control channel command 'reload a.test'",
      "2026-11-21T13:35:35.714Z security: info: client @0x7f73 127.0.0.1#52476/key k (a.test): query 'a.test/SOA/IN' denied",
      "2026-11-21T13:35:35.714Z xfer-in: info: transfer of 'a.test/IN' from 127.0.0.1#28082: Transfer status: shutting down",
      '2026-11-21T13:35:24.542Z zoneload: info: managed-keys-zone: loaded serial 0',
    ]) {
      expect(parseLogLine(line)).toBeUndefined();
    }
  });
});
