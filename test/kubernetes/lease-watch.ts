import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import { versionOf } from '../../agent/observe/kubernetes/collection.ts';
import { leaseSelector } from '../../agent/observe/kubernetes/lease.ts';
import type { LeasePeers } from '../../agent/observe/kubernetes/lease-peers.ts';
import { metadataOf } from '../../agent/observe/kubernetes/object-parts.ts';

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
