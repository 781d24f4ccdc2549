import { systemClock } from '../../agent/clock.ts';
import { TokenAccess } from '../../agent/observe/kubernetes/access.ts';
import { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import { versionOf } from '../../agent/observe/kubernetes/collection.ts';
import { leaseSelector } from '../../agent/observe/kubernetes/lease.ts';
import type { LeasePeers } from '../../agent/observe/kubernetes/lease-peers.ts';
import { metadataOf } from '../../agent/observe/kubernetes/object-parts.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { tokenFile } from './clusters.ts';

/** The agent's own door to the API server, with this token in a file. */
export const apiOf = (plane: ControlPlane, file: string): HttpApi =>
  new HttpApi({
    access: new TokenAccess({
      server: plane.server,
      tokenFile: file,
      caFile: plane.caFile,
      clock: systemClock,
    }),
    userAgent: 'test',
    clock: systemClock,
    random: Math.random,
  });

/** The same, with all rights. */
export const adminApi = (plane: ControlPlane): HttpApi => apiOf(plane, tokenFile(plane));

/** Brings the Leases of a namespace, as they come, until the signal aborts. */
export async function watchLeases(
  api: HttpApi,
  namespace: string,
  peers: LeasePeers,
  signal: AbortSignal,
): Promise<void> {
  const events = api.watch(
    {
      path: `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`,
      query: {
        labelSelector: leaseSelector,
        sendInitialEvents: 'true',
        resourceVersionMatch: 'NotOlderThan',
      },
      idleMs: 120_000,
    },
    signal,
  );
  for await (const event of events) {
    if (signal.aborted) return;
    switch (event.type) {
      case 'OPENED':
        peers.serverTime(new Date().toUTCString());
        break;
      case 'REFUSED':
        throw new Error(event.refusal.message);
      case 'BOOKMARK':
        peers.listed();
        break;
      case 'DELETED': {
        const { name, resourceVersion } = metadataOf(event.object);
        peers.remove(String(name), versionOf(resourceVersion));
        break;
      }
      default:
        peers.put(event.object);
    }
  }
}
