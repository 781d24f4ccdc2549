import type { KubernetesApi } from '../observe/kubernetes/api.ts';
import { metadataOf, part } from '../observe/kubernetes/object-parts.ts';
import { TransientError } from '../problem.ts';
import { isObject } from '../resources/got.ts';

/** A webhook configuration as it was read. */
export interface Configuration {
  readonly path: string;
  readonly resourceVersion: string;
  /** The `caBundle` of each of its webhooks, in base64 as it stands there. */
  readonly bundles: readonly string[];
}

const configurationKinds = [
  'mutatingwebhookconfigurations',
  'validatingwebhookconfigurations',
] as const;

/** Why nobody is asked for agents, where it is so. */
export const whyNotAsked = (configurations: readonly Configuration[]): string | undefined =>
  configurations.some(({ path }) => path.includes(`/${configurationKinds[0]}/`))
    ? undefined
    : 'there is no MutatingWebhookConfiguration of this name: pods get no agents';

/**
 * The `caBundle` of our webhook configurations. All replicas write it, and never against each other: what is written is what
 * the Secret says, which was read after the configuration; where another has written in between, the version tells.
 */
export class CaBundles {
  readonly #api: Pick<KubernetesApi, 'request'>;
  readonly #name: string;

  constructor(api: Pick<KubernetesApi, 'request'>, name: string) {
    this.#api = api;
    this.#name = name;
  }

  /** Those that are there. */
  async read(): Promise<readonly Configuration[]> {
    const all: Configuration[] = [];
    // One after the other, so that the same trouble always reads the same.
    for (const kind of configurationKinds) all.push(...(await this.#read(kind)));
    return all;
  }

  /** False: somebody else has written in between. */
  async write(configurations: readonly Configuration[], bundle: string): Promise<boolean> {
    const value = Buffer.from(bundle).toString('base64');
    const outdated = configurations.filter(({ bundles }) => bundles.some((each) => each !== value));
    const written = await Promise.all(outdated.map((each) => this.#write(each, value)));
    return written.every((each) => each);
  }

  async #read(kind: string): Promise<Configuration[]> {
    const path = `/apis/admissionregistration.k8s.io/v1/${kind}/${this.#name}`;
    const answer = await this.#api.request({ method: 'GET', path });
    if (!answer.ok && answer.code === 404) return [];
    if (!answer.ok)
      throw new TransientError(
        `${kind}/${this.#name} cannot be read: ${answer.message} (HTTP ${answer.code})`,
      );
    const { webhooks } = answer.body;
    const bundles = (Array.isArray(webhooks) ? webhooks : []).map((webhook: unknown) =>
      String(part(isObject(webhook) ? webhook : {}, 'clientConfig')['caBundle'] ?? ''),
    );
    return [{ path, resourceVersion: String(metadataOf(answer.body)['resourceVersion']), bundles }];
  }

  async #write({ path, resourceVersion, bundles }: Configuration, value: string): Promise<boolean> {
    const answer = await this.#api.request({
      method: 'PATCH',
      path,
      contentType: 'json-patch',
      query: { fieldManager: 'bind9-agent-webhook' },
      body: [
        { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
        ...bundles.map((_, index) => ({
          op: 'add',
          path: `/webhooks/${index}/clientConfig/caBundle`,
          value,
        })),
      ],
    });
    if (answer.ok) return true;
    if (answer.code === 409 || answer.code === 404) return false;
    throw new TransientError(`${path} cannot be written: ${answer.message} (HTTP ${answer.code})`);
  }
}
