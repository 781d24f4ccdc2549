import type { Clock } from '../../clock.ts';
import type { Registration } from '../../plan/registration.ts';
import { TransientError } from '../../problem.ts';
import type { RegistrationPlace } from '../own-registration.ts';
import type { KubernetesApi } from './api.ts';
import type { ApiAnswer, Refusal } from './api-answer.ts';
import { identify, type RawObject } from './collection.ts';
import { holderOf, leaseName, leaseOf } from './lease.ts';
import { metadataOf } from './object-parts.ts';

export interface OwnLeaseOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly namespace: string;
  /** The uid of the Pod object, where it is known: the Lease goes with it. */
  readonly ownerUid: string | undefined;
  readonly durationSeconds: number;
  readonly clock: Clock;
}

/** The Lease as last seen, in an answer or by the watch. */
interface Known {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly version: number;
  readonly holder: string;
}

/** How long a write that came second waits to be told by the watch what came first. */
const NEWS_MS = 1000;
const NEWS_POLL_MS = 20;
const TRIES = 3;
/** A Lease that is gone so soon after it was made has been collected: its owner is not there. */
const SHORT_LIVED_MS = 5000;
const LONGEST_PAUSE_MS = 30_000;

/**
 * The Lease of this pod. Every write carries the version that it must find, so that it never hits the Lease of a successor
 * of the same name; an agent has no right to read a Lease by itself, so what came in between is told by the watch.
 */
export class OwnLease implements RegistrationPlace {
  readonly #options: OwnLeaseOptions;
  #known: Known | undefined;
  #madeAt = Number.NEGATIVE_INFINITY;
  /** How often in a row the Lease was gone as soon as it was made. */
  #shortLived = 0;

  constructor(options: OwnLeaseOptions) {
    this.#options = options;
  }

  /** It stands so at the API server. An older version than the known one is no news. */
  saw(lease: RawObject): void {
    const { version } = identify(lease);
    if (version < (this.#known?.version ?? 0)) return;
    const { uid, resourceVersion } = metadataOf(lease);
    const holder = holderOf(lease) ?? '';
    this.#known = { uid: String(uid), resourceVersion: String(resourceVersion), version, holder };
  }

  /** It was deleted. @param version of the deletion, where it is known: an older one than the known Lease is no news */
  sawGone(version: number = Number.POSITIVE_INFINITY): void {
    if (this.#known === undefined || version < this.#known.version) return;
    this.#known = undefined;
    const age = this.#options.clock.monotonic() - this.#madeAt;
    this.#shortLived = age < SHORT_LIVED_MS ? this.#shortLived + 1 : 0;
  }

  async holder(): Promise<string | undefined> {
    return this.#known?.holder;
  }

  async publish(registration: Registration, takeOver: boolean): Promise<string | undefined> {
    for (let tries = 0; tries < TRIES; tries++) {
      const at = takeOver ? undefined : this.#known;
      if (at !== undefined && at.holder !== registration.uid) return at.holder;
      if (await this.#write(registration, at)) return undefined;
    }
    throw new TransientError(
      `Lease ${leaseName(registration.pod)} is changed by somebody else again and again`,
    );
  }

  /** False: it is not so any more. */
  async #write(registration: Registration, at: Known | undefined): Promise<boolean> {
    const makes = this.#known === undefined;
    if (makes) this.#mindOwner(registration);
    const answer = await this.#apply(registration, at);
    if (answer.ok) {
      if (makes) this.#madeAt = this.#options.clock.monotonic();
      this.saw(answer.body);
    } else if (at !== undefined && isMissing(answer)) this.sawGone();
    else if (answer.code === 409) await this.#news(registration, at);
    else throw refused(registration, answer);
    return answer.ok;
  }

  async remove(registration: Registration): Promise<void> {
    for (let tries = 0; tries < TRIES; tries++) {
      const at = this.#known;
      if (at === undefined || at.holder !== registration.uid) return;
      const { uid, resourceVersion } = at;
      const answer = await this.#options.api.request({
        method: 'DELETE',
        path: this.#pathOf(registration),
        body: { apiVersion: 'v1', kind: 'DeleteOptions', preconditions: { uid, resourceVersion } },
      });
      if (answer.ok || answer.code === 404) {
        this.#known = undefined;
        return;
      }
      if (answer.code !== 409) throw refused(registration, answer);
      await this.#news(registration, at);
    }
  }

  #apply(registration: Registration, at: Known | undefined): Promise<ApiAnswer> {
    const { api, ownerUid, durationSeconds, clock } = this.#options;
    const lease = leaseOf(registration, { ownerUid, durationSeconds, renewedAt: clock.now() });
    const { uid, resourceVersion } = at ?? {};
    return api.request({
      method: 'PATCH',
      path: this.#pathOf(registration),
      query: { fieldManager: 'bind9-agent', force: 'true' },
      contentType: 'apply',
      body: { ...lease, metadata: { ...metadataOf(lease), uid, resourceVersion } },
    });
  }

  /** Waits until something else than this is known of the Lease. */
  async #news({ pod }: Registration, at: Known | undefined): Promise<void> {
    const { clock } = this.#options;
    const deadline = clock.monotonic() + NEWS_MS;
    while (this.#known === at && clock.monotonic() < deadline) await clock.sleep(NEWS_POLL_MS);
    if (this.#known === at)
      throw new TransientError(
        `Lease ${leaseName(pod)} was changed by somebody else, and the watch does not tell by whom`,
      );
  }

  /** A Lease whose owner is not there is collected within a tenth of a second: to make it again and again helps nobody. */
  #mindOwner({ pod }: Registration): void {
    const { clock, ownerUid, namespace } = this.#options;
    if (this.#shortLived < TRIES) return;
    const pause = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** (this.#shortLived - TRIES));
    if (clock.monotonic() - this.#madeAt >= pause) return;
    throw new TransientError(
      `Lease ${namespace}/${leaseName(pod)} is gone as soon as it is made; want pod.uid to be the uid of Pod ${namespace}/${pod}, got ${ownerUid ?? 'none'}`,
    );
  }

  #pathOf({ pod }: Registration): string {
    const { namespace } = this.#options;
    return `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases/${leaseName(pod)}`;
  }
}

/** A write that names a uid does not make the object; the server says so as a conflict. */
const isMissing = ({ code, message }: Refusal): boolean =>
  code === 404 || (code === 409 && message.includes('no existing object was found'));

const refused = ({ pod }: Registration, { code, message }: Refusal): TransientError =>
  new TransientError(`Lease ${leaseName(pod)} cannot be written: ${message} (HTTP ${code})`);
