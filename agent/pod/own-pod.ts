import { join } from 'node:path';
import { publishJson, readJson } from '../apply/state.ts';
import { WatchedFile } from '../observe/watched-file.ts';
import { parseLabels } from '../plan/labels-file.ts';
import type { Registration, Role } from '../plan/registration.ts';
import { describeSelf, type OwnInstance } from '../plan/self.ts';
import { failureOf, type TransientError } from '../problem.ts';
import { isObject } from '../resources/got.ts';
import { type Bind9Instance, type ObjectKey, objectKey } from '../resources/types.ts';
import type { AgentParts } from './parts.ts';
import { podFacts } from './settings.ts';

/** What the pod's `Bind9Instance` said in the last run; null: there was none. */
type Remembered = OwnInstance | null;

/** Who this pod is, and its registration. */
export class OwnPod {
  readonly #parts: AgentParts;
  /** The file that the kubelet keeps up to date. */
  readonly #labels: WatchedFile | undefined;
  #remembered: Remembered | undefined;
  /** As it is now. */
  #instance: Bind9Instance | undefined;
  #registers = true;
  #draining = false;
  /** Undefined while it is not known, or where nothing gives the pod a role. */
  #self: Registration | undefined;

  constructor(parts: AgentParts, changed: () => void) {
    const { labelsFile } = parts.options.pod;
    const failed = (error: unknown): void =>
      parts.log.warn({ err: error }, `${labelsFile} cannot be watched`);
    this.#parts = parts;
    this.#labels = labelsFile === '' ? undefined : new WatchedFile(labelsFile, changed, failed);
  }

  /** It is not to be seen by its peers. */
  hide(): void {
    this.#registers = false;
  }

  async read(): Promise<void> {
    await this.#labels?.read();
    const read = await readJson(this.#path, rememberedIn).catch(() => undefined);
    // What is damaged is as good as nothing: it is known when the resources are.
    if (read?.kind === 'read') this.#remembered = read.value;
  }

  /** What the pod is before the resources are read, as far as that can be known: by its options and labels, or by its last run. */
  get roleAtFirst(): Role | undefined {
    return describeSelf(this.#facts, this.#remembered ?? undefined)?.role;
  }

  async watch(signal: AbortSignal): Promise<void> {
    await this.#labels?.watch(this.#parts.clock, signal);
  }

  /**
   * A pod that serves what lies on its disk tells its peers where it is, by what it was in its last run: they look for it,
   * and to read all resources first takes longer than to serve the zones.
   */
  async return(): Promise<void> {
    if (this.#remembered === undefined) return;
    this.#self = describeSelf(this.#facts, this.#remembered ?? undefined);
    // What fails is tried again, and told, when the resources are known.
    await this.register(undefined);
  }

  describe(instances: ReadonlyMap<ObjectKey, Bind9Instance>): Registration | undefined {
    const facts = this.#facts;
    this.#instance = instances.get(objectKey(facts.namespace, facts.instance));
    this.#self = describeSelf(facts, this.#instance);
    return this.#now;
  }

  /** What the next run is to know of this one. Returns why it will not. */
  async keep(): Promise<TransientError | undefined> {
    const now = this.#instance === undefined ? null : ownInstance(this.#instance);
    if (JSON.stringify(now) === JSON.stringify(this.#remembered)) return undefined;
    const failure = await failureOf(publishJson(this.#path, now));
    if (failure === undefined) this.#remembered = now;
    return failure;
  }

  /**
   * Returns why its peers do not see it as it is.
   *
   * @param held the hash of the plan that the guard holds
   */
  async register(held: string | undefined): Promise<TransientError | undefined> {
    const now = this.#now;
    if (!this.#registers || now === undefined) return undefined;
    const { cluster } = this.#parts;
    return failureOf(cluster.register(held === undefined ? now : { ...now, held }));
  }

  /** It is about to go. */
  drain(held: string | undefined): Promise<TransientError | undefined> {
    this.#draining = true;
    return this.register(held);
  }

  get #now(): Registration | undefined {
    return this.#self && { ...this.#self, draining: this.#draining };
  }

  get #facts() {
    const { options, given, version } = this.#parts;
    return podFacts(options, given, version, parseLabels(this.#labels?.text ?? ''));
  }

  get #path(): string {
    return join(this.#parts.options.paths.state, 'instance.json');
  }
}

const ownInstance = ({ metadata: { labels }, spec: { role, clusterRef } }: OwnInstance) => ({
  metadata: { labels },
  spec: {
    ...(role === undefined ? {} : { role }),
    ...(clusterRef === undefined ? {} : { clusterRef }),
  },
});

function rememberedIn(value: unknown): Remembered | undefined {
  if (value === null) return null;
  if (!isObject(value) || !isObject(value['metadata']) || !isObject(value['spec']))
    return undefined;
  if (!isObject(value['metadata']['labels'])) return undefined;
  return value as unknown as OwnInstance;
}
