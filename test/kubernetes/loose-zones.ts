import type { ControlPlane } from '../control-plane/control-plane.ts';

interface Definition {
  readonly spec: {
    readonly versions: readonly {
      readonly schema: { readonly openAPIV3Schema: { properties: Record<string, unknown> } };
    }[];
  };
}

/** Lets the API server take any spec of a DNSZone: so that there are wrong ones, as with the CRDs of others. */
export async function takeAnyZone(plane: ControlPlane): Promise<void> {
  const path =
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/dnszones.bindy.firestoned.io';
  const { body } = await plane.request('GET', path);
  const definition = body as Definition;
  for (const { schema } of definition.spec.versions)
    schema.openAPIV3Schema.properties['spec'] = {
      type: 'object',
      'x-kubernetes-preserve-unknown-fields': true,
    };
  const { code } = await plane.request('PUT', path, definition);
  if (code !== 200) throw new Error(`PUT ${path}: ${code}`);
}
