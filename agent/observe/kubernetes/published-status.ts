import type { Clock } from '../../clock.ts';
import { isObject } from '../../resources/got.ts';
import { dnsZoneStatus } from '../../resources/status-schema.ts';
import { reportFields } from '../status-document.ts';
import type { KubernetesApi } from './api.ts';
import type { RawObject } from './collection.ts';
import { type PublishedSchema, undeclared } from './declared.ts';
import { part, textOf } from './object-parts.ts';

export interface PublishedStatusOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** `bindy.firestoned.io/v1beta1` */
  readonly apiVersion: string;
}

/** `DNSZone.status` as the API server knows it. */
export interface Published {
  readonly schema: PublishedSchema;
  /** Paths of our fields that it lacks. */
  readonly missing: readonly string[];
}

/** How often it is looked whether the schema is another: often while something is missing, since somebody may be at it. */
const LACKING_MS = 10_000;
const COMPLETE_MS = 300_000;

const ours = { ...reportFields, allocated: true, writer: true };

/** What the cluster's own DNSZone can hold: it may be of another version than ours, or Bindy's. */
export class PublishedStatus {
  readonly #options: PublishedStatusOptions;
  /** The address of the schema, which has a hash of it. */
  #source = '';
  #published: Published | undefined;
  #due = 0;
  #reading: Promise<void> | undefined;

  constructor(options: PublishedStatusOptions) {
    this.#options = options;
  }

  /** As last read. */
  get last(): Published | undefined {
    return this.#published;
  }

  /** Undefined where the server does not tell: then everything is taken for declared. */
  async read(): Promise<Published | undefined> {
    if (this.#options.clock.monotonic() >= this.#due) {
      this.#reading ??= this.#readAgain().finally(() => {
        this.#reading = undefined;
      });
      await this.#reading;
    }
    return this.#published;
  }

  /** It is another by now. */
  forget(): void {
    this.#due = 0;
    this.#source = '';
  }

  async #readAgain(): Promise<void> {
    const source = await this.#sourceNow();
    if (source === undefined) this.#published = undefined;
    else if (source !== this.#source) this.#published = await this.#get(source);
    // Of servers that are not of one version, one may not have what another told of.
    this.#source = this.#published === undefined ? '' : (source ?? '');
    const complete = this.#published?.missing.length === 0;
    this.#due = this.#options.clock.monotonic() + (complete ? COMPLETE_MS : LACKING_MS);
  }

  async #sourceNow(): Promise<string | undefined> {
    const { api, apiVersion } = this.#options;
    const index = await api.request({ method: 'GET', path: '/openapi/v3' });
    if (!index.ok) return undefined;
    return textOf(part(part(index.body, 'paths'), `apis/${apiVersion}`)['serverRelativeURL']);
  }

  async #get(source: string): Promise<Published | undefined> {
    const { pathname, searchParams } = new URL(source, 'https://localhost');
    const query = Object.fromEntries(searchParams);
    const answer = await this.#options.api.request({ method: 'GET', path: pathname, query });
    if (!answer.ok) return undefined;
    const schema = this.#zoneIn(answer.body)?.properties?.['status'];
    if (schema === undefined) return undefined;
    const properties = Object.entries(dnsZoneStatus.properties).filter(([field]) => field in ours);
    const missing = undeclared({ properties: Object.fromEntries(properties) }, schema);
    return { schema, missing };
  }

  #zoneIn(document: RawObject): PublishedSchema | undefined {
    const [group, version] = this.#options.apiVersion.split('/');
    const isZone = (kind: unknown): boolean =>
      isObject(kind) &&
      kind['group'] === group &&
      kind['version'] === version &&
      kind['kind'] === 'DNSZone';
    const schemas = Object.values(part(part(document, 'components'), 'schemas'));
    return schemas.filter(isObject).find((schema) => {
      const kinds = schema['x-kubernetes-group-version-kind'];
      return Array.isArray(kinds) && kinds.some(isZone);
    });
  }
}
