import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Home } from './home.ts';

const { serviceAccount } = defaultInstallation;

interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/**
 * A namespace of its own on an API server that has our CRDs. The agents have the rights that the install gives them, and
 * tokens that are bound to their Pod objects.
 */
export async function kubernetesHome(plane: ControlPlane): Promise<Home> {
  const namespace = await plane.namespace();
  const rights = installOf(['rbac', 'policy'], { ...defaultInstallation, namespace });
  await plane.kubectl(['apply', '-f', '-'], manifestText(rights));
  /** Paths of the objects by the name under which they were put. */
  const written = new Map<string, readonly string[]>();

  const must = async (...asked: Parameters<ControlPlane['request']>): Promise<unknown> => {
    const { code, body } = await plane.request(...asked);
    if (code < 300) return body;
    throw new Error(`${asked[0]} ${asked[1]}: ${code} ${JSON.stringify(body)}`);
  };
  const applied = async (object: KubernetesObject): Promise<string> => {
    const path = pathOf(object, namespace);
    const contentType = 'application/apply-patch+yaml';
    await must('PATCH', `${path}?fieldManager=rig&force=true`, object, { contentType });
    return path;
  };
  const gone = async (path: string): Promise<void> => {
    const { code } = await plane.request('DELETE', `${path}?gracePeriodSeconds=0`);
    if (code >= 300 && code !== 404) throw new Error(`DELETE ${path}: ${code}`);
  };
  return {
    kind: 'kubernetes',
    namespace,
    async put(name, text) {
      const objects = text === undefined ? [] : objectsIn(text);
      const paths = await Promise.all(objects.map(applied));
      const before = written.get(name) ?? [];
      written.set(name, paths);
      await Promise.all(before.filter((path) => !paths.includes(path)).map(gone));
    },
    async status(name) {
      const zone = { apiVersion, kind: 'DNSZone', metadata: { name } };
      return ((await must('GET', pathOf(zone, namespace))) as { readonly status: unknown }).status;
    },
    async admit({ name, address, folder }) {
      const { uid } = await plane.pod({ namespace, name, ip: address, serviceAccount });
      const token = join(folder, 'token');
      await writeFile(token, await plane.tokenFor({ namespace, serviceAccount, pod: name }));
      const settings = {
        cluster: 'kubernetes',
        'kubernetes.server': plane.server,
        'kubernetes.caFile': plane.caFile,
        'kubernetes.tokenFile': token,
        'pod.namespace': namespace,
      };
      return { uid, settings };
    },
    dismiss: (pod) => gone(`/api/v1/namespaces/${namespace}/pods/${pod}`),
  };
}

const apiVersion = 'bindy.firestoned.io/v1beta1';

const objectsIn = (text: string): KubernetesObject[] =>
  parseAllDocuments(text).map((document) => document.toJS() as KubernetesObject);

function pathOf({ apiVersion: version, kind, metadata }: KubernetesObject, own: string): string {
  const ours = Object.entries(kindSchemas).find(([each]) => each === kind)?.[1];
  if (ours === undefined && kind !== 'ConfigMap') throw new Error(`a rig has no ${kind}`);
  const root = ours === undefined ? '/api/v1' : `/apis/${version}`;
  const { namespace = own, name } = metadata;
  return `${root}/namespaces/${namespace}/${ours?.plural ?? 'configmaps'}/${name}`;
}
