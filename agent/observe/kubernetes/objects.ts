import { type Clock, timestamp } from '../../clock.ts';
import type { Role } from '../../plan/registration.ts';
import type { Progress, SourceVersions } from '../../plan/source-versions.ts';
import type { Problem } from '../../problem.ts';
import { kindSchemas } from '../../resources/schema.ts';
import { apiGroup, isRecord, type ObjectKey, objectKey } from '../../resources/types.ts';
import { Texts } from '../../texts.ts';
import type { InvalidObject } from '../cluster.ts';
import type { LastGood, StandIns } from '../last-good.ts';
import type { KubernetesApi } from './api.ts';
import type { Change, RawObject } from './collection.ts';
import { ConfigMaps } from './config-maps.ts';
import { type KeeperOptions, type KeptObject, keepObject } from './kept-object.ts';
import { metadataOf } from './object-parts.ts';
import { Reflector, type ReflectorOptions, type ReflectorTimes } from './reflector.ts';
import { type ObjectViews, Snapshots } from './snapshots.ts';
import { isContent, ourKinds, pathsOf, reasonOf, type Source, type SourceKind } from './sources.ts';

export interface ObjectsOptions {
  readonly api: Pick<KubernetesApi, 'request' | 'watch'>;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** The pod's own. */
  readonly namespace: string;
  /** Those that are watched; an empty one stands for all. */
  readonly namespaces: readonly string[];
  /** Where last good versions outlive a run; without it they end with the run. */
  readonly lastGood?: LastGood;
  readonly times?: Partial<ReflectorTimes>;
  /** An object is used, but probably does not say what was meant. */
  readonly warn: (object: string, problems: readonly Problem[]) => void;
  /** @param matters to more than those who look for themselves: a report does not, nor that nothing has changed */
  readonly changed: (matters: boolean) => void;
}

/** The resources and their statuses, as the API server tells them. */
export class KubernetesObjects {
  readonly #options: ObjectsOptions;
  readonly #keeper: KeeperOptions;
  readonly #configMaps: readonly ConfigMaps[];
  readonly #ours: readonly Source[];
  readonly #ofConfigMaps: readonly Source[];
  /** Zones are rendered here. A secondary does without records and ConfigMaps, which are most of what there is. */
  #renders = true;
  /** Resolves as soon as records are needed, or nothing is any more. */
  readonly #recordsNeeded = Promise.withResolvers<void>();
  #running = false;
  readonly #snapshots: Snapshots;
  /** What an earlier run has kept, by kind. */
  #remembered: ReadonlyMap<string, StandIns> = new Map();
  /** The zones whose references to ConfigMaps are known, once all else was read. */
  #referring: ObjectViews['zones'] | undefined;
  /** The stand-ins as last found, and when they have to be looked for again. */
  #kept:
    | {
        readonly wrong: ObjectViews['wrong'];
        readonly read: number;
        readonly standIns: readonly StandIns[];
      }
    | undefined;

  constructor(options: ObjectsOptions) {
    const { namespaces, warn } = options;
    this.#options = options;
    this.#keeper = {
      texts: new Texts(),
      lastGood: (kind, key) =>
        this.#remembered.get(kind)?.objects.find((object) => object.key === key),
      warn,
    };
    this.#ours = namespaces.flatMap((namespace) =>
      ourKinds.map((kind) => {
        const keep: ReflectorOptions<KeptObject>['keep'] = (raw, identity, before) =>
          keepObject(raw, identity, before, this.#keeper);
        const reflector = new Reflector({ ...this.#reflect(kind, namespace), keep });
        return { name: this.#nameOf(kind, namespace), kind, reflector };
      }),
    );
    this.#configMaps = namespaces.map(
      (namespace) =>
        new ConfigMaps({ ...this.#reflect('ConfigMap', namespace), keeper: this.#keeper }),
    );
    this.#ofConfigMaps = this.#configMaps.map(({ reflector }, index): Source => {
      const name = this.#nameOf('ConfigMap', namespaces[index] ?? '');
      return { name, kind: 'ConfigMap', reflector };
    });
    this.#snapshots = new Snapshots([...this.#ours, ...this.#ofConfigMaps]);
  }

  /** See `Cluster`. Returns whether more is read than before; what is read stays so. */
  readFor(role: Role): boolean {
    const before = this.#renders;
    this.#renders = role !== 'secondary' || (this.#running && before);
    if (this.#renders === before) return false;
    this.#referring = undefined;
    if (this.#running) this.#recordsNeeded.resolve();
    return this.#renders;
  }

  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#recordsNeeded.resolve(), { once: true });
    const remembered = (await this.#options.lastGood?.read()) ?? [];
    this.#remembered = new Map(remembered.map((each) => [each.source, each]));
    this.#running = true;
    if (this.#renders || signal.aborted) this.#recordsNeeded.resolve();
    await Promise.all(
      this.#ours.map(async ({ kind, reflector }) => {
        if (isRecord(kind)) await this.#recordsNeeded.promise;
        await reflector.run(signal);
      }),
    );
    await Promise.all(this.#configMaps.map((each) => each.stopped()));
  }

  /** To be called when something has changed, before it is told: what it leads to here. */
  async settle(signal: AbortSignal): Promise<void> {
    const { zones } = this.views;
    if (this.#isRead && zones !== this.#referring) {
      this.#referring = zones;
      const wanted = this.#renders ? referredIn(zones.values()) : new Set<ObjectKey>();
      for (const each of this.#configMaps) each.want(wanted, signal);
    }
    const { lastGood } = this.#options;
    if (lastGood !== undefined && this.synced) await lastGood.keep(this.#standIns());
  }

  /** Everything that is needed was read once. */
  get synced(): boolean {
    return this.#referring === this.views.zones && this.#configMaps.every(({ synced }) => synced);
  }

  get views(): ObjectViews {
    return this.#snapshots.views;
  }

  get progress(): Progress {
    // Zones wait for ConfigMaps that could not be read, but no agreement on any other zone does.
    const content = this.#used.filter(
      ({ kind, reflector }) => isContent(kind) && reflector.state !== 'unread',
    );
    return {
      latest: versions(content, ({ collection }) => collection.latest || undefined),
      seen: versions(content, ({ collection }) => collection.seen),
    };
  }

  get invalid(): readonly InvalidObject[] {
    const unread = this.#used.filter(({ reflector }) => reflector.state === 'unread');
    const why = reasonOf(unread, ({ reflector }) => reflector.problem);
    const absent = this.#used.filter(({ reflector }) => reflector.state === 'absent');
    return [
      ...(why === undefined ? [] : [told('API server', why)]),
      ...absent.map(({ kind }) => told(definitionOf(kind), NOT_INSTALLED)),
      ...this.views.wrong,
    ];
  }

  /** Why what is kept may not be what is there now. */
  get stale(): string | undefined {
    return reasonOf(this.#used, staleness);
  }

  /** The same of that by which a zone may come to be missing; one whose ConfigMap is missing stays as it is. */
  get incomplete(): string | undefined {
    return reasonOf(this.#read, staleness);
  }

  /** Of a kind that the API server does not know any more, nothing is here, not even what was good. */
  get lost(): string | undefined {
    return reasonOf(this.#used, ({ kind, reflector }) =>
      reflector.state === 'absent' && this.#remembered.has(kind)
        ? 'the API server does not know this kind any more: its CRD is gone'
        : undefined,
    );
  }

  /** How long ago each source was last heard of, in seconds. */
  get ages(): ReadonlyMap<string, number> {
    const now = this.#options.clock.monotonic();
    return new Map(
      this.#used.map(({ name, reflector }) => [name, (now - reflector.heardAt) / 1000]),
    );
  }

  zone(key: ObjectKey): KeptObject | undefined {
    for (const { kind, reflector } of this.#ours) {
      const zone = kind === 'DNSZone' ? reflector.collection.items.get(key) : undefined;
      if (zone !== undefined) return zone;
    }
    return undefined;
  }

  /** A DNSZone that a write of ours was answered with, or that was read because of one. */
  put(zone: RawObject): void {
    const { namespace } = metadataOf(zone);
    const { namespaces } = this.#options;
    const index = namespaces.findIndex((each) => each === '' || each === namespace);
    const zones = this.#ours.filter(({ kind }) => kind === 'DNSZone');
    zones[index]?.reflector.collection.put(zone);
  }

  /** Those that are watched: ConfigMaps are not before a zone refers to one. */
  get #used(): readonly Source[] {
    const configMaps = this.#ofConfigMaps.filter((_, index) => this.#configMaps[index]?.used);
    return [...this.#read, ...configMaps];
  }

  /** Of ours. */
  get #read(): readonly Source[] {
    return this.#renders ? this.#ours : this.#ours.filter(({ kind }) => !isRecord(kind));
  }

  get #isRead(): boolean {
    return this.#read.every(({ reflector }) => reflector.state !== 'unread');
  }

  #nameOf(kind: SourceKind, namespace: string): string {
    return namespace === this.#options.namespace ? kind : `${kind}/${namespace || '*'}`;
  }

  #reflect(kind: SourceKind, namespace: string) {
    const { api, clock, random, times = {}, changed } = this.#options;
    return {
      ...{ api, clock, random, times, paths: pathsOf(kind, namespace) },
      counts: isAnother,
      onItem: (change: Change<KeptObject>): void => {
        this.#snapshots.note(kind, change);
        changed(isAnother(change.before, change.now) || isAgreedAnew(change));
      },
      onState: (matters: boolean): void => changed(matters),
    };
  }

  /** The last good versions of what is wrong, of each kind that was read; and what is remembered of those that are lost. */
  #standIns(): readonly StandIns[] {
    const { wrong } = this.views;
    const read = this.#ours.filter(({ reflector }) => reflector.state === 'read').length;
    if (this.#kept?.wrong !== wrong || this.#kept.read !== read)
      this.#kept = { wrong, read, standIns: this.#findStandIns() };
    return this.#kept.standIns;
  }

  #findStandIns(): readonly StandIns[] {
    return ourKinds.flatMap((source): StandIns[] => {
      const sources = this.#ours.filter(({ kind }) => kind === source);
      if (!sources.some(({ reflector }) => reflector.state === 'read'))
        return [this.#remembered.get(source) ?? []].flat();
      const objects = sources.flatMap(({ reflector }) =>
        [...reflector.collection.items.values()].flatMap(({ wrong, object }) =>
          wrong === undefined || object === undefined ? [] : [object],
        ),
      );
      return [{ source, whole: true, objects }];
    });
  }
}

function staleness({ reflector: { state, problem, staleSince } }: Source): string | undefined {
  if (state === 'unread' || problem === undefined) return problem;
  return `not up to date since ${timestamp(staleSince ?? 0)}: ${problem}`;
}

const NOT_INSTALLED =
  'the API server does not know this kind: want its CRD, as `bind9-agent manifests` prints it';

const definitionOf = (kind: SourceKind): string =>
  kind === 'ConfigMap' ? kind : `CustomResourceDefinition ${kindSchemas[kind].plural}.${apiGroup}`;

const told = (object: string, problem: string): InvalidObject => ({
  object,
  problems: [{ path: '', problem }],
});

function versions(
  sources: readonly Source[],
  versionOf: (reflector: Source['reflector']) => number | undefined,
): SourceVersions {
  return Object.fromEntries(
    sources.flatMap(({ name, reflector }) => {
      const version = versionOf(reflector);
      return version === undefined ? [] : [[name, version] as const];
    }),
  );
}

/** Something was said anew that zones are rendered from, or that cannot be. */
const isAnother = (before: KeptObject | undefined, now: KeptObject | undefined): boolean =>
  before?.object !== now?.object || before?.wrong !== now?.wrong;

const isAgreedAnew = ({ before, now }: Change<KeptObject>): boolean =>
  before?.uid !== now?.uid ||
  before?.status?.allocated?.serial !== now?.status?.allocated?.serial ||
  before?.status?.allocated?.contentHash !== now?.status?.allocated?.contentHash ||
  before?.status?.writer !== now?.status?.writer;

function referredIn(zones: ReturnType<ObjectViews['zones']['values']>): ReadonlySet<ObjectKey> {
  const keys = new Set<ObjectKey>();
  for (const { metadata, spec } of zones) {
    const name = spec.zoneFileFrom?.configMapKeyRef.name;
    if (name !== undefined) keys.add(objectKey(metadata.namespace, name));
  }
  return keys;
}
