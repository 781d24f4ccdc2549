import { kindSchemas } from '../../agent/resources/schema.ts';
import type { TestObject } from '../cluster/manifest-texts.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';

const apiVersion = 'bindy.firestoned.io/v1beta1';

const collection = (namespace: string, kind: TestObject['kind']): string =>
  `/apis/${apiVersion}/namespaces/${namespace}/${kindSchemas[kind].plural}`;

async function must(plane: ControlPlane, ...asked: Parameters<ControlPlane['request']>) {
  const { code, body } = await plane.request(...asked);
  if (code >= 300) throw new Error(`${asked[0]} ${asked[1]}: ${code} ${JSON.stringify(body)}`);
}

/** Makes the object, or gives it this spec. */
export function put(plane: ControlPlane, namespace: string, object: TestObject): Promise<void> {
  const { kind, name, spec } = object;
  const path = `${collection(namespace, kind)}/${name}?fieldManager=test&force=true`;
  const contentType = 'application/apply-patch+yaml';
  return must(
    plane,
    'PATCH',
    path,
    { apiVersion, kind, metadata: { name }, spec },
    { contentType },
  );
}

export const remove = (
  plane: ControlPlane,
  namespace: string,
  { kind, name }: TestObject,
): Promise<void> => must(plane, 'DELETE', `${collection(namespace, kind)}/${name}`);

export async function putConfigMap(
  plane: ControlPlane,
  namespace: string,
  name: string,
  data: Readonly<Record<string, string>>,
): Promise<void> {
  const path = `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=test&force=true`;
  const configMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data };
  await must(plane, 'PATCH', path, configMap, { contentType: 'application/apply-patch+yaml' });
}
