import { reasonOfResult, reasonOfTsig } from './failure-reason.ts';
import { loggedAmount, loggedKey, loggedZone } from './log-fields.ts';
import type { SentMethod, TransferEvent } from './transfer-event.ts';

/** `client @0x… ADDRESS#PORT/key NAME (QNAME): …`; the key and the name where there are any. */
export function aboutClient(at: number, text: string): TransferEvent | undefined {
  const [, client, key, words] =
    /^client @0x[0-9a-f]+ (\S+?)#\d+(?:\/key (\S+))?(?: \([^ ]*\))?: (.*)$/.exec(text) ?? [];
  if (client === undefined || words === undefined) return undefined;
  const invalid = /^request has invalid signature: TSIG (\S+?)(?: \(\S+\))?: .*\((\w+)\)$/.exec(
    words,
  );
  if (invalid !== null) {
    const [, name = '', error = ''] = invalid;
    const reason = reasonOfTsig(error) ?? 'TsigBadSignature';
    return { kind: 'bad-signature', at, client, key: name, reason };
  }
  return aboutRequest(at, { client, ...loggedKey(key) }, words);
}

function aboutRequest(
  at: number,
  from: { readonly client: string; readonly key?: string },
  words: string,
): TransferEvent | undefined {
  const [, quoted, rest = ''] =
    /^(?:transfer of|received notify for zone|zone transfer|bad zone transfer request:) '([^']+)'(.*)$/.exec(
      words,
    ) ?? [];
  if (quoted === undefined) return undefined;
  const zone = loggedZone(quoted.replace(/\/(?:AXFR\/|IXFR\/)?IN$/, ''));
  if (zone === undefined) return undefined;
  const base = { at, zone, ...from };
  if (words.startsWith('received notify')) {
    return rest.includes('not authoritative')
      ? undefined
      : { kind: 'notified', at, zone, from: from.client, ...loggedKey(from.key) };
  }
  if (words.startsWith('zone transfer')) {
    return rest === ' denied'
      ? { kind: 'send-refused', ...base, reason: 'Refused', detail: 'denied by allow-transfer' }
      : undefined;
  }
  if (words.startsWith('bad zone transfer request')) {
    const detail = /^: (.*?)(?: \(\w+\))?$/.exec(rest)?.[1] ?? rest;
    return { kind: 'send-refused', ...base, reason: reasonOfResult(detail, 'transfer'), detail };
  }
  const sent =
    /^: (AXFR-style IXFR|AXFR|IXFR) (started|ended)\b.*\(serial (?:(\d+) -> )?(\d+)\)$/.exec(rest);
  if (sent === null) return undefined;
  const [, method, what, since, serial] = sent;
  const sending = { ...base, method: method as SentMethod, serial: Number(serial) };
  return what === 'ended'
    ? { kind: 'send-ended', ...sending, ...loggedAmount(rest) }
    : { kind: 'send-started', ...sending, ...(since && { since: Number(since) }) };
}
