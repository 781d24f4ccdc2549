import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type {
  KubernetesCluster,
  KubernetesClusterOptions,
} from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';
import type { ClusterHarness } from '../cluster/contract.ts';
import type { TestObject } from '../cluster/manifest-texts.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { openProxy } from '../control-plane/proxy.ts';
import { clusterAt, tokenFile } from './clusters.ts';

export interface KubernetesHarness extends ClusterHarness {
  open(pod: string, options?: Partial<KubernetesClusterOptions>): KubernetesCluster;
}

const program = join(import.meta.dirname, 'counting-writer.ts');
const apiVersion = 'bindy.firestoned.io/v1beta1';
const group = `/apis/${apiVersion}/namespaces/default`;
const leases = '/apis/coordination.k8s.io/v1/namespaces/default/leases';

/** The namespace `default` of a control plane, which is left empty. The agents reach it through a proxy. */
export async function kubernetesHarness(plane: ControlPlane): Promise<KubernetesHarness> {
  const proxy = await openProxy(plane);
  // Who does not hear its own renewals in time judges nobody: on a busy machine they take a second.
  const lease = { renewSeconds: 0.4, durationSeconds: 4, graceSeconds: 2 };
  const open: KubernetesCluster[] = [];
  const must = async (...asked: Parameters<ControlPlane['request']>): Promise<void> => {
    const { code, body } = await plane.request(...asked);
    if (code >= 300) throw new Error(`${asked[0]} ${asked[1]}: ${code} ${JSON.stringify(body)}`);
  };
  const pathOf = ({ kind, name }: TestObject): string =>
    `${group}/${kindSchemas[kind].plural}/${name}`;
  return {
    lease,
    open(pod, options = {}) {
      const cluster = clusterAt(plane, { server: proxy.server, pod, lease, ...options });
      open.push(cluster);
      return cluster;
    },
    put: (object) => {
      const { kind, name, spec } = object;
      const whole = { apiVersion, kind, metadata: { name }, spec };
      const contentType = 'application/apply-patch+yaml';
      return must('PATCH', `${pathOf(object)}?fieldManager=test&force=true`, whole, {
        contentType,
      });
    },
    remove: (object) => must('DELETE', pathOf(object)),
    async breakSource() {
      proxy.fault(() => ({ code: 503 }));
      return async () => proxy.fault(undefined);
    },
    crash: (cluster) => cluster.stop(),
    async countUp(pod, zone, updates) {
      const reach = [proxy.server, plane.caFile, tokenFile(plane)];
      const args = [program, ...reach, pod, zone, String(updates)];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const output = text(child.stdout);
      const [code] = await once(child, 'exit');
      if (code !== 0) throw new Error(`the writer ended with ${code}`);
      return [...(await output).matchAll(/^written (\d+)$/gm)].map(([, serial]) => Number(serial));
    },
    async close() {
      await Promise.all(open.map((cluster) => cluster.stop()));
      await proxy.close();
      for (const { plural } of Object.values(kindSchemas))
        await must('DELETE', `${group}/${plural}`);
      await must('DELETE', leases);
    },
  };
}
