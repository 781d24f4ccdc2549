import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../../agent/process.ts';
import { type Child, tail } from '../rig/child.ts';
import type { Ledger } from '../rig/ledger.ts';
import { until } from '../rig/until.ts';
import type { ApiServer } from './api-server.ts';
import type { ApiResponse, Door, How } from './door.ts';
import { kubeconfigText } from './kubeconfig.ts';
import { apiServerUrl, etcdUrl, files, type Layout } from './servers.ts';

export interface PodObject {
  readonly namespace: string;
  readonly name: string;
  /** Becomes its `status.podIP`. */
  readonly ip?: string;
  readonly serviceAccount?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Account {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** A Pod object that exists: the token is bound to it, as those that the kubelet hands out. */
  readonly pod?: string;
}

/**
 * Real etcd, kube-apiserver and, where wanted, kube-controller-manager on loopback, with data of their own in a
 * temporary folder. What is left of a run that was killed is taken away by the next one.
 */
export class ControlPlane {
  readonly #layout: Layout;
  readonly #ledger: Ledger;
  readonly #door: Door;
  readonly #etcd: Child;
  readonly #controllerManager: Child | undefined;
  readonly adminToken: string;
  readonly apiServer: ApiServer;

  constructor(parts: {
    readonly layout: Layout;
    readonly ledger: Ledger;
    readonly door: Door;
    readonly adminToken: string;
    readonly etcd: Child;
    readonly apiServer: ApiServer;
    readonly controllerManager: Child | undefined;
  }) {
    this.#layout = parts.layout;
    this.#ledger = parts.ledger;
    this.#door = parts.door;
    this.#etcd = parts.etcd;
    this.#controllerManager = parts.controllerManager;
    this.adminToken = parts.adminToken;
    this.apiServer = parts.apiServer;
  }

  /** `https://127.0.0.1:12345`. */
  get server(): string {
    return apiServerUrl(this.#layout);
  }

  /** PEM. */
  get caFile(): string {
    return files(this.#layout).authority;
  }

  get adminKubeconfig(): string {
    return files(this.#layout).adminKubeconfig;
  }

  /** Everything of this control plane, also for files of a test; gone after `stop()`. */
  get folder(): string {
    return this.#layout.folder;
  }

  get pids(): {
    readonly etcd: number;
    readonly apiServer: number;
    readonly controllerManager: number | undefined;
  } {
    return {
      etcd: this.#etcd.pid,
      apiServer: this.apiServer.pid,
      controllerManager: this.#controllerManager?.pid,
    };
  }

  /** Standard output; throws with all that kubectl wrote when it fails. As the administrator, or by `--kubeconfig`. */
  async kubectl(args: readonly string[], stdin = ''): Promise<string> {
    const common = [
      `--kubeconfig=${this.adminKubeconfig}`,
      `--cache-dir=${join(this.folder, 'kubectl')}`,
    ];
    const program = join(this.#layout.binaries, 'kubectl');
    const ran = await run(program, [...common, ...args], { input: stdin, timeoutMs: 60_000 });
    if (ran.ok) return ran.stdout;
    throw new Error(`kubectl ${args.join(' ')}: ${ran.message}\n${ran.stderr}${ran.stdout}`);
  }

  /** Asks the API server itself, as the administrator by default; never throws for what it answers. */
  request(method: string, path: string, body?: unknown, how?: How): Promise<ApiResponse> {
    return this.#door.ask(method, path, body, how);
  }

  /** The path of a kubeconfig for this token. */
  kubeconfig(token: string, namespace = 'default'): string {
    const file = join(this.folder, `${randomUUID()}.kubeconfig`);
    writeFileSync(file, kubeconfigText(this.#layout, token, namespace), { mode: 0o600 });
    return file;
  }

  /** A new namespace of a name of its own; with a controller manager, with its default service account. */
  async namespace(base = 'test'): Promise<string> {
    const name = `${base}-${randomBytes(4).toString('hex')}`;
    await this.#must('POST', '/api/v1/namespaces', { metadata: { name } });
    if (this.#controllerManager !== undefined) {
      const account = `/api/v1/namespaces/${name}/serviceaccounts/default`;
      await until(async () => (await this.request('GET', account)).code === 200, {
        what: `the default service account of ${name}`,
      });
    }
    return name;
  }

  /** A Pod object that no node runs. */
  async pod({ namespace, name, ip, serviceAccount, labels }: PodObject): Promise<{ uid: string }> {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const spec = {
      containers: [{ name: 'named', image: 'none' }],
      ...(serviceAccount === undefined ? {} : { serviceAccountName: serviceAccount }),
    };
    const { uid } = (await this.#must('POST', pods, { metadata: { name, labels }, spec })).metadata;
    if (ip !== undefined) {
      const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] };
      const contentType = 'application/merge-patch+json';
      await this.#must('PATCH', `${pods}/${name}/status`, { status }, { contentType });
    }
    return { uid };
  }

  /** A token of the service account as the kubelet gets it; bound to a pod where one is named. */
  async tokenFor({ namespace, serviceAccount, pod }: Account): Promise<string> {
    const core = `/api/v1/namespaces/${namespace}`;
    const boundTo = async () => {
      const { uid } = (await this.#must('GET', `${core}/pods/${pod}`)).metadata;
      return { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: pod, uid } };
    };
    const spec = pod === undefined ? {} : await boundTo();
    const path = `${core}/serviceaccounts/${serviceAccount}/token`;
    return (await this.#must('POST', path, { spec })).status.token;
  }

  /** Forgets everything in etcd before now, as an API server does every five minutes; returns the revision. */
  async compact(): Promise<number> {
    const ask = async (path: string, body: unknown): Promise<{ header: { revision: string } }> => {
      const how = { method: 'POST', body: JSON.stringify(body) };
      const response = await fetch(`${etcdUrl(this.#layout)}/v3/kv/${path}`, how);
      if (!response.ok) throw new Error(`etcd ${path}: ${await response.text()}`);
      return (await response.json()) as { header: { revision: string } };
    };
    const { revision } = (await ask('range', { key: btoa('/') })).header;
    // By this key API servers tell one another, to forget the same in their caches.
    await ask('put', { key: btoa('compact_rev_key'), value: btoa(revision) });
    await ask('compaction', { revision, physical: true });
    return Number(revision);
  }

  /** The ends of all logs, for the error of a test that failed. */
  tails(lines = 15): string {
    return [this.#etcd, this.apiServer, this.#controllerManager]
      .flatMap((server) =>
        server === undefined ? [] : [`--- ${server.log}`, tail(server.log, lines)],
      )
      .join('\n');
  }

  /** Stops every server at once and removes the folder. */
  async stop(): Promise<void> {
    this.#door.close();
    await Promise.all([
      this.#controllerManager?.stop('SIGKILL'),
      this.apiServer.kill(),
      this.#etcd.stop('SIGKILL'),
    ]);
    this.#ledger.sweep();
  }

  async #must(method: string, path: string, body?: unknown, how?: How): Promise<Answered> {
    const response = await this.request(method, path, body, how);
    if (response.code < 300) return response.body as Answered;
    const said = JSON.stringify(response.body);
    throw new Error(`${method} ${path}: ${response.code} ${said}`);
  }
}

/** What is read of an answer here. */
interface Answered {
  readonly metadata: { readonly uid: string };
  readonly status: { readonly token: string };
}
