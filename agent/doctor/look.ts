import { AGENT, INJECT } from '../inject/settings.ts';
import type { KubernetesApi } from '../observe/kubernetes/api.ts';
import type { Refusal } from '../observe/kubernetes/api-answer.ts';
import { metadataOf, part, textOf } from '../observe/kubernetes/object-parts.ts';
import { environmentName } from '../options/names.ts';
import { TransientError } from '../problem.ts';
import { isObject } from '../resources/got.ts';
import type { PodSeen, Surroundings } from './missing-agents.ts';

type Api = Pick<KubernetesApi, 'request'>;
type Fields = Readonly<Record<string, unknown>>;

export interface WebhookName {
  readonly namespace: string;
  readonly name: string;
}

/** Of a list, the API server gives so many at once. */
const PAGE = 500;

/** The pods that say something of agents, of these namespaces; none: of all. */
export async function podsOf(api: Api, namespaces: readonly string[]): Promise<readonly PodSeen[]> {
  const paths =
    namespaces.length === 0
      ? ['/api/v1/pods']
      : namespaces.map((namespace) => `/api/v1/namespaces/${namespace}/pods`);
  const pods: PodSeen[] = [];
  for (const path of paths) {
    const items = await list(api, path, INJECT);
    if (!Array.isArray(items)) throw refused('pods', items);
    pods.push(...items.map(podSeen));
  }
  return pods;
}

/** What the webhook does, as far as whoever asks may know it; what is not to be known is told to `unknown`. */
export async function surroundingsOf(
  api: Api,
  { namespace, name }: WebhookName,
  unknown: (why: string) => void,
): Promise<Surroundings> {
  const get = (path: string) => api.request({ method: 'GET', path });
  const namespaces = await list(api, '/api/v1/namespaces', `${INJECT}=true`);
  const configuration = await get(
    `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${name}`,
  );
  const deployment = await get(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
  const listed = Array.isArray(namespaces);
  if (!listed) unknown(refused('namespaces', namespaces).message);
  for (const [what, answer] of [
    ['the webhook configuration', configuration],
    ["the webhook's Deployment", deployment],
  ] as const)
    if (!answer.ok && answer.code !== 404) unknown(refused(what, answer).message);
  const created = configuration.ok
    ? textOf(metadataOf(configuration.body)['creationTimestamp'])
    : undefined;
  return {
    labelled: listed
      ? new Set(namespaces.map((each) => String(metadataOf(each)['name'])))
      : undefined,
    since: !configuration.ok && configuration.code === 404 ? '' : created,
    image: deployment.ok ? injectedBy(deployment.body) : undefined,
  };
}

/** All of them, or why not. */
async function list(api: Api, path: string, labelSelector: string): Promise<Fields[] | Refusal> {
  const all: Fields[] = [];
  let more = '';
  do {
    const query = {
      labelSelector,
      limit: String(PAGE),
      ...(more === '' ? {} : { continue: more }),
    };
    const answer = await api.request({ method: 'GET', path, query });
    if (!answer.ok) return answer;
    all.push(...objectsIn(answer.body['items']));
    more = textOf(metadataOf(answer.body)['continue']) ?? '';
  } while (more !== '');
  return all;
}

function podSeen(pod: Fields): PodSeen {
  const { namespace, name, creationTimestamp, deletionTimestamp } = metadataOf(pod);
  const spec = part(pod, 'spec');
  const phase = part(pod, 'status')['phase'];
  const agent = [...objectsIn(spec['initContainers']), ...objectsIn(spec['containers'])].find(
    (container) => container['name'] === AGENT,
  );
  return {
    namespace: String(namespace),
    name: String(name),
    created: String(creationTimestamp),
    asks: textOf(part(metadataOf(pod), 'labels')[INJECT]),
    image: agent === undefined ? undefined : String(agent['image']),
    over: deletionTimestamp !== undefined || phase === 'Succeeded' || phase === 'Failed',
  };
}

/** The image that the webhook of this Deployment puts into pods. */
function injectedBy(deployment: Fields): string | undefined {
  const template = part(part(deployment, 'spec'), 'template');
  const variables = objectsIn(part(template, 'spec')['containers']).flatMap((container) =>
    objectsIn(container['env']),
  );
  const variable = variables.find(({ name }) => name === environmentName('inject.image'));
  return textOf(variable?.['value']);
}

const objectsIn = (list: unknown): Fields[] => (Array.isArray(list) ? list.filter(isObject) : []);

const refused = (what: string, { message, code }: Refusal): TransientError =>
  new TransientError(`${what} cannot be read: ${message} (HTTP ${code})`);
