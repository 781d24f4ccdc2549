import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { putManifest } from './manifests.ts';

/** A pod that is about to start. */
export interface Newcomer {
  readonly name: string;
  readonly address: string;
  /** The pod's own folder. */
  readonly folder: string;
}

export interface Admitted {
  readonly uid: string;
  /** What its agent is told so that it finds the cluster, by option path. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Where a rig's resources are kept and its pods known: a folder of manifests, or an API server. */
export interface Home {
  readonly kind: 'directory' | 'kubernetes';
  /** The namespace of what names none. */
  readonly namespace: string;
  /** Replaces the objects that were put under this name, or takes them away where there is no text. */
  put(name: string, text: string | undefined): Promise<void>;
  /** The status of a DNSZone; throws while there is none. */
  status(name: string): Promise<unknown>;
  admit(pod: Newcomer): Promise<Admitted>;
  /** The pod is no more: another one may come under its name. */
  dismiss(pod: string): Promise<void>;
}

/** The folder that the pods share: `manifests/`, `peers/`, `status/`. */
export function directoryHome(folder: string): Home {
  return {
    kind: 'directory',
    namespace: 'default',
    put: (name, text) => putManifest(join(folder, 'manifests'), name, text),
    status: async (name) => {
      const text = await readFile(join(folder, 'status', `default.${name}.yaml`), 'utf8');
      return (parse(text) as { readonly status: unknown }).status;
    },
    admit: async () => ({
      uid: randomUUID(),
      settings: { cluster: 'directory', 'directory.path': folder },
    }),
    dismiss: async () => undefined,
  };
}
