import { stringify } from 'yaml';

/** A Kubernetes object as `kubectl apply` takes it. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [part: string]: unknown;
}

/** What everything that is installed is labelled with. */
export const partOf = { 'app.kubernetes.io/part-of': 'bind9-agent' } as const;

/** kubectl reads YAML 1.1, in which a bare `y` or `off` is no text. */
const yaml11 = { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false } as const;

/** One YAML document an object. */
export const manifestText = (manifests: readonly Manifest[]): string =>
  manifests.map((manifest) => stringify(manifest, yaml11)).join('---\n');
