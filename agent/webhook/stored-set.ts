import { createHash } from 'node:crypto';
import { partOf } from '../install/manifest.ts';
import type { KubernetesApi } from '../observe/kubernetes/api.ts';
import type { Refusal } from '../observe/kubernetes/api-answer.ts';
import { metadataOf, part } from '../observe/kubernetes/object-parts.ts';
import { TransientError } from '../problem.ts';
import { type CertificateSet, dataOf, setOf } from './certificate-set.ts';

/** The Secret as it was read. */
export interface Stored {
  /** Undefined where there is no Secret, or none of ours in it. */
  readonly set: CertificateSet | undefined;
  /** Undefined where there is no Secret. */
  readonly resourceVersion: string | undefined;
}

export interface StoredSetOptions {
  readonly api: Pick<KubernetesApi, 'request'>;
  readonly namespace: string;
  /** Of the Secret. */
  readonly name: string;
  /** Who writes; unlike that of every other replica. */
  readonly writer: string;
}

/** The Secret that the replicas share. Whoever writes it names the version that it must find; of two, one is told so. */
export class StoredSet {
  readonly #options: StoredSetOptions;
  readonly #path: string;

  constructor(options: StoredSetOptions) {
    this.#options = options;
    this.#path = `/api/v1/namespaces/${options.namespace}/secrets/${options.name}`;
  }

  async read(): Promise<Stored> {
    const answer = await this.#options.api.request({ method: 'GET', path: this.#path });
    if (answer.ok) {
      const { resourceVersion } = metadataOf(answer.body);
      return { set: setOf(part(answer.body, 'data')), resourceVersion: String(resourceVersion) };
    }
    if (answer.code === 404) return { set: undefined, resourceVersion: undefined };
    throw this.#refused('read', answer);
  }

  /** False: somebody else has written in between. */
  async write(set: CertificateSet, { resourceVersion }: Stored): Promise<boolean> {
    const { api } = this.#options;
    const answer =
      resourceVersion === undefined
        ? await api.request(this.#create(set))
        : await api.request({
            method: 'PATCH',
            path: this.#path,
            contentType: 'merge',
            body: { metadata: { resourceVersion }, data: dataOf(set) },
          });
    if (answer.ok) return true;
    if (answer.code === 409 || answer.code === 404) return false;
    throw this.#refused('written', answer);
  }

  /**
   * By server-side apply, which has the name in the request, so that RBAC can judge by it. Not forced, and by a manager of
   * its own: who comes second differs in a field that is another's, and is refused.
   */
  #create(set: CertificateSet) {
    const { namespace, name, writer } = this.#options;
    const data = Object.entries(dataOf(set)).filter(([, value]) => value !== null);
    return {
      method: 'PATCH',
      path: this.#path,
      contentType: 'apply',
      query: { fieldManager: `bind9-agent-${hashOf(writer)}` },
      body: {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace, labels: partOf },
        type: 'kubernetes.io/tls',
        data: Object.fromEntries(data),
      },
    } as const;
  }

  #refused(what: 'read' | 'written', { code, message }: Refusal): TransientError {
    const { namespace, name } = this.#options;
    return new TransientError(
      `Secret ${namespace}/${name} cannot be ${what}: ${message} (HTTP ${code})`,
    );
  }
}

const hashOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);
