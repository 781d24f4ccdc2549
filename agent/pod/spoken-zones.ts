import type { ZoneReport } from '../report/zone-report.ts';
import type { ObjectKey } from '../resources/types.ts';

interface Spoken {
  /** What was published when the zone was last looked at. */
  readonly judged: ZoneReport | undefined;
  /** How often another pod has told of it since the zone's plan was last another. */
  readonly times: number;
}

/** Two that each believe to be the speaker of a zone give way to each other, for longer each time. */
const FIRST_WAY_MS = 5000;
const LONGEST_WAY_MS = 300_000;

/**
 * The zones that this pod speaks for. A pod that does not see all others may take itself for the speaker, and tell what is
 * not so: it is noticed here, and the zone looked at again.
 */
export class SpokenZones {
  readonly #zones = new Map<ObjectKey, Spoken>();

  /** The zone was looked at, against what was published of it. */
  judge(zone: ObjectKey, judged: ZoneReport | undefined): void {
    this.#zones.set(zone, { judged, times: this.#zones.get(zone)?.times ?? 0 });
  }

  /** Another pod speaks for it, or it is planned otherwise. */
  forget(zone: ObjectKey): void {
    this.#zones.delete(zone);
  }

  /** The zones of which another pod has told since, and in how many ms to look at them. */
  *overruled(
    self: string,
    published: (zone: ObjectKey) => ZoneReport | undefined,
  ): Generator<readonly [ObjectKey, number]> {
    for (const [zone, { judged, times }] of this.#zones) {
      const report = published(zone);
      if (report === undefined || report === judged || report.reportedBy === self) continue;
      this.#zones.set(zone, { judged: report, times: times + 1 });
      yield [zone, Math.min(LONGEST_WAY_MS, FIRST_WAY_MS * 2 ** times)];
    }
  }
}
