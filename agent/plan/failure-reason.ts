import type { TransferReason } from '../report/zone-report.ts';

/** Where an attempt failed: asking a primary for the SOA, or taking the zone from it. */
export type Phase = 'soa' | 'transfer';

const tsig: readonly (readonly [RegExp, TransferReason])[] = [
  [/BADKEY|unable to find key/i, 'TsigUnknownKey'],
  [/BADTIME|clocks are unsynchronized/i, 'TsigBadTime'],
  // Also "tsig indicates error": the primary did not accept the signature, for one of the three causes.
  [/TSIG|SIG\(0\)|BADSIG|BADTRUNC/i, 'TsigBadSignature'],
];

const texts: readonly (readonly [RegExp, TransferReason])[] = [
  ...tsig,
  [/timed out|retry limit|time exceeded|minimum transfer rate/i, 'Timeout'],
  [/unreachable \(cached\)/i, 'UnreachableCached'],
  [
    /refused$|unreachable|connection reset|end of file|not connected|network|host down|address not available|permission denied|adb|no route/i,
    'Unreachable',
  ],
  [/quota/i, 'QuotaDeferred'],
  [/FORMERR|unexpected end|extra input|malformed|bad label|bad compression|truncated/i, 'FormErr'],
  [/NOTAUTH|NXDOMAIN|NODATA|non-authoritative|not authoritative|referral/i, 'NotAuthoritative'],
];

/**
 * The reason for a result that named prints (BIND 9.18 and 9.20, `isc_result_totext`), e.g. `REFUSED`, `connection
 * refused`, `tsig indicates error`.
 */
export function reasonOfResult(result: string, phase: Phase): TransferReason {
  // Case tells a response code from a socket's error: "REFUSED" is an answer, "connection refused" is none.
  if (/^[A-Z]+$/.test(result)) return reasonOfRcode(result, phase);
  const known = texts.find(([pattern]) => pattern.test(result));
  return known?.[1] ?? (phase === 'soa' ? 'Unreachable' : 'BadData');
}

/** The reason for a response code in mnemonic. */
export function reasonOfRcode(rcode: string, phase: Phase): TransferReason {
  switch (rcode) {
    case 'REFUSED':
      // A server refuses questions about zones that it does not have. Peers' keys are in each zone's allow-query,
      // so a SOA that is refused says that the zone is not there.
      return phase === 'soa' ? 'NotAuthoritative' : 'Refused';
    case 'NOTAUTH':
    case 'NXDOMAIN':
    case 'NOERROR':
      return 'NotAuthoritative';
    case 'SERVFAIL':
      // named answers a transfer beyond its transfers-out with SERVFAIL; a zone that is not loaded fails at the SOA.
      return phase === 'soa' ? 'NotLoaded' : 'QuotaDeferred';
    case 'FORMERR':
    case 'NOTIMP':
      return 'FormErr';
    default:
      return reasonOfTsig(rcode) ?? 'BadData';
  }
}

/** The reason for a TSIG error (RFC 8945 section 5.3), or for what named writes of one. */
export function reasonOfTsig(
  error: string,
): 'TsigUnknownKey' | 'TsigBadSignature' | 'TsigBadTime' | undefined {
  const known = tsig.find(([pattern]) => pattern.test(error))?.[1];
  return known === 'TsigUnknownKey' || known === 'TsigBadSignature' || known === 'TsigBadTime'
    ? known
    : undefined;
}
