import type { ObjectKey } from '../resources/types.ts';
import { type Waited, waitedOn } from './report-queue.ts';
import { type Urgency, whoIs } from './urgency.ts';
import type { CopyState } from './zone-copy.ts';
import { isBad, type ZoneReport } from './zone-report.ts';

/**
 * What is about to become of a zone by itself, as far as its pods tell: its next report would only wait for that. Undefined:
 * it is as it will stay, or something is wrong.
 *
 * @param said what is said of each copy, of the pods that are there
 * @param told what is published of the zone, if anything is
 */
export function awaited(
  said: readonly SaidCopy[],
  told: ZoneReport | undefined,
): Extract<Urgency, 'arriving' | 'passing' | 'leaving'> | undefined {
  const heard = said.filter(({ copy }) => copy !== 'unheard').map(({ copy }) => copy as Said);
  if (heard.some((copy) => copy !== undefined && isBad(copy))) return undefined;
  const { serial } = heard[0] ?? {};
  const isMoving = heard.some((copy) => copy?.state !== 'Current' || copy.serial !== serial);
  if (!isMoving && said.length >= (told?.transfers.length ?? 0)) return undefined;
  const former = new Set(told?.transfers.map(whoIs));
  const isKnown = said.every((each) => former.has(whoIs(each)));
  if (isMoving) return isKnown ? 'passing' : 'arriving';
  return isKnown ? 'leaving' : undefined;
}

/** What a pod says of its copy; undefined: nothing yet. `unheard`: it does not answer, and only its server tells. */
export interface SaidCopy {
  readonly pod: string;
  readonly ip: string;
  readonly copy: Said | 'unheard';
}

type Said = Pick<CopyState, 'state' | 'serial'> | undefined;

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
