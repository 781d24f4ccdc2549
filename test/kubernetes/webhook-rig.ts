import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { INJECT } from '../../agent/inject/settings.ts';
import { type Manifest, manifestText } from '../../agent/install/manifest.ts';
import { webhookOf } from '../../agent/install/webhook.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { agentProgram } from '../rig/bundle.ts';
import { type Child, startChild, tail } from '../rig/child.ts';
import type { Ledger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { until } from '../rig/until.ts';

export const image = 'bind9-agent:1.2.3';
export const patience = { withinMs: 60_000 };

export interface Answered {
  readonly code: number;
  readonly text: string;
}

/** One process of the webhook. */
export interface Replica {
  readonly port: number;
  readonly child: Child;
  /** Asked by HTTPS, whatever its certificate; connections are kept. */
  ask(method: string, path: string, body?: string | Buffer): Promise<Answered>;
  /** Waits until `/readyz` says ok. */
  ready(): Promise<void>;
  /** The number that a metric of it has, all its labels added up; with part of its labels as text, only such ones. */
  metric(name: string, labels?: string): Promise<number>;
}

/** The webhook as it is installed, its replicas as processes beside the API server, and a way to them as a Service is one. */
export class WebhookRig {
  readonly plane: ControlPlane;
  readonly name = `webhook-${randomBytes(3).toString('hex')}`;
  readonly namespace = `${this.name}-system`;
  readonly replicas: Replica[] = [];
  readonly #ledger: Ledger;
  readonly #certManager: boolean;
  readonly #closing: (() => void)[] = [];
  #service = 0;

  constructor(plane: ControlPlane, ledger: Ledger, { certManager = false } = {}) {
    this.plane = plane;
    this.#ledger = ledger;
    this.#certManager = certManager;
  }

  /** Everything that is installed, with a URL in the place of the Service: nobody routes to Services here. */
  async install(...words: readonly string[]): Promise<void> {
    if (this.#service === 0) this.#service = await this.#balance();
    const all = webhookOf({
      namespace: this.namespace,
      name: this.name,
      port: 8443,
      image,
      certManager: this.#certManager,
      settings: new Map(),
    }).filter(({ kind }) => kind !== 'Deployment');
    await this.plane.kubectl(
      ['apply', ...words, '-f', '-'],
      manifestText(all.map((each) => this.#direct(each))),
    );
  }

  #direct(manifest: Manifest): Manifest {
    if (manifest.kind === 'Certificate' && manifest.metadata.name === this.name)
      return { ...manifest, spec: { ...Object(manifest['spec']), ipAddresses: ['127.0.0.1'] } };
    const { webhooks } = manifest as { webhooks?: readonly { clientConfig: unknown }[] };
    if (webhooks === undefined) return manifest;
    const paths = {
      MutatingWebhookConfiguration: 'mutate',
      ValidatingWebhookConfiguration: 'validate',
    };
    const path = paths[manifest.kind as keyof typeof paths];
    const clientConfig = { url: `https://127.0.0.1:${this.#service}/${path}` };
    return { ...manifest, webhooks: webhooks.map((each) => ({ ...each, clientConfig })) };
  }

  /** Starts one more. */
  async start(...flags: readonly string[]): Promise<Replica> {
    const { plane, name, namespace } = this;
    const tokenFile = join(this.#ledger.folder, `${name}.token`);
    await until(async () => {
      writeFileSync(tokenFile, await plane.tokenFor({ namespace, serviceAccount: name }));
      return true;
    });
    const port = await claimPort();
    const { file, args } = await agentProgram('source');
    const settings = [
      ...[`--webhook-name=${name}`, `--webhook-namespace=${namespace}`, `--webhook-port=${port}`],
      ...['--webhook-hosts=127.0.0.1', '--http-address=127.0.0.1', `--inject-image=${image}`],
    ];
    // With a certificate that others make it has nothing to ask the API server.
    if (!flags.some((flag) => flag.startsWith('--webhook-cert-file=')))
      settings.push(
        ...[`--kubernetes-server=${plane.server}`, `--kubernetes-token-file=${tokenFile}`],
        `--kubernetes-ca-file=${plane.caFile}`,
      );
    const log = join(this.#ledger.folder, `${name}-${port}.log`);
    const words = [...args, 'webhook', ...settings, ...flags];
    const child = startChild({ file, args: words }, { log, ledger: this.#ledger });
    const replica = this.#replica(port, child);
    this.replicas.push(replica);
    return replica;
  }

  #replica(port: number, child: Child): Replica {
    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    this.#closing.push(() => agent.destroy());
    const ask: Replica['ask'] = (method, path, body) =>
      new Promise((resolve, reject) => {
        const headers = body === undefined ? {} : { 'content-type': 'application/json' };
        const asked = request(
          { host: '127.0.0.1', port, method, path, agent, headers },
          (answer) => {
            const parts: Buffer[] = [];
            answer.on('data', (part: Buffer) => parts.push(part));
            answer.once('error', reject);
            answer.once('end', () =>
              resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(parts).toString() }),
            );
          },
        );
        asked.once('error', reject);
        asked.end(body);
      });
    return {
      port,
      child,
      ask,
      ready: async () => {
        const ok = async () => !child.running() || (await ask('GET', '/readyz')).code === 200;
        await until(ok, { ...patience, what: 'the webhook is ready' }).catch((error: unknown) => {
          throw new Error(`${String(error)}\n${tail(child.log)}`);
        });
        if (!child.running()) throw new Error(`the webhook has ended\n${tail(child.log)}`);
      },
      metric: async (metric, labels = '') => {
        const lines = (await ask('GET', '/metrics')).text.split('\n');
        return lines
          .filter((line) => line.replace(/[ {].*/, '') === metric && line.includes(labels))
          .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
      },
    };
  }

  /** A TCP door to any of the replicas that can be connected to, as a Service is one to its ready pods. */
  async #balance(): Promise<number> {
    const port = await claimPort();
    const sockets = new Set<Socket>();
    let next = 0;
    const join = (client: Socket, left: readonly Replica[]): void => {
      const [replica, ...others] = left;
      if (replica === undefined) {
        client.destroy();
        return;
      }
      const upstream = connect({ port: replica.port, host: '127.0.0.1' });
      upstream.once('error', () =>
        upstream.readyState === 'open' ? client.destroy() : join(client, others),
      );
      upstream.once('connect', () => {
        upstream.on('error', () => client.destroy());
        upstream.once('close', () => client.destroy());
        client.once('close', () => upstream.destroy());
        client.pipe(upstream).pipe(client);
      });
    };
    const server = createServer((client) => {
      sockets.add(client);
      client.on('error', () => undefined);
      client.once('close', () => sockets.delete(client));
      next += 1;
      const at = next % Math.max(1, this.replicas.length);
      join(client, [...this.replicas.slice(at), ...this.replicas.slice(0, at)]);
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.#closing.push(() => {
      server.close();
      for (const socket of sockets) socket.destroy();
    });
    return port;
  }

  /** A new namespace with the accounts that its pods are for; with the label, or without. */
  async home(labelled = true): Promise<string> {
    const name = await this.plane.namespace('dns');
    await this.plane.kubectl(['-n', name, 'create', 'serviceaccount', 'bind9-agent']);
    if (labelled) await this.plane.kubectl(['label', 'namespace', name, `${INJECT}=true`]);
    return name;
  }

  /** What the API server says to a pod: as it would be stored, or why not. */
  async create(namespace: string, pod: object, query = ''): Promise<Created> {
    const path = `/api/v1/namespaces/${namespace}/pods${query}`;
    const { code, body } = await this.plane.request('POST', path, pod);
    const { message = '', ...object } = body as { readonly message?: string } & StoredPod;
    return { code, message, pod: object };
  }

  async stop(): Promise<void> {
    const kinds = ['mutatingwebhookconfiguration', 'validatingwebhookconfiguration'];
    for (const kind of kinds)
      await this.plane.request(
        'DELETE',
        `/apis/admissionregistration.k8s.io/v1/${kind}s/${this.name}`,
      );
    for (const close of this.#closing) close();
    await Promise.all(this.replicas.map(({ child }) => child.stop('SIGKILL')));
  }
}

export interface StoredPod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly serviceAccountName: string;
    readonly initContainers?: readonly { readonly name: string; readonly image: string }[];
    readonly containers: readonly object[];
  };
}

export interface Created {
  readonly code: number;
  readonly message: string;
  readonly pod: StoredPod;
}

export const labels = { [INJECT]: 'true', instance: 'primary', role: 'primary' };

/** A pod of named that asks for the agent, or whatever its labels say. */
export const namedPod = (name: string, more: object = labels, container: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: more },
  spec: {
    containers: [{ name: 'named', image: 'internetsystemsconsortium/bind9:9.18', ...container }],
  },
});

/** An AdmissionReview of a pod, as an API server sends it. */
export const reviewOf = (object: object, uid = 'u'): string =>
  JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      kind: { group: '', version: 'v1', kind: 'Pod' },
      resource: { group: '', version: 'v1', resource: 'pods' },
      namespace: 'default',
      operation: 'CREATE',
      dryRun: false,
      object,
    },
  });
