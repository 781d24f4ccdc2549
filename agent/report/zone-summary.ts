import type { CopyState } from './zone-copy.ts';
import type { Condition, Transfer, TransferState, ZoneReport } from './zone-report.ts';

/** From bad to good. */
const worstFirst: readonly TransferState[] = [
  'Expired',
  'Failing',
  'Lagging',
  'Pending',
  'Transferring',
];

/** Why the zone is not ready; else what is wrong with its worst copy; undefined where all is well. */
export function worstReason(
  conditions: readonly Condition[],
  transfers: readonly Transfer[],
): string | undefined {
  const of = (type: Condition['type'], status: Condition['status']): string | undefined =>
    conditions.find((each) => each.type === type && each.status === status)?.reason;
  const worst = worstFirst
    .map((state) => transfers.find((each) => each.state === state))
    .find((each) => each !== undefined);
  return of('Ready', 'False') ?? of('Diverged', 'True') ?? worst?.reason ?? worst?.state;
}

/**
 * Since when there has been a copy that is not current, as far as its pod or the report before tells; RFC 3339. A time,
 * not a duration: that would be another one at every look.
 */
export function behindSince(
  copies: readonly {
    readonly pod: { readonly pod: string };
    readonly copy: CopyState | undefined;
  }[],
  transfers: readonly Transfer[],
  before: ZoneReport | undefined,
  now: string,
): string | undefined {
  const known = new Map(copies.map(({ pod, copy }) => [pod.pod, copy?.behindSince]));
  const wasBehind = new Set(before?.transfers.filter(isBehind).map(({ pod }) => pod));
  const times = transfers
    .filter(isBehind)
    .map(
      ({ pod }) => known.get(pod) ?? (wasBehind.has(pod) ? before?.behindSince : undefined) ?? now,
    );
  return times.sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

const isBehind = ({ state }: Transfer): boolean => state !== 'Current';
