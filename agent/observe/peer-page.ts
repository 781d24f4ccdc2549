import type { FeedPage, FeedZone } from '../report/feed.ts';
import type { TransferMethod, TransferReason, TransferState } from '../report/zone-report.ts';
import { isObject } from '../resources/got.ts';

// Records, so that a word that is added to the type and not here does not compile.
const states: Readonly<Record<TransferState, true>> = {
  Pending: true,
  Transferring: true,
  Current: true,
  Lagging: true,
  Failing: true,
  Expired: true,
};
const methods: Readonly<Record<TransferMethod, true>> = {
  AXFR: true,
  IXFR: true,
  Seed: true,
};
const reasons: Readonly<Record<TransferReason, true>> = {
  Refused: true,
  NotAuthoritative: true,
  Unreachable: true,
  UnreachableCached: true,
  TsigUnknownKey: true,
  TsigBadSignature: true,
  TsigBadTime: true,
  QuotaDeferred: true,
  SerialBehind: true,
  Timeout: true,
  FormErr: true,
  BadData: true,
  Expired: true,
  NoPrimaries: true,
  NotLoaded: true,
};

/** A sentence of a peer goes into a status that every watcher gets. */
const longestMessage = 1000;

/**
 * Reads an answer of a peer's `/transfers`; undefined where it is none. What a peer of another version says and this
 * one does not know is left out, since a status that holds one unknown word would be refused as a whole.
 */
export function parsePage(body: unknown): FeedPage | undefined {
  if (!isObject(body)) return undefined;
  const { pod, uid, epoch, seq, full, more, zones, gone } = body;
  if (typeof pod !== 'string' || typeof uid !== 'string' || typeof epoch !== 'string') return;
  if (!isWhole(seq) || !Array.isArray(zones) || !Array.isArray(gone)) return undefined;
  return {
    pod,
    uid,
    epoch,
    seq,
    full: full === true,
    more: more === true,
    zones: zones.flatMap(parseZone),
    gone: gone.filter((object) => typeof object === 'string'),
  };
}

function parseZone(value: unknown): FeedZone[] {
  if (!isObject(value)) return [];
  const { zone, object, role, state, seq, serial, method, reason, message } = value;
  if (typeof zone !== 'string' || typeof object !== 'string' || !isWhole(seq)) return [];
  if ((role !== 'primary' && role !== 'secondary') || !isOf(states, state)) return [];
  return [
    {
      zone,
      object,
      role,
      state,
      seq,
      ...(isWhole(serial) && serial < 2 ** 32 && { serial }),
      ...text(value, 'from'),
      ...(isOf(methods, method) && { method }),
      ...time(value, 'lastTransferTime'),
      ...time(value, 'expiresAt'),
      ...time(value, 'behindSince'),
      ...(isOf(reasons, reason) && { reason }),
      ...(typeof message === 'string' && { message: message.slice(0, longestMessage) }),
    },
  ];
}

function text<K extends string>(value: Record<string, unknown>, name: K): { [key in K]?: string } {
  const field = value[name];
  return (typeof field === 'string' ? { [name]: field } : {}) as { [key in K]?: string };
}

function time<K extends string>(value: Record<string, unknown>, name: K): { [key in K]?: string } {
  const field = value[name];
  return typeof field === 'string' && !Number.isNaN(Date.parse(field)) ? text(value, name) : {};
}

const isOf = <K extends string>(words: Readonly<Record<K, true>>, value: unknown): value is K =>
  typeof value === 'string' && Object.hasOwn(words, value);

const isWhole = (value: unknown): value is number =>
  Number.isSafeInteger(value) && Number(value) >= 0;
