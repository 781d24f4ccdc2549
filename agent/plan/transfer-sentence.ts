import type { Endpoint } from './topology.ts';
import type { Failure } from './transfer-memory.ts';

/** A primary as users name it: its address, and its port where that is not 53. */
export const showPrimary = ({ address, port }: Endpoint): string =>
  port === 53 ? `primary ${address}` : `primary ${address} port ${port}`;

/**
 * What is wrong and what to do about it, in one sentence. It holds nothing that changes while the cause stays, because
 * each new sentence is a write of the zone's status.
 *
 * @param keyName of the key that this pod signs with; absent: it does not sign.
 */
export function explainFailure(failure: Failure, keyName: string | undefined): string {
  const { primary } = failure;
  return primary === undefined ? ourOwn(failure) : ofPrimary(failure, primary, keyName);
}

function ourOwn({ reason, detail }: Failure): string {
  switch (reason) {
    case 'TsigUnknownKey':
      return `this pod's named has no key ${detail}: give this pod the file of that key`;
    case 'QuotaDeferred':
      return 'the transfer waits for others to end: raise transfers-in and transfers-per-ns if this lasts';
    case 'NoPrimaries':
      return 'no primary is known: start a pod with role primary for this zone, or set secondaryConfig.primaryServers';
    case 'NotLoaded':
      return `named did not load the zone: ${detail}`;
    case 'Expired':
      return 'the copy has expired, because no primary could be asked for too long: make one of them reachable';
    default:
      return `this pod's named does not answer for the zone (${detail}): see its log`;
  }
}

function ofPrimary(
  { reason, detail }: Failure,
  primary: Endpoint,
  key: string | undefined,
): string {
  const who = showPrimary(primary);
  const us = key === undefined ? "this pod's address" : `the key ${key}`;
  switch (reason) {
    case 'Refused':
      return `${who} refused the transfer: ${us} is not in its allow-transfer`;
    case 'NotAuthoritative':
      return `${who} does not serve this zone: see there whether it has loaded it, and whether ${us} is in its allow-query`;
    case 'Unreachable':
      return `${who} cannot be reached: is its named running, and open to this pod by UDP and TCP?`;
    case 'UnreachableCached':
      return `named does not try ${who} for up to 10 minutes, since two connections to it failed: make it reachable by TCP`;
    case 'Timeout':
      return `${who} does not answer: is it running, and open to this pod by UDP and TCP?`;
    case 'TsigUnknownKey':
      return `${who} does not know ${us}: give it the file of that key`;
    case 'TsigBadSignature':
      return badSignature(who, us, detail);
    case 'TsigBadTime':
      return `the clocks of this pod and of ${who} are more than 5 minutes apart: set them right`;
    case 'QuotaDeferred':
      return `${who} has no free slot for the transfer (${detail}): raise its transfers-out if this lasts`;
    case 'SerialBehind':
      return `${who} has an older serial than this pod (${detail}): raise the serial there, or retransfer to take the older data`;
    case 'FormErr':
      return `${who} sends what named cannot read (${detail}): see its version and what stands between`;
    case 'BadData':
      return `${who} sends data that named does not take (${detail}): correct the zone there`;
    case 'NotLoaded':
      return `${who} has the zone but does not serve it (${detail}): see there why it is not loaded`;
    case 'Expired':
    case 'NoPrimaries':
      return `${who}: ${detail}`;
  }
}

function badSignature(who: string, us: string, detail: string): string {
  if (detail === 'unsigned' || detail.startsWith('expected')) {
    return `${who} answers without a signature: it, or what stands between, does not use ${us}`;
  }
  // named does not log which of the two it was; the primary does, and our own probe sees it.
  return detail === 'tsig indicates error'
    ? `${who} does not accept the signature: it does not know ${us}, or has another secret for it`
    : `${who} does not accept the signature: it has another secret for ${us}`;
}
