import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { defaultSettings, type InjectSettings } from '../../agent/inject/settings.ts';

export const folder = join(import.meta.dirname, 'shapes');

/** Pods as people have them, each in a file of manifests. */
export const shapes = readdirSync(folder)
  .filter((name) => name.endsWith('.yaml') && !name.endsWith('.injected.yaml'))
  .map((name) => name.slice(0, -'.yaml'.length));

export const textOf = (shape: string): string =>
  readFileSync(join(folder, `${shape}.yaml`), 'utf8');

export const settings: InjectSettings = {
  ...defaultSettings,
  image: 'bind9-agent:1.2.3',
  key: { secret: 'bind9-keys', file: 'cluster.key' },
};

export interface Manifest {
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly items?: readonly Manifest[];
}

/** The objects of a stream, those of Lists one by one, as kubectl would read them. */
export const objectsIn = (text: string): Manifest[] =>
  parseAllDocuments(text, { version: '1.1' })
    .map((document) => document.toJS() as Manifest | null)
    .flatMap((object) => (object === null ? [] : (object.items ?? [object])));

interface Template {
  readonly metadata: { readonly labels?: object };
  readonly spec: { readonly containers: readonly Readonly<Record<string, unknown>>[] };
}

/** The pod of a Pod, the template of a workload. */
export const templateOf = ({ kind, metadata, spec }: Manifest): Template | undefined =>
  (kind === 'Pod' ? { metadata, spec } : spec?.['template']) as Template | undefined;
