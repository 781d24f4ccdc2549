import { until } from '../rig/until.ts';
import type { OneNode } from './node.ts';

export interface PodState {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly deletionTimestamp?: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly status: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly initContainerStatuses?: readonly ContainerState[];
    readonly containerStatuses?: readonly ContainerState[];
  };
}

export interface ContainerState {
  readonly name: string;
  readonly containerID?: string;
  readonly restartCount: number;
  readonly image: string;
  readonly state: {
    readonly running?: { readonly startedAt: string };
    readonly terminated?: Ended;
  };
  readonly lastState: { readonly terminated?: Ended };
}

export interface Ended {
  readonly exitCode: number;
  readonly reason: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

interface Slice {
  readonly addressType: string;
  readonly endpoints: readonly {
    readonly addresses: readonly string[];
    readonly conditions: { readonly ready?: boolean };
  }[];
}

/** One namespace of the cluster, as who works there sees it. */
export class Namespace {
  readonly node: OneNode;
  readonly name: string;

  constructor(node: OneNode, name: string) {
    this.node = node;
    this.name = name;
  }

  kubectl(...words: readonly string[]): Promise<string> {
    return this.node.plane.kubectl(['-n', this.name, ...words]);
  }

  apply(text: string): Promise<string> {
    return this.node.plane.kubectl(['-n', this.name, 'apply', '-f', '-'], text);
  }

  /** Those that are not ending, by name. */
  async pods(selector = ''): Promise<PodState[]> {
    return (await this.allPods(selector)).filter(
      ({ metadata }) => metadata.deletionTimestamp === undefined,
    );
  }

  async allPods(selector = ''): Promise<PodState[]> {
    const query = `labelSelector=${encodeURIComponent(selector)}`;
    const pods = await this.#list<PodState>(`/api/v1/namespaces/${this.name}/pods?${query}`);
    return pods.toSorted((a, b) => a.metadata.name.localeCompare(b.metadata.name));
  }

  /** What a Service would lead to. */
  async readyAddresses(service: string): Promise<string[]> {
    const query = `labelSelector=kubernetes.io/service-name%3D${service}`;
    const path = `/apis/discovery.k8s.io/v1/namespaces/${this.name}/endpointslices?${query}`;
    const slices = await this.#list<Slice>(path);
    const ready = slices
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ conditions }) => conditions.ready === true)
      .flatMap(({ addresses }) => addresses);
    return [...new Set(ready)].sort();
  }

  /** Waits until so many pods are ready and none is ending; gives them by name. */
  async settled(selector: string, count: number): Promise<PodState[]> {
    const seen = await until(
      async () => {
        const pods = await this.allPods(selector);
        const whole = pods.length === count && pods.every((pod) => isReady(pod) && !isEnding(pod));
        return whole ? pods : undefined;
      },
      { what: `${count} ready pods of ${selector}`, withinMs: 180_000, everyMs: 100 },
    );
    return seen ?? [];
  }

  async #list<T>(path: string): Promise<T[]> {
    const { code, body } = await this.node.plane.request('GET', path);
    if (code !== 200) throw new Error(`${path}: ${code} ${JSON.stringify(body)}`);
    return (body as { readonly items: T[] }).items;
  }
}

export const isReady = ({ status }: PodState): boolean =>
  status.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') === true;

export const isEnding = ({ metadata }: PodState): boolean =>
  metadata.deletionTimestamp !== undefined;

export function containerOf({ status }: PodState, name: string): ContainerState {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const found = all.find((container) => container.name === name);
  if (found === undefined) throw new Error(`no container ${name}`);
  return found;
}
