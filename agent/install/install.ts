import { customResourceDefinitions } from './crd.ts';
import type { Manifest } from './manifest.ts';
import { leasePolicy } from './policy.ts';
import { accessOf, type Installation } from './rbac.ts';

export const installParts = ['crds', 'rbac', 'policy'] as const;
export type InstallPart = (typeof installParts)[number];

/** What a cluster needs before agents can run in it, in the order in which it is to be applied. */
export function installOf(
  parts: readonly InstallPart[],
  installation: Installation,
): readonly Manifest[] {
  return installParts
    .filter((part) => parts.includes(part))
    .flatMap((part) => of(part, installation));
}

function of(part: InstallPart, installation: Installation): readonly Manifest[] {
  switch (part) {
    case 'crds':
      return customResourceDefinitions();
    case 'rbac':
      return accessOf(installation);
    case 'policy':
      return leasePolicy(installation.serviceAccount);
  }
}

/** As `config/` has it, and `manifests` without options. */
export const defaultInstallation: Installation = {
  namespace: 'dns-system',
  serviceAccount: 'bind9-agent',
  watched: [],
  pods: [],
};
