import { stat } from 'node:fs/promises';
import type { DomainName } from '../dns/name.ts';
import { isNewer, newest, nextSerial, type Serial } from '../dns/serial.ts';
import type { Logger } from '../log.ts';
import type { Cluster } from '../observe/cluster.ts';
import type { Target } from '../plan/action.ts';
import type { PrimaryPlan, SecondaryPlan, ZonePlan } from '../plan/plan-zone.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { isLive, type Pod } from '../plan/topology.ts';
import type { SoaProbe } from '../plan/transfer-probe.ts';
import type { ObjectKey } from '../resources/types.ts';

export interface WriterDeps {
  readonly cluster: Pick<Cluster, 'agree' | 'view'>;
  readonly self: string;
  readonly log: Logger;
  readonly fileOf: (zone: DomainName) => string;
  readonly serialHere: (zone: DomainName) => Promise<Serial | undefined>;
  readonly soaAt: (pod: Pod, zone: DomainName) => Promise<SoaProbe>;
  readonly transferFrom: (pod: Pod, zone: DomainName) => Promise<Target | undefined>;
  readonly again: (ms: number) => void;
}

/** May the zone be served here as its writer, and with which first content. */
export type WriterTurn = Target | 'on-disk' | 'not-ours-yet' | 'served';

interface Copy {
  readonly pod: Pod;
  readonly serial: Serial;
}

const RETRY_MS = 1000;
const CATCH_UP_MS = 100;

/**
 * A zone that others write (RFC 2136) has one writer, recorded in its status. The agent gives it its first content: what
 * lies on disk, else what any peer still serves, else what the resources say. After that only named writes it. When the
 * writer is gone, the next one first fetches what a peer has newer than itself.
 */
export class Writers {
  readonly #deps: WriterDeps;
  readonly #ahead = new Map<ObjectKey, string>();

  constructor(deps: WriterDeps) {
    this.#deps = deps;
  }

  /** Peers to be followed until this pod has what they have, by the zone that it is about to become the writer of. */
  get ahead(): ReadonlyMap<ObjectKey, string> {
    return this.#ahead;
  }

  async turn(plan: PrimaryPlan, served: ServedZone | undefined): Promise<WriterTurn> {
    if (plan.claim && served !== undefined && (await this.#isBehind(plan))) return 'not-ours-yet';
    if (plan.claim && !(await this.#claim(plan))) return 'not-ours-yet';
    if (served !== undefined) return 'served';
    const file = await stat(this.#deps.fileOf(plan.zone)).catch(() => undefined);
    return file === undefined ? this.#firstContent(plan) : 'on-disk';
  }

  /** Looks whether the peers that are followed are still ahead. */
  async catchUp(plans: ReadonlyMap<ObjectKey, ZonePlan>): Promise<void> {
    const { again } = this.#deps;
    for (const [zone, peer] of [...this.#ahead]) {
      const plan = plans.get(zone);
      const copy =
        plan?.kind === 'secondary'
          ? await this.#newerCopy(plan, (pod) => pod.pod === peer)
          : undefined;
      if (copy === undefined) this.#ahead.delete(zone);
      again(copy === undefined ? 0 : CATCH_UP_MS);
    }
  }

  async #isBehind(plan: PrimaryPlan): Promise<boolean> {
    const copy = await this.#newerCopy(plan, () => true);
    if (copy === undefined) return false;
    const { log, again } = this.#deps;
    const { pod } = copy.pod;
    log.info({ zone: plan.zone, from: pod, serial: copy.serial }, 'fetches the last updates first');
    this.#ahead.set(plan.object.key, pod);
    again(0);
    return true;
  }

  /** The newest copy among some peers, where it is newer than ours. */
  async #newerCopy(
    plan: PrimaryPlan | SecondaryPlan,
    which: (pod: Pod) => boolean,
  ): Promise<Copy | undefined> {
    const [here, { ahead }] = await Promise.all([
      this.#deps.serialHere(plan.zone),
      this.#askPeers(plan, (pod) => isLive(pod) && which(pod)),
    ]);
    if (ahead === undefined || here === undefined) return ahead;
    return isNewer(ahead.serial, here) ? ahead : undefined;
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

  /** A writer that lost its disk must not start over while a peer has the zone, or may have it. */
  async #firstContent(plan: PrimaryPlan): Promise<WriterTurn> {
    const { transferFrom, cluster } = this.#deps;
    // Also one that has not renewed its registration for a while: it may come back, with all that it has.
    const { ahead, silent } = await this.#askPeers(plan, () => true);
    if (ahead !== undefined) {
      const taken = await transferFrom(ahead.pod, plan.zone);
      return taken ?? this.#wait(plan, `${ahead.pod.pod} has it and does not give it`);
    }
    const { report, allocated } = cluster.view().statuses.get(plan.object.key) ?? {};
    const prior = newest(report?.serial, allocated?.serial);
    return prior !== undefined && silent.length > 0
      ? this.#wait(
          plan,
          `${silent.map(({ pod }) => pod).join(', ')} may have it and cannot be asked`,
        )
      : firstContent(plan, prior);
  }

  #wait(plan: PrimaryPlan, why: string): 'not-ours-yet' {
    const { log, again } = this.#deps;
    log.warn({ zone: plan.zone, reason: why }, 'the zone waits for its content');
    again(RETRY_MS);
    return 'not-ours-yet';
  }

  async #askPeers(
    { placement, zone }: PrimaryPlan | SecondaryPlan,
    which: (pod: Pod) => boolean,
  ): Promise<{ readonly ahead: Copy | undefined; readonly silent: readonly Pod[] }> {
    const { self, soaAt } = this.#deps;
    const peers = [...placement.primaries, ...placement.secondaries].filter(
      (pod) => pod.pod !== self && which(pod),
    );
    const silent: Pod[] = [];
    let ahead: Copy | undefined;
    const ask = async (pod: Pod): Promise<void> => {
      const answer = await soaAt(pod, zone);
      if (answer.kind === 'timeout' || answer.kind === 'unreachable') silent.push(pod);
      if (answer.kind !== 'soa') return;
      if (ahead === undefined || isNewer(answer.serial, ahead.serial))
        ahead = { pod, serial: answer.serial };
    };
    await Promise.all(peers.map(ask));
    return { ahead, silent };
  }
}

/** @param prior the newest serial that the zone is known to have been served under */
const firstContent = ({ content, floor }: PrimaryPlan, prior: Serial | undefined): Target => ({
  content,
  serial: nextSerial({ prior, floor }),
});
