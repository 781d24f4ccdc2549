import { stat } from 'node:fs/promises';
import type { DomainName } from '../dns/name.ts';
import { isNewer, nextSerial, type Serial } from '../dns/serial.ts';
import type { Logger } from '../log.ts';
import type { Cluster } from '../observe/cluster.ts';
import type { Target } from '../plan/action.ts';
import type { PrimaryPlan } from '../plan/plan-zone.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { isLive, type Pod } from '../plan/topology.ts';

export interface WriterDeps {
  readonly cluster: Pick<Cluster, 'agree' | 'view'>;
  readonly self: string;
  readonly log: Logger;
  readonly fileOf: (zone: DomainName) => string;
  readonly serialAt: (pod: Pod, zone: DomainName) => Promise<Serial | undefined>;
  readonly transferFrom: (pod: Pod, zone: DomainName) => Promise<Target | undefined>;
  readonly again: (ms: number) => void;
}

/** May the zone be served here as its writer, and with which first content. */
export type WriterTurn = Target | 'on-disk' | 'not-ours-yet' | 'served';

const RETRY_MS = 1000;

/**
 * A zone that others write (RFC 2136) has one writer, recorded in its status. The agent gives it its first content: what
 * lies on disk, else what any peer still serves, else what the resources say. After that only named writes it.
 */
export class Writers {
  readonly #deps: WriterDeps;

  constructor(deps: WriterDeps) {
    this.#deps = deps;
  }

  async turn(plan: PrimaryPlan, served: ServedZone | undefined): Promise<WriterTurn> {
    if (plan.claim && !(await this.#claim(plan))) return 'not-ours-yet';
    if (served !== undefined) return 'served';
    const file = await stat(this.#deps.fileOf(plan.zone)).catch(() => undefined);
    if (file !== undefined) return 'on-disk';
    return (await this.#fromPeers(plan)) ?? firstContent(plan);
  }

  async #claim(plan: PrimaryPlan): Promise<boolean> {
    const { cluster, self, log, again } = this.#deps;
    const zone = plan.object.key;
    try {
      const at = cluster.view().statuses.get(zone)?.version;
      const written = await cluster.agree(zone, at, { writer: self });
      if (written.kind === 'conflict') again(20);
      return written.kind === 'written';
    } catch (error) {
      log.warn({ zone, err: error }, 'this pod could not be recorded as the writer of the zone');
      again(RETRY_MS);
      return false;
    }
  }

  /** The newest copy among the peers: a writer that lost its disk must not start over. */
  async #fromPeers(plan: PrimaryPlan): Promise<Target | undefined> {
    const { self, serialAt, transferFrom } = this.#deps;
    const { primaries, secondaries } = plan.placement;
    const peers = [...primaries, ...secondaries].filter((pod) => isLive(pod) && pod.pod !== self);
    const serials = await Promise.all(peers.map((pod) => serialAt(pod, plan.zone)));
    let newest: { pod: Pod; serial: Serial } | undefined;
    peers.forEach((pod, i) => {
      const serial = serials[i];
      if (serial !== undefined && (newest === undefined || isNewer(serial, newest.serial)))
        newest = { pod, serial };
    });
    return newest === undefined ? undefined : transferFrom(newest.pod, plan.zone);
  }
}

const firstContent = ({ content, floor }: PrimaryPlan): Target => ({
  content,
  serial: nextSerial(floor === undefined ? {} : { floor }),
});
