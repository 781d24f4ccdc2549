import { isNewer, newest, nextSerial, type Serial } from '../dns/serial.ts';
import type { Allocation } from './registration.ts';
import type { ServedZone } from './served-zone.ts';

/** What one primary knows of a zone when it decides which serial its content gets. */
export interface Agreement {
  readonly self: string;
  /** The hash of the content rendered from our own view. */
  readonly contentHash: string;
  /** The version of that view. */
  readonly view: number;
  /** What the primaries agreed on last, as far as we have seen. */
  readonly allocated: Allocation | undefined;
  /** What our named serves; the hash is missing where the content is not known to be ours. */
  readonly serving: { readonly serial: Serial; readonly contentHash?: string } | undefined;
  /** Live primaries of the zone in the order of rank, this pod among them. */
  readonly ranked: readonly string[];
  /** The newest serial at live secondaries; `unasked` until they were asked, which only matters when all else is lost. */
  readonly atSecondaries: Serial | undefined | 'unasked';
  /** The serial the user wants at least. */
  readonly floor: Serial | undefined;
  /** Today's `YYYYMMDD00`, where serials are styled so. */
  readonly date: Serial | undefined;
  /** Milliseconds since our content and the allocation were first seen to differ. */
  readonly differsFor: number;
  /** Milliseconds since the last allocation of this zone that we saw. */
  readonly sinceAllocation: number;
}

/** What our named serves of a zone, where it is its primary. */
export const servingOf = (served: ServedZone | undefined): Agreement['serving'] =>
  served?.role !== 'primary' || served.serial === undefined
    ? undefined
    : {
        serial: served.serial,
        ...(served.hash === undefined ? {} : { contentHash: served.hash }),
      };

export type Decision =
  /** Serve our content under this serial; it is agreed already. */
  | { readonly kind: 'serve'; readonly serial: Serial }
  /** Nobody else is there to agree with: load first, publish after. */
  | { readonly kind: 'load'; readonly serial: Serial }
  /** Loaded already, but not (or wrongly) published. */
  | { readonly kind: 'publish'; readonly serial: Serial }
  /** Ask the other primaries by compare-and-swap, then load. */
  | { readonly kind: 'allocate'; readonly serial: Serial }
  /** Find out first what the live secondaries serve. */
  | { readonly kind: 'ask-secondaries' }
  /** Not our turn yet; look again after so many milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number; readonly why: string }
  /** Our content is not the agreed one: take the zone from whoever allocated. */
  | { readonly kind: 'take'; readonly from: string; readonly serial: Serial };

/** A primary that ranks second goes a second later, and so on: compare-and-swap is the safety, this only spares writes. */
const RANK_DELAY_MS = 1000;
/** At most one allocation per zone in this time, so that two disagreeing primaries cannot burn serials. */
const ALLOCATION_INTERVAL_MS = 1000;
/** How long a view may lag before the zone is taken from the allocator instead. */
const LAG_MS = 2000;

/** Which serial our content gets: alone, by agreement, or not at all for now. */
export function agree(input: Agreement): Decision {
  const { allocated, contentHash } = input;
  if (allocated?.contentHash === contentHash && !mustRise(allocated.serial, input))
    return { kind: 'serve', serial: allocated.serial };
  const others = input.ranked.filter((pod) => pod !== input.self);
  return others.length === 0 ? agreeAlone(input) : agreeWithOthers(input);
}

/**
 * The same content needs another serial: the user raised it, or our named is ahead of what was agreed (the allocation
 * was lost or rolled back), and serials never go backwards.
 */
const mustRise = (serial: Serial, { serving, floor }: Agreement): boolean =>
  (floor !== undefined && isNewer(floor, serial)) ||
  (serving !== undefined && isNewer(serving.serial, serial));

function agreeAlone(input: Agreement): Decision {
  const { serving, contentHash } = input;
  if (
    serving !== undefined &&
    serving.contentHash === contentHash &&
    !mustRise(serving.serial, input)
  )
    return { kind: 'publish', serial: serving.serial };
  return withNext(input, (serial) => ({ kind: 'load', serial }));
}

function agreeWithOthers(input: Agreement): Decision {
  const { allocated, self, view, differsFor } = input;
  const ours = allocated === undefined || allocated.by === self || view > allocated.view;
  if (!ours) return awaitOrTake(input, allocated);
  const rank = input.ranked.indexOf(self);
  const turn = Math.max(
    rank * RANK_DELAY_MS - differsFor,
    allocated === undefined ? 0 : ALLOCATION_INTERVAL_MS - input.sinceAllocation,
  );
  if (turn > 0) return { kind: 'wait', ms: turn, why: 'another primary may allocate first' };
  return withNext(input, (serial) => ({ kind: 'allocate', serial }));
}

function awaitOrTake({ differsFor }: Agreement, allocated: Allocation): Decision {
  const left = LAG_MS - differsFor;
  if (left > 0)
    return { kind: 'wait', ms: left, why: `waiting to see what ${allocated.by} has seen` };
  return { kind: 'take', from: allocated.by, serial: allocated.serial };
}

function withNext(input: Agreement, decide: (serial: Serial) => Decision): Decision {
  const { allocated, serving, atSecondaries, floor, date } = input;
  const known = newest(
    ...[allocated?.serial, serving?.serial].filter((each) => each !== undefined),
  );
  if (known === undefined && atSecondaries === 'unasked') return { kind: 'ask-secondaries' };
  const prior = known ?? (atSecondaries === 'unasked' ? undefined : atSecondaries);
  return decide(
    nextSerial({
      ...(prior === undefined ? {} : { prior }),
      ...(floor === undefined ? {} : { floor }),
      ...(date === undefined ? {} : { date }),
    }),
  );
}
