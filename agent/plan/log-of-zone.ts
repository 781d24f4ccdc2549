import type { DomainName } from '../dns/name.ts';
import { reasonOfResult } from './failure-reason.ts';
import { loggedKey, loggedPrimary, loggedSerial, loggedZone } from './log-fields.ts';
import type { TransferEvent } from './transfer-event.ts';

type Read = (base: { at: number; zone: DomainName }, fields: string[]) => TransferEvent;
type Rule = readonly [pattern: RegExp, read: Read];

function firstMatch(
  rules: readonly Rule[],
  text: string,
  base: { at: number; zone: DomainName },
): TransferEvent | undefined {
  for (const [pattern, read] of rules) {
    const fields = pattern.exec(text);
    if (fields !== null) return read(base, [...fields]);
  }
  return undefined;
}

/** `zone NAME/IN: …`, whatever its category: 9.18 logs failed refreshes in general, 9.20 in xfer-in. */
const zoneRules: readonly Rule[] = [
  [/^Transfer started\.$/, (base) => ({ kind: 'transfer-started', ...base })],
  [
    /^transferred serial (\d+)(?:: TSIG '([^']+)')?/,
    (base, [, serial, key]) => ({
      kind: 'transferred',
      ...base,
      serial: Number(serial),
      ...loggedKey(key),
    }),
  ],
  [
    /^zone (transfer deferred due to quota)$/,
    (base, [, detail = '']) => ({ kind: 'transfer-deferred', ...base, detail }),
  ],
  [
    /^refresh: unexpected rcode \((\w+)\) from (?:primary )?(\S+)#(\d+) /,
    (base, [, rcode = '', address, port]) => ({
      kind: 'refresh-failed',
      ...base,
      ...loggedPrimary(address, port),
      reason: reasonOfResult(rcode, 'soa'),
      detail: rcode,
    }),
  ],
  [
    /^refresh: failure trying primary (\S+)#(\d+) \(source [^)]*\): (.*)$/,
    (base, [, address, port, detail = '']) => ({
      kind: 'refresh-failed',
      ...base,
      ...loggedPrimary(address, port),
      reason: reasonOfResult(detail, 'soa'),
      detail,
    }),
  ],
  [
    /^refresh: (retry limit) for primary (\S+)#(\d+) exceeded/,
    (base, [, , address, port]) => ({
      kind: 'refresh-failed',
      ...base,
      ...loggedPrimary(address, port),
      reason: 'Timeout',
      detail: 'no answer to the SOA query',
    }),
  ],
  [
    /^(?:refresh|got_transfer_quota): skip\w+ .* as primary (\S+)#(\d+) .* is unreachable \(cached\)/,
    (base, [, address, port]) => ({
      kind: 'refresh-failed',
      ...base,
      ...loggedPrimary(address, port),
      reason: 'UnreachableCached',
      detail: 'unreachable (cached)',
    }),
  ],
  [
    // The answer was none for this zone: "non-authoritative answer from", "CNAME at top of zone in" and the like.
    /^refresh: (?!.*retrying)(.*?) (?:from|in) (?:primary )?(\S+)#(\d+) \(source/,
    (base, [, detail = '', address, port]) => ({
      kind: 'refresh-failed',
      ...base,
      ...loggedPrimary(address, port),
      reason: reasonOfAnswer(detail),
      detail,
    }),
  ],
  [
    /^serial number \((\d+)\) received from primary (\S+)#(\d+) < ours \((\d+)\)/,
    (base, [, theirs, address, port, ours]) => ({
      kind: 'serial-behind',
      ...base,
      ...loggedPrimary(address, port),
      theirs: Number(theirs),
      ours: Number(ours),
    }),
  ],
  [/^cannot refresh: no primaries/, (base) => ({ kind: 'no-primaries', ...base })],
  [
    /^(?:unable to find key:|could not get TSIG key for zone transfer:) (.*)$/,
    (base, [, key = '']) => ({ kind: 'key-missing', ...base, key }),
  ],
  [/^expired$/, (base) => ({ kind: 'expired', ...base })],
  [
    /^loaded serial (\d+)/,
    (base, [, serial]) => ({ kind: 'loaded', ...base, serial: Number(serial) }),
  ],
  [/^not loaded due to errors\.$/, (base) => ({ kind: 'not-loaded', ...base })],
  [
    /^notify from (\S+?)#\d+: (?:serial (\d+)|no serial|zone is up to date|refresh in progress)/,
    (base, [, from = '', serial]) => ({ kind: 'notified', ...base, from, ...loggedSerial(serial) }),
  ],
  [
    /^refused notify from non-primary: (\S+?)#/,
    (base, [, from = '']) => ({ kind: 'notify-refused', ...base, from }),
  ],
];

const hinders = (category: string, severity: string): boolean =>
  (category === 'zoneload' && severity !== 'info') ||
  (category === 'general' && severity === 'error');

function reasonOfAnswer(detail: string) {
  return /truncated|opcode/.test(detail) ? 'FormErr' : 'NotAuthoritative';
}

/**
 * What named says in a line `zone NAME/IN: …`. Whatever hinders a load stands in category zoneload, as a warning or an
 * error, or, where its own checks of a zone's integrity fail, in general as an error.
 */
export function aboutZone(
  at: number,
  category: string,
  severity: string,
  text: string,
): TransferEvent | undefined {
  // "(signed)" and "(unsigned)": the two halves of a zone with inline-signing.
  const [, name, , words] = /^zone (\S+?)\/IN(?: \((un)?signed\))?: (.*)$/.exec(text) ?? [];
  const zone = loggedZone(name);
  if (zone === undefined || words === undefined) return undefined;
  const event = firstMatch(zoneRules, words, { at, zone });
  if (event !== undefined || !hinders(category, severity)) return event;
  return { kind: 'load-problem', at, zone, detail: words };
}
