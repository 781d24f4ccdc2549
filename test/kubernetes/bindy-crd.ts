import { defaultInstallation, installOf } from '../../agent/install/install.ts';
import { manifestText } from '../../agent/install/manifest.ts';
import { kindSchemas } from '../../agent/resources/schema.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { until } from '../rig/until.ts';

const text = { type: 'string' };
const count = { type: 'integer', minimum: 0 };
const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

/** What DNSZone lacks of our status is pruned; its list of conditions is written as a whole. */
const zoneStatus = {
  conditions: {
    type: 'array',
    items: {
      type: 'object',
      required: ['type', 'status'],
      properties: {
        type: text,
        status: text,
        reason: text,
        message: text,
        lastTransitionTime: text,
      },
    },
  },
  observedGeneration: { type: 'integer', format: 'int64' },
  records: { type: 'array', items: anything },
  recordsCount: count,
  bind9Instances: { type: 'array', items: anything },
  bind9InstancesCount: count,
};

/** A kind as Bindy 0.6 has it: in one version. */
const definition = (kind: string, plural: string, status: object, scope = 'Namespaced') => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.bindy.firestoned.io` },
  spec: {
    group: 'bindy.firestoned.io',
    names: { kind, plural, singular: kind.toLowerCase() },
    scope,
    versions: [
      {
        name: 'v1beta1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            required: ['spec'],
            properties: { spec: anything, status },
          },
        },
      },
    ],
  },
});

const dnsZone = definition('DNSZone', 'dnszones', { type: 'object', properties: zoneStatus });

/** Kinds that it has not. */
const ours = ['DNSZone', 'PTRRecord', 'DNSRecord'];

/** All kinds of Bindy, on a server that has none of them. */
export async function installBindy(plane: ControlPlane): Promise<void> {
  const others = Object.entries(kindSchemas)
    .filter(([kind]) => !ours.includes(kind))
    .map(([kind, { plural }]) => definition(kind, plural, anything));
  const provider = definition('ClusterBind9Provider', 'clusterbind9providers', anything, 'Cluster');
  const items = [...others, provider];
  await plane.kubectl(
    ['apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );
  const names = items.map(({ metadata }) => `crd/${metadata.name}`);
  await plane.kubectl(['wait', '--for=condition=Established', '--timeout=30s', ...names]);
  await installBindyZones(plane);
}

/** In the place of whatever DNSZone there is. */
export const installBindyZones = (plane: ControlPlane): Promise<void> =>
  install(plane, JSON.stringify(dnsZone), false);

export async function installOwnZones(plane: ControlPlane): Promise<void> {
  const crds = installOf(['crds'], defaultInstallation);
  const zones = crds.filter(({ metadata }) => metadata.name === dnsZone.metadata.name);
  await install(plane, manifestText(zones), true);
}

/** Waits until the server publishes the schema: it does so a while after it has begun to serve the resource. */
async function install(plane: ControlPlane, manifest: string, complete: boolean): Promise<void> {
  await plane.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], manifest);
  await until(async () => {
    const path = '/openapi/v3/apis/bindy.firestoned.io/v1beta1';
    const { code, body } = await plane.request('GET', path);
    return code === 200 && JSON.stringify(body).includes('secondaryIps') === complete;
  });
}
