import type { ObjectKey } from '../resources/types.ts';
import { type Waited, waitedOn } from './report-queue.ts';
import { type Urgency, whoIs } from './urgency.ts';
import type { CopyState } from './zone-copy.ts';
import { isBad, type ZoneReport } from './zone-report.ts';

/**
 * What is about to become of a zone by itself, as far as its pods tell: its next report would only wait for that. Undefined:
 * it is as it will stay, or something is wrong.
 *
 * @param copies what each pod that answers (`whoIs`) says of its copy; undefined: nothing yet
 * @param told what is published of the zone, if anything is
 */
export function awaited(
  copies: ReadonlyMap<string, Said | undefined>,
  told: ZoneReport | undefined,
): Extract<Urgency, 'arriving' | 'passing' | 'leaving'> | undefined {
  const all = [...copies.values()];
  if (all.some((copy) => copy !== undefined && isBad(copy))) return undefined;
  const former = new Set(told?.transfers.map(whoIs));
  const isKnown = [...copies.keys()].every((pod) => former.has(pod));
  const isMoving = all.some((copy) => copy?.state !== 'Current' || copy.serial !== all[0]?.serial);
  if (isMoving) return isKnown ? 'passing' : 'arriving';
  return isKnown && copies.size < former.size ? 'leaving' : undefined;
}

type Said = Pick<CopyState, 'state' | 'serial'>;

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
