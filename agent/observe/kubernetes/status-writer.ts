import { type Clock, timestamp } from '../../clock.ts';
import { TransientError } from '../../problem.ts';
import type { ZoneReport } from '../../report/zone-report.ts';
import { isObject } from '../../resources/got.ts';
import { type ObjectKey, partsOfKey } from '../../resources/types.ts';
import type { Cluster, InvalidObject, Written, ZoneStatus } from '../cluster.ts';
import type { KubernetesApi } from './api.ts';
import type { Refusal } from './api-answer.ts';
import type { RawObject } from './collection.ts';
import { type Agreed, fitAgreed, fitReport } from './fit-status.ts';
import { metadataOf } from './object-parts.ts';
import { type Published, PublishedStatus } from './published-status.ts';

/** A DNSZone as last read. */
export interface KnownZone {
  readonly uid: string;
  readonly status: ZoneStatus;
}

export interface StatusWriterOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  /** The version of the API in which zones are read and written. Default `bindy.firestoned.io/v1beta1`. */
  readonly apiVersion?: string;
  readonly zone: (zone: ObjectKey) => KnownZone | undefined;
  /** Takes a DNSZone that a write was answered with, or that was read because of one. */
  readonly wrote: (zone: RawObject) => void;
  readonly clock: Clock;
  /** What cannot be written is something else than before. */
  readonly changed: () => void;
}

type Manager = 'bind9-agent' | 'bind9-agent-serial';
/** The fields of one manager, all of them: what an apply leaves out is removed. */
type Fields = (published: Published | undefined) => RawObject;

const CONFLICT: Written = { kind: 'conflict' };

/**
 * Writes `DNSZone.status` by server-side apply. Two managers: one owns what the primaries agree on, the other the report.
 * Each write carries the resourceVersion and the uid of the zone as it was read: the API server compares the first, and
 * with it a zone that was made anew under the name is told from the one that was meant.
 */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #apiVersion: string;
  readonly #published: PublishedStatus;
  #problems: readonly InvalidObject[] = [];

  constructor(options: StatusWriterOptions) {
    const { api, clock, apiVersion = 'bindy.firestoned.io/v1beta1' } = options;
    this.#options = options;
    this.#apiVersion = apiVersion;
    this.#published = new PublishedStatus({ api, clock, apiVersion });
  }

  /** What of the statuses cannot be written, and why. */
  get invalid(): readonly InvalidObject[] {
    return this.#problems;
  }

  agree(...[zone, at, fields]: Parameters<Cluster['agree']>): ReturnType<Cluster['agree']> {
    return this.#write(zone, at, 'bind9-agent-serial', (published, { status }) => {
      const { allocated = status.allocated, writer = status.writer } = fields;
      const agreed: Agreed = { ...(allocated && { allocated }), ...(writer && { writer }) };
      const now = timestamp(this.#options.clock.now());
      return published === undefined ? { ...agreed } : fitAgreed(agreed, published, status, now);
    });
  }

  report(zone: ObjectKey, at: string | undefined, report: ZoneReport): Promise<Written> {
    return this.#write(zone, at, 'bind9-agent', (published, { status }) =>
      published === undefined ? { ...report } : fitReport(report, published, status),
    );
  }

  async #write(
    zone: ObjectKey,
    at: string | undefined,
    manager: Manager,
    fieldsOf: (published: Published | undefined, known: KnownZone) => RawObject,
  ): Promise<Written> {
    const known = this.#options.zone(zone);
    if (known === undefined || known.status.version !== at) return CONFLICT;
    try {
      const written = await this.#apply(zone, known, manager, (published) =>
        fieldsOf(published, known),
      );
      this.#tell(undefined);
      return written;
    } catch (error) {
      if (error instanceof RefusedError) this.#tell(error.message);
      throw error;
    }
  }

  async #apply(
    zone: ObjectKey,
    known: KnownZone,
    manager: Manager,
    fields: Fields,
  ): Promise<Written> {
    const published = await this.#published.read();
    const answer = await this.#request(zone, known, manager, fields(published));
    if (answer.ok) {
      this.#options.wrote(answer.body);
      return { kind: 'written', version: String(metadataOf(answer.body)['resourceVersion']) };
    }
    if (answer.code === 409 || answer.code === 404) return this.#late(zone, known, answer.code);
    if (isUndeclared(answer)) this.#published.forget();
    throw new RefusedError(
      `the API server refuses the status of DNSZone ${zone}: ${answer.message}`,
    );
  }

  /**
   * Newer than was known, or gone. Without reading it, the next try would come too late as well.
   *
   * @throws TransientError where it cannot be read, so that it is not tried again at once
   */
  async #late(zone: ObjectKey, known: KnownZone, code: number): Promise<Written> {
    const found = await this.#read(zone);
    if (found !== undefined && code === 404 && metadataOf(found)['uid'] === known.uid)
      throw new RefusedError(
        'the API server has DNSZones, but no status of them: want the subresource status in their CRD',
      );
    if (found !== undefined) this.#options.wrote(found);
    return CONFLICT;
  }

  /** As a list of one: who may list zones need not have the right to get one. */
  async #read(zone: ObjectKey): Promise<RawObject | undefined> {
    const { namespace, name } = partsOfKey(zone);
    const path = this.#zonesIn(namespace);
    const query = { fieldSelector: `metadata.name=${name}` };
    const answer = await this.#options.api.request({ method: 'GET', path, query });
    if (!answer.ok) throw new TransientError(answer.message);
    const [found] = Array.isArray(answer.body['items']) ? answer.body['items'] : [];
    // The items of a list do not say what they are.
    return isObject(found)
      ? { apiVersion: this.#apiVersion, kind: 'DNSZone', ...found }
      : undefined;
  }

  #zonesIn(namespace: string): string {
    return `/apis/${this.#apiVersion}/namespaces/${namespace}/dnszones`;
  }

  #request(zone: ObjectKey, { uid, status }: KnownZone, manager: Manager, fields: RawObject) {
    const { namespace, name } = partsOfKey(zone);
    return this.#options.api.request({
      method: 'PATCH',
      path: `${this.#zonesIn(namespace)}/${name}/status`,
      query: { fieldManager: manager, force: 'true' },
      contentType: 'apply',
      body: {
        apiVersion: this.#apiVersion,
        kind: 'DNSZone',
        metadata: { name, namespace, uid, resourceVersion: status.version },
        status: fields,
      },
    });
  }

  #tell(refusal: string | undefined): void {
    const missing = this.#published.last?.missing ?? [];
    const problems: InvalidObject[] = [];
    if (missing.length > 0)
      problems.push({
        object: 'CustomResourceDefinition dnszones.bindy.firestoned.io',
        // One sentence, that is one Event at each pod, and not one for each field.
        problems: [
          {
            path: 'status',
            problem: `want it to declare ${missing.join(', ')}; these are not told`,
          },
        ],
      });
    if (refusal !== undefined)
      problems.push({ object: 'status of DNSZones', problems: [{ path: '', problem: refusal }] });
    if (JSON.stringify(problems) === JSON.stringify(this.#problems)) return;
    this.#problems = problems;
    this.#options.changed();
  }
}

/** The server has something against the write that another try will not change. */
class RefusedError extends TransientError {}

const isUndeclared = ({ message }: Refusal): boolean =>
  message.includes('field not declared in schema');
