import type { ResourceKind } from './types.ts';

type Addressed = Readonly<Record<string, string | readonly string[] | undefined>>;

const families: { readonly [Kind in ResourceKind]?: string } = {
  ARecord: 'ipv4Address',
  AAAARecord: 'ipv6Address',
};

/** The field that holds a list of addresses, for the kinds that have one. */
export function addressFieldOf(kind: ResourceKind): string | undefined {
  const field = families[kind];
  return field === undefined ? undefined : `${field}es`;
}

/**
 * The spec in the form that both API versions come down to: v1alpha1 has a single address, v1beta1 a list, either may
 * hold both. Expects a checked spec; other kinds' specs are given back as they are.
 */
export function withAddressList(kind: ResourceKind, spec: unknown): unknown {
  const field = families[kind];
  if (field === undefined) return spec;
  const { [field]: single = [], [`${field}es`]: list = [], ...rest } = spec as Addressed;
  return { ...rest, addresses: [...new Set([single, list].flat())].sort() };
}
