import type { Urgency } from './urgency.ts';
import { isBad, type TransferState, type ZoneReport } from './zone-report.ts';

/**
 * What is about to become of a zone by itself, as far as its pods tell: its next report would only wait for that. Undefined:
 * it is as it will stay, or something is wrong.
 *
 * @param states what each pod that answers says of its copy; undefined: nothing yet
 * @param told what is published of the zone
 */
export function awaited(
  states: ReadonlyMap<string, TransferState | undefined>,
  told: ZoneReport,
): Extract<Urgency, 'arriving' | 'leaving'> | undefined {
  const all = [...states.values()];
  if (all.some((state) => state !== undefined && isBad({ state }))) return undefined;
  if (all.some((state) => state !== 'Current')) return 'arriving';
  const former = new Set(told.transfers.map(({ pod }) => pod));
  const isFewer = states.size < former.size && [...states.keys()].every((pod) => former.has(pod));
  return isFewer ? 'leaving' : undefined;
}
