import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { defaultOf } from '../../agent/inject/settings.ts';
import { environmentName } from '../../agent/options/names.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { type Child, type Program, startChild } from '../rig/child.ts';
import type { Ledger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';

const pathOptions = [
  ...['paths.config', 'paths.zones', 'paths.newZones', 'paths.state'],
  ...['kubernetes.tokenFile', 'kubernetes.caFile'],
];

/** What a pod gets from its machine and from objects beside it. */
export interface Node {
  readonly plane: ControlPlane;
  readonly ledger: Ledger;
  readonly namespace: string;
  /** The program that an image's entry point is, by the name of the container. */
  readonly entryPoints: Readonly<Record<string, Program>>;
  /** Files of ConfigMaps and Secrets, by the object's name. */
  readonly files: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

interface Item {
  readonly key?: string;
  readonly path: string;
}
interface Source {
  readonly configMap?: { readonly name: string };
  readonly secret?: {
    readonly name?: string;
    readonly secretName?: string;
    readonly items?: readonly Item[];
  };
  readonly serviceAccountToken?: { readonly path: string };
  readonly downwardAPI?: {
    readonly items: readonly (Item & { readonly fieldRef: { readonly fieldPath: string } })[];
  };
}
interface Container {
  readonly name: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly restartPolicy?: string;
  readonly env?: readonly {
    readonly name: string;
    readonly value?: string;
    readonly valueFrom?: { readonly fieldRef: { readonly fieldPath: string } };
  }[];
  readonly volumeMounts?: readonly {
    readonly name: string;
    readonly mountPath: string;
    readonly subPath?: string;
  }[];
  readonly startupProbe?: { readonly httpGet: { readonly path: string; readonly port: number } };
  readonly securityContext?: { readonly runAsUser?: number; readonly runAsGroup?: number };
}
export interface StoredPod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly labels: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly initContainers: readonly Container[];
    readonly containers: readonly Container[];
    readonly volumes: readonly (Source & {
      readonly name: string;
      readonly projected?: { readonly sources: readonly Source[] };
    })[];
    readonly serviceAccountName: string;
  };
}

/**
 * Runs a pod as a kubelet does: folders for volumes, sidecars before containers, each after the start-up of the one before,
 * with the environment and as the user that the pod says. Paths in mounts lead to those folders wherever they are named.
 */
export class RunningPod {
  readonly #pod: StoredPod;
  readonly #node: Node;
  readonly #ip: string;
  readonly #folder: string;
  readonly #children = new Map<string, Child>();

  constructor(pod: StoredPod, ip: string, node: Node) {
    this.#pod = pod;
    this.#node = node;
    this.#ip = ip;
    this.#folder = join(node.ledger.folder, pod.metadata.name);
  }

  logOf(container: string): string {
    return join(this.#folder, `${container}.log`);
  }

  folderOf(volume: string): string {
    return join(this.#folder, 'volumes', volume);
  }

  /** Resolves when the last container has started up. */
  async start(): Promise<void> {
    for (const volume of this.#pod.spec.volumes) {
      mkdirSync(this.folderOf(volume.name), { recursive: true });
      for (const source of [volume, ...(volume.projected?.sources ?? [])])
        for (const [path, text] of await this.#filesOf(source)) {
          const file = join(this.folderOf(volume.name), path);
          mkdirSync(dirname(file), { recursive: true });
          writeFileSync(file, text);
        }
      chmodSync(this.folderOf(volume.name), 0o777);
    }
    const { initContainers, containers } = this.#pod.spec;
    for (const container of [...initContainers, ...containers]) await this.#run(container);
  }

  /** As a kubelet ends it: the containers, then the sidecars. */
  async stop(): Promise<void> {
    for (const child of [...this.#children.values()].reverse()) await child.stop();
  }

  async #run(container: Container): Promise<void> {
    const { name, command, args = [], securityContext = {}, startupProbe } = container;
    const inside = (text: string): string => this.#inside(container, text);
    const entry = this.#node.entryPoints[name] ?? { file: '', args: [] };
    const words = command === undefined ? [entry.file, ...entry.args] : command.map(inside);
    const environment = (container.env ?? []).map(
      ({ name: variable, value, valueFrom }) =>
        `${variable}=${inside(value ?? this.#field(valueFrom?.fieldRef.fieldPath ?? ''))}`,
    );
    const { hostname, port } = new URL(this.#node.plane.server);
    const given = [
      `PATH=${process.env['PATH']}:/usr/sbin`,
      `KUBERNETES_SERVICE_HOST=${hostname}`,
      `KUBERNETES_SERVICE_PORT=${port}`,
      // Its defaults are no folders of ours.
      ...pathOptions.map((path) => `${environmentName(path)}=${inside(defaultOf(path))}`),
    ];
    const all = [...asUser(securityContext), ...words, ...args.map(inside)];
    const log = this.logOf(name);
    // Whoever the container is may open its standard error again, as it may in a runtime's pipe.
    writeFileSync(log, '', { mode: 0o666 });
    chmodSync(log, 0o666);
    const program = { file: '/usr/bin/env', args: ['-i', ...given, ...environment, ...all] };
    const child = startChild(program, { log, ledger: this.#node.ledger, cwd: '/' });
    this.#children.set(name, child);
    if (startupProbe === undefined) return;
    const { path, port: at } = startupProbe.httpGet;
    const started = async () =>
      !child.running() || (await fetch(`http://${this.#ip}:${at}${path}`)).ok;
    await until(started, { what: `${name}: ${path}`, withinMs: 40_000 });
    if (!child.running()) throw new Error(`${name} has ended`);
  }

  /** The text with folders of this machine in the place of mounted paths. */
  #inside({ volumeMounts = [] }: Container, text: string): string {
    const mounts = volumeMounts.toSorted((a, b) => b.mountPath.length - a.mountPath.length);
    const mount = mounts.find(({ mountPath }) => `${text}/`.startsWith(`${mountPath}/`));
    if (mount === undefined) return text;
    const { name, subPath = '', mountPath } = mount;
    return join(this.folderOf(name), subPath, text.slice(mountPath.length));
  }

  async #filesOf({
    configMap,
    secret,
    serviceAccountToken,
    downwardAPI,
  }: Source): Promise<[string, string][]> {
    const { plane, namespace, files } = this.#node;
    const { serviceAccountName: serviceAccount } = this.#pod.spec;
    if (serviceAccountToken !== undefined) {
      const token = await plane.tokenFor({
        namespace,
        serviceAccount,
        pod: this.#pod.metadata.name,
      });
      return [[serviceAccountToken.path, token]];
    }
    if (downwardAPI !== undefined)
      return downwardAPI.items.map(({ path, fieldRef }) => [path, this.#field(fieldRef.fieldPath)]);
    const name = configMap?.name ?? secret?.name ?? secret?.secretName;
    const given = Object.entries(files[name ?? ''] ?? {});
    const items = secret?.items ?? given.map(([key]) => ({ key, path: key }));
    return items.map(({ key = '', path }) => [path, new Map(given).get(key) ?? '']);
  }

  #field(path: string): string {
    const { name, uid, labels } = this.#pod.metadata;
    const fields: Readonly<Record<string, string>> = {
      'metadata.name': name,
      'metadata.uid': uid,
      'metadata.namespace': this.#node.namespace,
      'status.podIPs': this.#ip,
      'metadata.labels': Object.entries(labels)
        .map(([key, value]) => `${key}="${value}"\n`)
        .join(''),
    };
    return fields[path] ?? '';
  }
}

/** Words before a program that make it a user without any rights, where we may do that and such a user gets at Node.js. */
function asUser({
  runAsUser,
  runAsGroup = runAsUser,
}: NonNullable<Container['securityContext']>): string[] {
  if (runAsUser === undefined || process.getuid?.() !== 0) return [];
  const ids = ['--reuid', String(runAsUser), '--regid', String(runAsGroup), '--clear-groups'];
  const words = ['setpriv', ...ids, '--bounding-set=-all', '--no-new-privs', '--'];
  const tried = spawnSync(words[0] ?? '', [
    ...words.slice(1),
    process.execPath,
    import.meta.filename,
  ]);
  return tried.status === 0 ? words : [];
}
