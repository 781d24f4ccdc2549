import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Role } from '../../agent/plan/registration.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { openPlaces, type Places } from './addresses.ts';
import { type Bind, systemBind } from './bind-versions.ts';
import { agentProgram } from './bundle.ts';
import { type DnsEye, withEye } from './dns.ts';
import type { QueryType } from './dns-wire.ts';
import { directoryHome, type Home } from './home.ts';
import { writeKey } from './keys.ts';
import { kubernetesHome } from './kubernetes-home.ts';
import { type Ledger, openLedger } from './ledger.ts';
import {
  type HostRecords,
  hostManifest,
  instanceManifest,
  objectName,
  zoneManifest,
} from './manifests.ts';
import { Pod, type PodSpec } from './pod.ts';
import { untilServed, type Wanted } from './sweep.ts';
import { until } from './until.ts';

export interface RigOptions {
  /** An API server that has our CRDs, for resources and registrations; default: a folder that the pods share. */
  readonly plane?: ControlPlane;
  /** Default 1. */
  readonly primaries?: number;
  /** Default 2. */
  readonly secondaries?: number;
  /** The cluster's name, default `demo`. */
  readonly cluster?: string;
  /** Names of the two instances, from which pods get theirs (`secondary-0`); default `primary`, `secondary`. */
  readonly instances?: Readonly<Record<Role, string>>;
  /** Whether the pods share a TSIG key, default yes. */
  readonly keyed?: boolean;
  /** The agent from source (default) or as a bundle. */
  readonly agent?: 'source' | 'bundle';
  /** Default: the machine's own. */
  readonly bind?: Bind;
  /** More options for every agent, by option path. */
  readonly settings?: Readonly<Record<string, string>>;
  /** More options for one agent, over those. */
  readonly settingsOf?: (pod: string) => Readonly<Record<string, string>>;
  readonly restartsNamed?: boolean;
  /** Default: addresses where we may add them. */
  readonly places?: Places['kind'];
}

/** What tells one pod of a rig from the others. */
export type PodWish = Pick<PodSpec, 'name' | 'instance' | 'role' | 'cluster' | 'settings'>;

/**
 * A cluster on this machine: pods of real named and their agents that share a folder of manifests, or an API server.
 * Made with all pods down; see `startRig`.
 */
export class Rig {
  readonly cluster: string;
  readonly home: Home;
  readonly #pods: Map<string, Pod>;
  readonly places: Places;
  /** The TSIG key file that the pods share. */
  readonly clusterKey: string | undefined;
  readonly #ledger: Ledger;
  readonly #makePod: (wish: PodWish) => Promise<Pod>;

  constructor(parts: {
    readonly cluster: string;
    readonly home: Home;
    readonly pods: readonly Pod[];
    readonly places: Places;
    readonly clusterKey: string | undefined;
    readonly ledger: Ledger;
    readonly makePod: (wish: PodWish) => Promise<Pod>;
  }) {
    this.cluster = parts.cluster;
    this.home = parts.home;
    this.#pods = new Map(parts.pods.map((pod) => [pod.name, pod]));
    this.places = parts.places;
    this.clusterKey = parts.clusterKey;
    this.#ledger = parts.ledger;
    this.#makePod = parts.makePod;
  }

  get pods(): ReadonlyMap<string, Pod> {
    return this.#pods;
  }

  /** Everything of this run; gone after `close()`. */
  get folder(): string {
    return this.#ledger.folder;
  }

  /** The folder that the pods share: `manifests/`, `peers/`, `status/`. */
  get clusterFolder(): string {
    return join(this.folder, 'cluster');
  }

  get manifests(): string {
    return join(this.clusterFolder, 'manifests');
  }

  pod(name: string): Pod {
    const pod = this.pods.get(name);
    if (pod === undefined) throw new Error(`no pod ${name}, only ${[...this.pods.keys()]}`);
    return pod;
  }

  /** One more pod; it is down. */
  async add(wish: PodWish): Promise<Pod> {
    const pod = await this.#makePod(wish);
    this.#pods.set(pod.name, pod);
    return pod;
  }

  /** Deletes a pod for good. */
  async remove(name: string): Promise<void> {
    const pod = this.pod(name);
    this.#pods.delete(name);
    await pod.remove();
  }

  /** Pods of one role, in the order of their names. */
  podsOf(role: Role): Pod[] {
    return [...this.pods.values()].filter(({ spec }) => spec.role === role);
  }

  /** Starts every pod at once; resolves when each named was started. */
  async start(): Promise<void> {
    await Promise.all([...this.pods.values()].map((pod) => pod.start()));
  }

  /** Waits until every agent says that it is ready. */
  async ready(withinMs?: number): Promise<void> {
    await Promise.all([...this.pods.values()].map((pod) => pod.ready(withinMs)));
  }

  /** Writes (or replaces) a zone with its A and AAAA records, in a manifest file of its own. */
  async zone(
    zone: string,
    hosts: HostRecords = {},
    spec: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    const text = zoneManifest({ zone, cluster: this.cluster, hosts, spec });
    await this.home.put(objectName(zone), text);
  }

  /** Writes one A or AAAA record into a manifest file of its own. */
  async host(zone: string, name: string, data: string | readonly string[]): Promise<void> {
    const file = `${objectName(zone)}--${objectName(name)}`;
    await this.home.put(file, hostManifest(zone, name, data));
  }

  /** Writes any manifest, or removes it where there is no text. */
  async manifest(name: string, text: string | undefined): Promise<void> {
    await this.home.put(name, text);
  }

  /** The serial that a pod answers with authority. */
  async serial(pod: string, zone: string): Promise<number | undefined> {
    return this.#look(pod, (eye) => eye.serial(zone));
  }

  /** The data that a pod answers with authority, sorted; [] for a name or type that does not exist. */
  async data(pod: string, name: string, type: QueryType = 'A'): Promise<string[] | undefined> {
    return this.#look(pod, (eye) => eye.data(name, type));
  }

  /** Waits until these pods (all, by default) serve these zones at these serials. */
  async served(wanted: Wanted, pods = [...this.pods.keys()], withinMs?: number): Promise<void> {
    const options = withinMs === undefined ? {} : { withinMs };
    await Promise.all(pods.map((pod) => untilServed(this.pod(pod).place, wanted, options)));
  }

  /** Waits until every pod answers this with authority, then tells the serial, which must be the same everywhere. */
  async agreed(zone: string, withinMs = 30_000): Promise<number> {
    const pods = [...this.pods.keys()];
    const serial = await until(
      async () => {
        const serials = await Promise.all(pods.map((pod) => this.serial(pod, zone)));
        return new Set(serials).size === 1 ? serials[0] : undefined;
      },
      { what: `one serial of ${zone} at ${pods.join(', ')}`, withinMs },
    );
    if (serial === undefined) throw new Error('unreachable: until() returns what is truthy');
    return serial;
  }

  /** The ends of all logs. */
  tails(lines?: number): string {
    return [...this.pods.values()].map((pod) => pod.tails(lines)).join('\n');
  }

  /** Stops every process at once, takes the addresses back and removes the folder (unless it is to be looked at). */
  async close({ keepFolder = false }: { readonly keepFolder?: boolean } = {}): Promise<void> {
    await Promise.all([...this.pods.values()].map((pod) => pod.kill()));
    this.#ledger.sweep({ keepFolder });
  }

  #look<T>(pod: string, look: (eye: DnsEye) => Promise<T>): Promise<T> {
    return withEye(this.pod(pod).place, look);
  }
}

/** A rig with all pods down, for a test that wants something in place before they start. */
export async function makeRig(options: RigOptions = {}): Promise<Rig> {
  const { cluster = 'demo', keyed = true } = options;
  const bind = options.bind ?? (await ownBind());
  const agent = await agentProgram(options.agent ?? 'source');
  const ledger = openLedger();
  const places = await openPlaces(ledger, options.places);
  const clusterFolder = join(ledger.folder, 'cluster');
  const clusterKey = keyed ? writeKey(ledger.folder, 'cluster') : undefined;
  const { plane, restartsNamed } = options;
  const home = plane === undefined ? directoryHome(clusterFolder) : await kubernetesHome(plane);
  const shared = { home, clusterKey, agent, bind, restartsNamed };
  const makePod = async (wish: PodWish): Promise<Pod> => {
    const folder = join(ledger.folder, 'pods', wish.name);
    await mkdir(folder, { recursive: true });
    const settings = { ...options.settings, ...options.settingsOf?.(wish.name), ...wish.settings };
    return new Pod({ ...shared, ...wish, settings, folder }, { ledger, places });
  };
  const pods: Pod[] = [];
  for (const { role, instance, replicas } of wantedInstances(options)) {
    await home.put(instance, instanceManifest({ name: instance, cluster, role, replicas }));
    for (let index = 0; index < replicas; index += 1)
      pods.push(await makePod({ name: `${instance}-${index}`, cluster, role, instance }));
  }
  return new Rig({ cluster, home, pods, places, clusterKey, ledger, makePod });
}

function wantedInstances({
  primaries = 1,
  secondaries = 2,
  instances = { primary: 'primary', secondary: 'secondary' },
}: RigOptions): { role: Role; instance: string; replicas: number }[] {
  const all = [
    { role: 'primary', instance: instances.primary, replicas: primaries },
    { role: 'secondary', instance: instances.secondary, replicas: secondaries },
  ] as const;
  return all.filter(({ replicas }) => replicas > 0);
}

/** A rig with every pod started and ready. Closes itself when that fails, and tells what the logs say. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const rig = await makeRig(options);
  try {
    await rig.start();
    await rig.ready();
    return rig;
  } catch (error) {
    await rig.close();
    throw error;
  }
}

async function ownBind(): Promise<Bind> {
  const system = await systemBind();
  if (!system.ok) throw new Error(system.why);
  return system.bind;
}
