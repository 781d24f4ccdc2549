import { randomUUID } from 'node:crypto';
import { systemClock } from '../clock.ts';
import type { Logger } from '../log.ts';
import type { Cluster } from '../observe/cluster.ts';
import { DirectoryCluster } from '../observe/directory-cluster.ts';
import { LastGood } from '../observe/last-good.ts';
import type { Options } from '../options/options.ts';
import { TransientError } from '../problem.ts';

/**
 * The cluster that the options choose; not started yet.
 *
 * @param as `pod`: a member of it, whose own registration is not among its peers; `onlooker`: sees all pods
 */
export function openCluster(options: Options, log: Logger, as: 'pod' | 'onlooker'): Cluster {
  if (options.cluster === 'kubernetes')
    throw new TransientError('cluster: this build serves from a directory only, got "kubernetes"');
  const { directory, pod, lease, paths } = options;
  return new DirectoryCluster({
    manifests: [directory.manifests],
    peers: directory.peers,
    status: directory.status,
    ...(as === 'pod' ? { pod: pod.name } : { onlooks: true }),
    namespace: pod.namespace,
    lease,
    clock: systemClock,
    newId: randomUUID,
    lastGood: new LastGood({
      folder: paths.state,
      writes: as === 'pod',
      failed: (why) => log.warn({ reason: why }, 'last good versions may not outlive a restart'),
    }),
    note: (note) => log.info(note, 'manifest'),
  });
}
