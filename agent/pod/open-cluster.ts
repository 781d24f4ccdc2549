import { randomUUID } from 'node:crypto';
import type { Context } from '../context.ts';
import type { Cluster } from '../observe/cluster.ts';
import { DirectoryCluster } from '../observe/directory-cluster.ts';
import { type Access, TokenAccess } from '../observe/kubernetes/access.ts';
import { HttpApi } from '../observe/kubernetes/api.ts';
import {
  KubernetesCluster,
  type KubernetesClusterOptions,
} from '../observe/kubernetes/kubernetes-cluster.ts';
import { LastGood } from '../observe/last-good.ts';
import type { Options } from '../options/options.ts';
import { TransientError } from '../problem.ts';

/**
 * The cluster that the options choose; not started yet.
 *
 * @param as `pod`: a member of it, whose own registration is not among its peers; `onlooker`: sees all pods
 * @throws TransientError where it cannot be known how to reach it
 */
export async function openCluster(
  options: Options,
  context: Context,
  as: 'pod' | 'onlooker',
  eventCounted?: KubernetesClusterOptions['eventCounted'],
): Promise<Cluster> {
  const { pod, lease, paths } = options;
  const { log, clock, random } = context;
  const common = {
    ...{ clock, random, lease },
    namespace: pod.namespace,
    newId: randomUUID,
    lastGood: new LastGood({
      folder: paths.state,
      writes: as === 'pod',
      failed: (why) => log.warn({ reason: why }, 'last good versions may not outlive a restart'),
    }),
    note: (note: object) => log.info(note, 'manifest'),
    ...(as === 'pod' ? { pod: pod.name } : {}),
  };
  switch (options.cluster) {
    case 'directory':
      return new DirectoryCluster({
        ...common,
        manifests: [options.directory.manifests],
        peers: options.directory.peers,
        status: options.directory.status,
        onlooks: as === 'onlooker',
      });
    case 'kubernetes':
      return new KubernetesCluster({
        ...common,
        api: new HttpApi({
          access: await accessOf(options, context),
          userAgent: `bind9-agent/${context.version}`,
          ...{ clock, random },
        }),
        namespaces: namespacesOf(options),
        ...(eventCounted === undefined ? {} : { eventCounted }),
        // One that was made up owns nothing: a Lease whose owner is not there is removed at once.
        ...(pod.uid === context.host.uid ? {} : { podUid: pod.uid }),
      });
  }
}

/** @throws TransientError where the kubeconfig is wrong */
export async function accessOf(
  { kubernetes }: Pick<Options, 'kubernetes'>,
  { clock }: Pick<Context, 'clock'>,
): Promise<Access> {
  const { server, tokenFile, caFile, kubeconfig, context } = kubernetes;
  if (kubeconfig === '') return new TokenAccess({ server, tokenFile, caFile, clock });
  const { KubeconfigAccess } = await import('../observe/kubernetes/kubeconfig.ts');
  try {
    return new KubeconfigAccess(kubeconfig, context);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new TransientError(`kubeconfig ${kubeconfig}: ${problem}`, { cause: error });
  }
}

/** An empty name stands for all. */
function namespacesOf({ kubernetes, pod }: Options): readonly string[] {
  const { namespaces } = kubernetes;
  if (namespaces.includes('*')) return [''];
  return namespaces.length === 0 ? [pod.namespace] : [...new Set(namespaces)];
}
