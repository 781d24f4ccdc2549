import { randomUUID } from 'node:crypto';
import { systemClock } from '../../agent/clock.ts';
import { TokenAccess } from '../../agent/observe/kubernetes/access.ts';
import { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import { KubernetesCluster } from '../../agent/observe/kubernetes/kubernetes-cluster.ts';
import type { ObjectKey } from '../../agent/resources/types.ts';

/**
 * Raises a zone's allocated serial by one, again and again, and prints each serial that it wrote:
 * `counting-writer.ts <server> <CA file> <token file> <pod> <zone> <updates>`.
 */
const [server = '', caFile = '', tokenFile = '', pod = '', zone = '', updates = '1'] =
  process.argv.slice(2);
const clock = systemClock;
const access = new TokenAccess({ server, caFile, tokenFile, clock });
const cluster = new KubernetesCluster({
  api: new HttpApi({ access, userAgent: pod, clock, random: Math.random }),
  pod,
  namespace: 'default',
  namespaces: ['default'],
  lease: { renewSeconds: 30, durationSeconds: 120, graceSeconds: 300 },
  clock,
  random: Math.random,
  newId: randomUUID,
});
const key = zone as ObjectKey;
await cluster.start(() => undefined);
while (!cluster.view().synced) await clock.sleep(5);
for (let written = 0; written < Number(updates); ) {
  const known = cluster.view().statuses.get(key);
  const serial = (known?.allocated?.serial ?? 0) + 1;
  const contentHash = `sha256:${'0'.repeat(64)}`;
  const allocated = { serial, contentHash, by: pod, view: { DNSZone: 1 } };
  const { kind } = await cluster.agree(key, known?.version, { allocated });
  process.stdout.write(`${kind} ${serial}\n`);
  if (kind === 'written') written++;
}
await cluster.stop();
