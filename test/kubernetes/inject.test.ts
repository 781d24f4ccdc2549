import { expect, test } from 'vitest';
import { injectStream } from '../../agent/inject/manifest-stream.ts';
import { injectDocument } from '../../agent/inject/workload.ts';
import { useControlPlane } from '../control-plane/suite.ts';
import {
  type Manifest,
  objectsIn,
  settings,
  shapes,
  templateOf,
  textOf,
} from '../inject/shapes.ts';

const plane = useControlPlane();

/** A namespace with the accounts that the pods are for. */
async function newNamespace(): Promise<string> {
  const name = await plane().namespace('inject');
  for (const account of ['default', 'bind9', settings.serviceAccount])
    await plane().kubectl(['-n', name, 'create', 'serviceaccount', account]);
  return name;
}

const asText = (objects: readonly object[]): string =>
  objects.map((object) => JSON.stringify(object)).join('\n---\n');

const inNamespace = (objects: readonly Manifest[], namespace: string): Manifest[] =>
  objects.map((object) => ({ ...object, metadata: { ...object.metadata, namespace } }));

test.each(shapes)('an API server takes %s as it was injected, strictly', async (shape) => {
  const namespace = await newNamespace();
  const { text } = injectStream(textOf(shape), settings);
  const objects = inNamespace(objectsIn(text), namespace);
  const args = ['apply', '--dry-run=server', '--validate=strict', '-o', 'json', '-f', '-'];
  const { items, ...only } = JSON.parse(await plane().kubectl(args, asText(objects)));
  const taken = (items ?? [only]) as Manifest[];
  const agents = taken.filter((object) => JSON.stringify(object).includes('"name":"bind9-agent"'));
  expect(agents.length).toBeGreaterThan(0);
  const sidecar = expect.objectContaining({ name: 'bind9-agent', restartPolicy: 'Always' });
  for (const agent of agents)
    expect(templateOf(agent)?.spec).toMatchObject({
      initContainers: expect.arrayContaining([sidecar]),
    });
});

const workloadShapes = shapes.filter((shape) => !/^kind: Pod$/m.test(textOf(shape)));

test.each(workloadShapes)(
  'the patch for %s as it is stored applies there, and then there is none',
  async (shape) => {
    const namespace = await newNamespace();
    const objects = inNamespace(objectsIn(textOf(shape)), namespace);
    const workloads = objects.filter(({ kind }) => /Deployment|Set$/.test(kind));
    for (const workload of workloads) {
      const named = ['-n', namespace, workload.kind, String(workload.metadata['name'])];
      const now = async () => JSON.parse(await plane().kubectl(['get', ...named, '-o', 'json']));
      await plane().kubectl(['apply', '-f', '-'], asText([workload]));
      const { patch, outcomes } = injectDocument(await now(), settings);
      if (outcomes[0]?.kind === 'unwanted') continue;
      expect(patch.length).toBeGreaterThan(0);
      await plane().kubectl(['patch', ...named, '--type=json', '-p', JSON.stringify(patch)]);
      expect(injectDocument(await now(), settings).patch).toEqual([]);
    }
  },
);

test('a plain pod becomes one that restricted Pod Security admits', async () => {
  const namespace = await newNamespace();
  const level = 'pod-security.kubernetes.io/enforce=restricted';
  await plane().kubectl(['label', 'namespace', namespace, level]);
  const podOf = (text: string): string => {
    const template = objectsIn(text).map((object) => templateOf(object))[0];
    const metadata = { ...template?.metadata, name: 'plain', namespace };
    return JSON.stringify({ apiVersion: 'v1', kind: 'Pod', ...template, metadata });
  };
  const create = ['create', '--dry-run=server', '-f', '-'];
  const plain = textOf('isc-plain');
  await expect(plane().kubectl(create, podOf(plain))).rejects.toThrow(/violates PodSecurity/);
  await plane().kubectl(create, podOf(injectStream(plain, settings).text));
});
