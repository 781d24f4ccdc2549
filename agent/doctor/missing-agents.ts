import { AGENT, INJECT } from '../inject/settings.ts';

/** What is looked at of a pod. */
export interface PodSeen {
  readonly namespace: string;
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  /** Of the label that asks for an agent; undefined: it has none. */
  readonly asks: string | undefined;
  /** The image of its agent; undefined: it has none. */
  readonly image: string | undefined;
  /** It runs no more, or is about to end. */
  readonly over: boolean;
}

export interface Surroundings {
  /** Namespaces whose label lets the webhook in; undefined where nobody may know. */
  readonly labelled: ReadonlySet<string> | undefined;
  /** Since when the API server asks the webhook, RFC 3339; empty: it does not; undefined where nobody may know. */
  readonly since: string | undefined;
  /** The image that agents should have; undefined where nobody has said. */
  readonly image: string | undefined;
}

export interface MissingAgent {
  readonly namespace: string;
  readonly name: string;
  readonly created: string;
  /** Of its agent, where it has one. */
  readonly image?: string;
  /** A sentence part: why, and what to do. */
  readonly reason: string;
}

/** The pods that ask for an agent and have none, or another one than new pods get. */
export const missingAgents = (
  pods: readonly PodSeen[],
  surroundings: Surroundings,
): readonly MissingAgent[] =>
  pods
    .filter(({ asks, over }) => asks !== undefined && asks !== 'false' && !over)
    .flatMap((pod) => {
      const reason = reasonOf(pod, surroundings);
      const { namespace, name, created, image } = pod;
      const found = { namespace, name, created, ...(image === undefined ? {} : { image }) };
      return reason === undefined ? [] : [{ ...found, reason }];
    })
    .sort((a, b) => compare(a.namespace, b.namespace) || compare(a.name, b.name));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function reasonOf(
  { namespace, created, asks, image }: PodSeen,
  { labelled, since, image: wanted }: Surroundings,
): string | undefined {
  if (image !== undefined)
    return wanted === undefined || image === wanted
      ? undefined
      : `its ${AGENT} is ${image}, want ${wanted}: make it anew`;
  if (asks !== 'true') return `want its label ${INJECT} to be "true", got ${JSON.stringify(asks)}`;
  if (labelled?.has(namespace) === false)
    return `want its namespace labelled ${INJECT}=true, then make it anew`;
  if (since === '') return 'want the webhook installed, then make it anew';
  if (since !== undefined && Date.parse(created) < Date.parse(since))
    return 'it is older than the webhook: make it anew';
  return 'it was made when the webhook was not asked: make it anew';
}
