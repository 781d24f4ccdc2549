import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { OneNode } from './node.ts';

/** A default StorageClass with so many volumes, as any cluster has one. */
export async function offerVolumes(node: OneNode, count: number): Promise<void> {
  const volumes = Array.from({ length: count }, (_, index) => volume(node, `volume-${index}`));
  const items = [storageClass, ...volumes];
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
  await node.plane.kubectl(['apply', '-f', '-'], list);
}

const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: {
    name: 'local',
    annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
  },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: 'WaitForFirstConsumer',
};

function volume(node: OneNode, name: string) {
  const path = join(node.folder, name);
  mkdirSync(path, { recursive: true });
  const here = { key: 'kubernetes.io/hostname', operator: 'In', values: [node.name] };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'local',
      persistentVolumeReclaimPolicy: 'Retain',
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
    },
  };
}
