import { addressFieldOf } from './record-addresses.ts';
import { apiVersions, type ResourceObject } from './types.ts';

/** The object as a manifest, which `readObject` reads as the same object again. */
export function manifestOf(object: ResourceObject): Readonly<Record<string, unknown>> {
  const { kind, metadata } = object;
  if (kind === 'ConfigMap') return { apiVersion: 'v1', kind, metadata, data: object.data };
  const { spec } = object;
  const field = addressFieldOf(kind);
  if (field === undefined || !('addresses' in spec))
    return { apiVersion: object.apiVersion, kind, metadata, spec };
  const { addresses, ...rest } = spec;
  return { apiVersion: apiVersions[0], kind, metadata, spec: { ...rest, [field]: addresses } };
}
