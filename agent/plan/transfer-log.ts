import { reasonOfResult } from './failure-reason.ts';
import { loggedAmount, loggedKey, loggedPrimary, loggedSerial, loggedZone } from './log-fields.ts';
import { aboutClient } from './log-of-client.ts';
import { aboutZone } from './log-of-zone.ts';
import type { TransferEvent } from './transfer-event.ts';

/** The line of a channel with print-time iso8601 or iso8601-utc, print-category and print-severity. */
const head = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z?) ([\w-]+): (\w+)(?: \d+)?: (.*)$/;

/**
 * What a line of named's log (BIND 9.18 and 9.20) says about transfers, or undefined where it says nothing of the
 * kind. A time without a zone is read as this process's local time, as named prints it; zones in views are left out.
 */
export function parseLogLine(line: string): TransferEvent | undefined {
  const [, time, category, severity, text] = head.exec(line) ?? [];
  if (time === undefined || category === undefined || severity === undefined || !text) return;
  const at = Date.parse(time);
  if (text.startsWith('zone ')) return aboutZone(at, category, severity, text);
  if (text.startsWith('client ')) return aboutClient(at, text);
  // BIND 9.20 puts the transfer's address in memory first.
  const transfer = /^(?:0x[0-9a-f]+: )?transfer of '(\S+)' from (\S+)#(\d+): (.*)$/.exec(text);
  return transfer === null ? undefined : aboutTransfer(at, transfer);
}

/** `transfer of 'NAME/IN' from ADDRESS#PORT: …`, of a secondary. */
function aboutTransfer(at: number, fields: RegExpExecArray): TransferEvent | undefined {
  const [, quoted, address, port, text = ''] = fields;
  const zone = loggedZone(quoted?.endsWith('/IN') ? quoted.slice(0, -3) : undefined);
  if (zone === undefined) return undefined;
  const base = { at, zone, ...loggedPrimary(address, port) };
  const connected = /^connected using \S+(?: TSIG (\S+))?$/.exec(text);
  if (connected !== null)
    return { kind: 'transfer-connected', ...base, ...loggedKey(connected[1]) };
  const completed = /^Transfer completed: .* \(serial (\d+)/.exec(text);
  if (completed !== null) {
    const counts = loggedAmount(text);
    // Without data named prints 0, or the serial that it had asked for.
    const serial = counts.messages > 0 ? loggedSerial(completed[1]) : {};
    return { kind: 'transfer-completed', ...base, ...counts, ...serial };
  }
  const result = /^(?:Transfer status|failed [\w ]+): (.*)$/.exec(text)?.[1];
  if (result === undefined) return undefined;
  if (result === 'success') return { kind: 'transfer-succeeded', ...base };
  if (result === 'up to date') return { kind: 'transfer-not-needed', ...base };
  // named stops, or the zone was changed or taken away: nothing that anyone must heal.
  if (result === 'shutting down' || result === 'operation canceled') return undefined;
  const reason = reasonOfResult(result, 'transfer');
  return { kind: 'transfer-failed', ...base, reason, detail: result };
}
