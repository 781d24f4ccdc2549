import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../agent/clock.ts';
import { TokenAccess } from '../../agent/observe/kubernetes/access.ts';
import { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import {
  KubernetesCluster,
  type KubernetesClusterOptions,
} from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

export interface Entry {
  /** By default the control plane's own. */
  readonly server?: string;
  /** By default one with the administrator's token. */
  readonly tokenFile?: string;
  /** How long the API server may be silent, in ms. */
  readonly timeoutMs?: number;
}

export type Opening = Partial<KubernetesClusterOptions> & Entry;

/** A file with a token, by default the administrator's; it goes with the control plane. */
export function tokenFile(plane: ControlPlane, token = plane.adminToken): string {
  const file = join(plane.folder, `token-${randomBytes(4).toString('hex')}`);
  writeFileSync(file, token);
  return file;
}

/** The agent's own door to the API server. */
export function apiAt(plane: ControlPlane, entry: Entry = {}): HttpApi {
  const { server = plane.server, tokenFile: file = tokenFile(plane), timeoutMs } = entry;
  const { caFile } = plane;
  return new HttpApi({
    access: new TokenAccess({ server, tokenFile: file, caFile, clock: systemClock }),
    userAgent: 'test',
    clock: systemClock,
    random: Math.random,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}

/** A pod's door to the cluster, not started yet. */
export function clusterAt(plane: ControlPlane, opening: Opening): KubernetesCluster {
  const { namespace = 'default' } = opening;
  return new KubernetesCluster({
    api: apiAt(plane, opening),
    namespace,
    namespaces: [namespace],
    lease: { renewSeconds: 30, durationSeconds: 120, graceSeconds: 300 },
    clock: systemClock,
    random: Math.random,
    newId: randomUUID,
    ...opening,
  });
}
