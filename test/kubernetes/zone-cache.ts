import { systemClock } from '../../agent/clock.ts';
import type { ZoneStatus } from '../../agent/observe/cluster.ts';
import type { HttpApi } from '../../agent/observe/kubernetes/api.ts';
import type { RawObject } from '../../agent/observe/kubernetes/collection.ts';
import { metadataOf } from '../../agent/observe/kubernetes/object-parts.ts';
import { StatusWriter } from '../../agent/observe/kubernetes/status-writer.ts';
import { zoneStatusOf } from '../../agent/observe/kubernetes/zone-status.ts';
import { type ObjectKey, objectKey } from '../../agent/resources/types.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

/** What one agent knows of zones: what it has read when it was told to, and what its own writes were answered with. */
export class ZoneCache {
  readonly writer: StatusWriter;
  readonly #plane: ControlPlane;
  readonly #objects = new Map<ObjectKey, RawObject>();

  constructor(plane: ControlPlane, api: Pick<HttpApi, 'request'>) {
    this.#plane = plane;
    this.writer = new StatusWriter({
      api,
      clock: systemClock,
      zone: (key) => {
        const object = this.#objects.get(key);
        if (object === undefined) return undefined;
        return { uid: String(metadataOf(object)['uid']), status: zoneStatusOf(object) };
      },
      wrote: (object) => {
        const { namespace, name } = metadataOf(object);
        this.#objects.set(objectKey(String(namespace), String(name)), object);
      },
      changed: () => undefined,
    });
  }

  async read(key: ObjectKey): Promise<ZoneStatus> {
    const object = await readZone(this.#plane, key);
    this.#objects.set(key, object);
    return zoneStatusOf(object);
  }

  statusOf(key: ObjectKey): ZoneStatus | undefined {
    const object = this.#objects.get(key);
    return object === undefined ? undefined : zoneStatusOf(object);
  }
}

const pathOf = (key: ObjectKey): string => {
  const [namespace, name] = key.split('/');
  return `/apis/bindy.firestoned.io/v1beta1/namespaces/${namespace}/dnszones/${name}`;
};

/** The DNSZone as it stands at the API server. */
export async function readZone(plane: ControlPlane, key: ObjectKey): Promise<RawObject> {
  const { code, body } = await plane.request('GET', pathOf(key));
  if (code !== 200) throw new Error(`${key}: ${code} ${JSON.stringify(body)}`);
  return body as RawObject;
}

export async function makeZone(
  plane: ControlPlane,
  namespace: string,
  name: string,
  spec: object = {},
): Promise<ObjectKey> {
  const path = `/apis/bindy.firestoned.io/v1beta1/namespaces/${namespace}/dnszones`;
  const { code, body } = await plane.request('POST', path, {
    apiVersion: 'bindy.firestoned.io/v1beta1',
    kind: 'DNSZone',
    metadata: { name, namespace },
    spec: { zoneName: `${name}.example`, clusterRef: 'main', ...spec },
  });
  if (code !== 201) throw new Error(`${name}: ${code} ${JSON.stringify(body)}`);
  return objectKey(namespace, name);
}

export async function deleteZone(plane: ControlPlane, key: ObjectKey): Promise<void> {
  await plane.request('DELETE', pathOf(key));
}

/** As another writer would, by merge patch. */
export async function patchStatus(
  plane: ControlPlane,
  key: ObjectKey,
  status: object,
): Promise<void> {
  const how = { contentType: 'application/merge-patch+json' };
  const { code, body } = await plane.request('PATCH', `${pathOf(key)}/status`, { status }, how);
  if (code !== 200) throw new Error(`${key}: ${code} ${JSON.stringify(body)}`);
}
