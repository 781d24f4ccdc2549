import { posix } from 'node:path';
import type { Mount, PodSpec, Volume } from './pod-template.ts';
import { AGENT, defaultOf } from './settings.ts';

/** The folders that named and the agent share, by the option that names them. */
export interface Folders {
  readonly config: string;
  readonly zones: string;
  readonly newZones: string;
  readonly state: string;
}

export type Shared = {
  readonly folders: Folders;
  /** Volumes of ours, and where both containers mount them. */
  readonly volumes: readonly Volume[];
  readonly mounts: readonly Mount[];
};

const volumeNames: Readonly<Record<keyof Folders, string>> = {
  config: `${AGENT}-config`,
  zones: `${AGENT}-zones`,
  newZones: `${AGENT}-nzd`,
  state: `${AGENT}-state`,
};

/** What an adopted configuration usually names as `directory`, and where named keeps its pid: of images, not of volumes. */
const workFolders = [
  [`${AGENT}-cache`, '/var/cache/bind'],
  [`${AGENT}-run`, '/var/run/named'],
] as const;

/** Volumes that only the agent mounts. */
export const agentVolumes = {
  labels: `${AGENT}-labels`,
  keys: `${AGENT}-keys`,
  token: `${AGENT}-token`,
} as const;

/** Whoever uses these names uses what is ours. */
export const ourVolumes: ReadonlySet<string> = new Set([
  ...Object.values(volumeNames),
  ...workFolders.map(([name]) => name),
  ...Object.values(agentVolumes),
]);

const isWithin = (path: string, folder: string): boolean => {
  const [inner, outer] = [posix.resolve(path), posix.resolve(folder)];
  return inner === outer || outer === '/' || inner.startsWith(`${outer}/`);
};

export const isCovered = (path: string, mounts: readonly Mount[]): boolean =>
  mounts.some(({ mountPath }) => isWithin(path, mountPath));

/** Kinds of volumes that the kubelet mounts read-only. */
const fixedKinds = ['configMap', 'secret', 'downwardAPI', 'projected', 'image'];

/** A volume that is not in the pod comes of a StatefulSet's claims. */
export function isWritable({ name, readOnly }: Mount, volumes: readonly Volume[]): boolean {
  const volume: object = volumes.find((each) => each.name === name) ?? {};
  return readOnly !== true && !fixedKinds.some((kind) => kind in volume);
}

/**
 * Where the shared folders are. What named mounts already is used where all of a kind fits into it; where something else
 * lies at or around their usual places, they move.
 *
 * @param mounts named's own, without ours
 */
export function sharedFolders(spec: PodSpec, mounts: readonly Mount[], adopts: boolean): Shared {
  const usual: Folders = {
    config: defaultOf('paths.config'),
    zones: defaultOf('paths.zones'),
    newZones: defaultOf('paths.newZones'),
    state: defaultOf('paths.state'),
  };
  const elsewhere = (part: keyof Folders) =>
    `/var/lib/${AGENT}/${part === 'newZones' ? 'nzd' : part}`;
  const settle = (parts: readonly (keyof Folders)[]) => {
    const touching = mounts.filter(({ mountPath }) =>
      parts.some((part) => isWithin(usual[part], mountPath) || isWithin(mountPath, usual[part])),
    );
    const fitting = touching.filter(
      (mount) =>
        isWritable(mount, spec.volumes ?? []) &&
        parts.every((part) => isWithin(usual[part], mount.mountPath)),
    );
    const reused = touching.length > 0 && fitting.length === touching.length;
    return parts.map((part) => ({
      part,
      path: touching.length === 0 || reused ? usual[part] : elsewhere(part),
      reused,
    }));
  };
  // A database of zones without its zone files, or the other way round, would be worse than none.
  const settled = [...settle(['config']), ...settle(['zones', 'newZones', 'state'])];
  const own = settled
    .filter(({ reused }) => !reused)
    .map(({ part, path }) => [volumeNames[part], path] as const);
  const work = adopts
    ? workFolders.filter(([, path]) => !isCovered(real(path), mounts.map(realMount)))
    : [];
  const all = [...own, ...work];
  return {
    folders: Object.fromEntries(
      settled.map(({ part, path }) => [part, path]),
    ) as unknown as Folders,
    volumes: all.map(([name]) => ({ name, emptyDir: {} })),
    mounts: all.map(([name, mountPath]) => ({ name, mountPath })),
  };
}

/** `/var/run` is a link in every image. */
const real = (path: string): string => path.replace(/^\/var\/run(?=\/|$)/, '/run');
const realMount = (mount: Mount): Mount => ({ ...mount, mountPath: real(mount.mountPath) });
