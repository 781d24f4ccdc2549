import type { ObjectKey } from '../resources/types.ts';
import { type Waited, waitedOn } from './report-queue.ts';
import type { Urgency } from './urgency.ts';
import { isBad, type TransferState, type ZoneReport } from './zone-report.ts';

/**
 * What is about to become of a zone by itself, as far as its pods tell: its next report would only wait for that. Undefined:
 * it is as it will stay, or something is wrong.
 *
 * @param states what each pod that answers says of its copy; undefined: nothing yet
 * @param told what is published of the zone, if anything is
 */
export function awaited(
  states: ReadonlyMap<string, TransferState | undefined>,
  told: ZoneReport | undefined,
): Extract<Urgency, 'arriving' | 'leaving'> | undefined {
  const all = [...states.values()];
  if (all.some((state) => state !== undefined && isBad({ state }))) return undefined;
  if (all.some((state) => state !== 'Current')) return 'arriving';
  const former = new Set(told?.transfers.map(({ pod }) => pod));
  const isFewer = states.size < former.size && [...states.keys()].every((pod) => former.has(pod));
  return isFewer ? 'leaving' : undefined;
}

/** The zones that are about to change by themselves, and since when that is waited for. */
export class AwaitedZones {
  readonly #zones = new Map<ObjectKey, Waited>();

  get size(): number {
    return this.#zones.size;
  }

  wait(zone: ObjectKey, urgency: Urgency, now: number): Waited {
    const waited = waitedOn(this.#zones.get(zone), urgency, now);
    this.#zones.set(zone, waited);
    return waited;
  }

  /** It waits no longer: how it did. */
  take(zone: ObjectKey): Waited | undefined {
    const waited = this.#zones.get(zone);
    this.#zones.delete(zone);
    return waited;
  }
}
