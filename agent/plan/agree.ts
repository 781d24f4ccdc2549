import { isNewer, newest, nextSerial, type Serial } from '../dns/serial.ts';
import type { Allocation } from './registration.ts';
import type { ServedZone } from './served-zone.ts';
import { isNewerView, type Progress } from './source-versions.ts';

/** What one primary knows of a zone when it decides which serial its content gets. */
export interface Agreement {
  readonly self: string;
  /** The hash of the content rendered from our own view. */
  readonly contentHash: string;
  /** Our content may lack what was served: nothing of ours is to be agreed on, only what others have agreed on. */
  readonly withheld?: boolean;
  /** How far that view was read. */
  readonly view: Progress;
  /** What the primaries agreed on last, as far as we have seen. */
  readonly allocated: Allocation | undefined;
  /** What our named serves; the hash is missing where the content is not known to be ours. */
  readonly serving: { readonly serial: Serial; readonly contentHash?: string } | undefined;
  /** Live primaries of the zone in the order of rank, this pod among them. */
  readonly ranked: readonly string[];
  /** The zone's other live pods, primaries and secondaries. */
  readonly others: readonly { readonly pod: string }[];
  /**
   * The newest serial at those others, and at our own named where others wrote what it serves. They are asked only where nothing is allocated (at first, or the status was lost) or nothing of ours
   * is served here (at first, or the disk was lost, or the zone was not ours to write).
   */
  readonly elsewhere: Serial | undefined | 'unasked';
  /** The serial the user wants at least. */
  readonly floor: Serial | undefined;
  /** Today's `YYYYMMDD00`, where serials are styled so. */
  readonly date: Serial | undefined;
  /** Milliseconds since what is allocated was first seen not to settle the zone (see `isSettled`). */
  readonly unsettledFor: number;
  /** Milliseconds since the last allocation of this zone that we saw; at most as long as this run of the agent. */
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
  /** Find out first what the zone's other pods serve. */
  | { readonly kind: 'ask-peers' }
  /** Not our turn yet; look again after so many milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number; readonly why: string }
  /** What is served stays as it is. */
  | { readonly kind: 'stay' }
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
  const { allocated, serving } = input;
  // With nothing on the disk, all that is known of what was served here is what the others still have.
  if (allocated !== undefined && serving === undefined && mustAsk(input))
    return { kind: 'ask-peers' };
  if (allocated !== undefined && isSettled(input))
    return { kind: 'serve', serial: allocated.serial };
  if (input.withheld === true) return follow(input);
  const others = input.ranked.filter((pod) => pod !== input.self);
  return others.length === 0 ? agreeAlone(input) : agreeWithOthers(input);
}

/** What is allocated is our content, under a serial that is new enough. */
export const isSettled = (input: Omit<Agreement, 'unsettledFor'>): boolean =>
  input.allocated?.contentHash === input.contentHash && !mustRise(input.allocated.serial, input);

/**
 * The same content needs another serial: the user raised it, or our named or a peer's is ahead of what was agreed (the
 * allocation was lost or never written), or serves something else under this one; and serials never go backwards.
 */
const mustRise = (
  serial: Serial,
  { serving, floor, elsewhere, contentHash }: Omit<Agreement, 'unsettledFor'>,
): boolean =>
  [serving?.serial, floor, known(elsewhere)].some(
    (other) => other !== undefined && isNewer(other, serial),
  ) ||
  (serving?.serial === serial && (serving.contentHash ?? contentHash) !== contentHash);

const known = (elsewhere: Agreement['elsewhere']): Serial | undefined =>
  elsewhere === 'unasked' ? undefined : elsewhere;

/** For an allocation only when it is our turn: what the others serve may be another serial a second later. */
const mustAsk = ({ allocated, serving, elsewhere }: Agreement): boolean =>
  (allocated === undefined || serving === undefined) && elsewhere === 'unasked';

/**
 * What was agreed on, where it is newer than what our named serves: from whoever allocated it, or from another pod where
 * that one is gone, or was this pod before it lost its disk.
 */
function follow(input: Agreement): Decision {
  const { allocated, others, serving } = input;
  const by = others.find(({ pod }) => pod === allocated?.by) ?? others[0];
  const newer =
    allocated !== undefined && (serving === undefined || isNewer(allocated.serial, serving.serial));
  return newer && by !== undefined
    ? awaitOrTake(input, { ...allocated, by: by.pod })
    : { kind: 'stay' };
}

function agreeAlone(input: Agreement): Decision {
  if (mustAsk(input)) return { kind: 'ask-peers' };
  const loaded = loadedSerial(input);
  return loaded === undefined
    ? { kind: 'load', serial: next(input) }
    : { kind: 'publish', serial: loaded };
}

/** The serial that our content is served under already, where that will do. */
function loadedSerial(input: Agreement): Serial | undefined {
  const { serving, contentHash } = input;
  return serving?.contentHash === contentHash && !mustRise(serving.serial, input)
    ? serving.serial
    : undefined;
}

function agreeWithOthers(input: Agreement): Decision {
  const { allocated, self, unsettledFor } = input;
  if (allocated !== undefined && !mayReplace(allocated, input))
    return awaitOrTake(input, allocated);
  const rank = input.ranked.indexOf(self);
  const turn = Math.max(
    rank * RANK_DELAY_MS - unsettledFor,
    allocated === undefined ? 0 : ALLOCATION_INTERVAL_MS - input.sinceAllocation,
  );
  if (turn > 0) return { kind: 'wait', ms: turn, why: 'another primary may allocate first' };
  if (mustAsk(input)) return { kind: 'ask-peers' };
  // Of an allocation that was lost the serial is still good: nothing needs to be transferred again.
  const loaded = allocated === undefined ? loadedSerial(input) : undefined;
  return { kind: 'allocate', serial: loaded ?? next(input) };
}

/** Nobody allocates other content from a view older than the allocation: it would only be what was there before. */
const mayReplace = (allocated: Allocation, { self, view, contentHash }: Agreement): boolean =>
  allocated.by === self ||
  isNewerView(view, allocated.view) ||
  allocated.contentHash === contentHash;

function awaitOrTake({ unsettledFor }: Agreement, allocated: Allocation): Decision {
  const left = LAG_MS - unsettledFor;
  if (left > 0)
    return { kind: 'wait', ms: left, why: `waiting to see what ${allocated.by} has seen` };
  return { kind: 'take', from: allocated.by, serial: allocated.serial };
}

function next({ allocated, serving, elsewhere, floor, date }: Agreement): Serial {
  const prior = newest(allocated?.serial, serving?.serial, known(elsewhere));
  return nextSerial({ prior, floor, date });
}
