import { posix } from 'node:path';
import { environmentName } from '../options/names.ts';
import { agentVolumes, type Folders, isCovered } from './folders.ts';
import type { Container, Mount, PodSpec, Volume } from './pod-template.ts';
import { AGENT, defaultOf, type InjectSettings, type KeySecret } from './settings.ts';
import type { NamedUser } from './user.ts';

type Environment = NonNullable<Container['env']>;

/** What is known of the pod that the agent is put into. */
export interface Beside {
  readonly folders: Folders;
  /** What named mounts, and what both share. */
  readonly mounts: readonly Mount[];
  /** Of the container that named runs in. */
  readonly env: Environment;
  /** The user's configuration that is to be adopted; empty: none. */
  readonly conf: string;
  readonly dnsPort: number;
  readonly user: Pick<NamedUser, 'uid' | 'gid'>;
}

const OWN_FOLDER = `/etc/${AGENT}`;
/** Where clients of the API server look. */
const TOKEN_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

export const httpPort = ({ options }: InjectSettings): number =>
  Number(options.get('http.port') ?? defaultOf('http.port'));

/** The agent as a sidecar that starts before named and ends after it. No probe of its own counts once named serves. */
export function agentContainer(settings: InjectSettings, beside: Beside, spec: PodSpec): Container {
  const port = httpPort(settings);
  const mounts = [...beside.mounts, ...agentMounts(settings, spec, beside.mounts)];
  return {
    name: AGENT,
    image: settings.image,
    restartPolicy: 'Always',
    args: ['run'],
    env: [...environment(settings, beside), ...expanded(beside)],
    ports: [{ name: AGENT, containerPort: port }],
    // The kubelet starts named when this succeeds; the agent itself lets it after `start.deadlineSeconds`.
    // An agent that ends or hangs later is started again within its container, by what the image starts it with.
    startupProbe: {
      httpGet: { path: '/startupz', port },
      timeoutSeconds: 5,
      periodSeconds: 1,
      failureThreshold: 600,
    },
    // Peers look for other primaries while named still serves.
    lifecycle: { preStop: { exec: { command: [AGENT, 'drain'] } } },
    resources: {
      requests: { cpu: settings.cpu, memory: settings.memory },
      limits: { memory: settings.memoryLimit },
    },
    securityContext: {
      runAsUser: beside.user.uid,
      ...(beside.user.gid === undefined ? {} : { runAsGroup: beside.user.gid }),
      runAsNonRoot: true,
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: mounts,
  };
}

/** Volumes that the agent alone mounts. */
export function ownVolumes(settings: InjectSettings, spec: PodSpec): Volume[] {
  const keys = keySecrets(settings);
  const fromPod = (path: string, fieldPath: string) => ({ path, fieldRef: { fieldPath } });
  const all: Volume[] = [
    { name: agentVolumes.labels, downwardAPI: { items: [fromPod('labels', 'metadata.labels')] } },
  ];
  if (keys.length > 0)
    all.push({
      name: agentVolumes.keys,
      projected: {
        sources: keys.map(({ secret, file }) => ({
          secret: { name: secret, items: [{ key: file, path: `${secret}/${file}` }] },
        })),
      },
    });
  if (spec.automountServiceAccountToken === false)
    all.push({
      name: agentVolumes.token,
      projected: {
        sources: [
          { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        ],
      },
    });
  return all;
}

function agentMounts(settings: InjectSettings, spec: PodSpec, given: readonly Mount[]): Mount[] {
  const places: Readonly<Record<string, string>> = {
    [agentVolumes.labels]: `${OWN_FOLDER}/pod`,
    [agentVolumes.keys]: `${OWN_FOLDER}/keys`,
    [agentVolumes.token]: TOKEN_FOLDER,
  };
  return ownVolumes(settings, spec)
    .map(({ name }) => ({ name, mountPath: places[name] ?? '', readOnly: true }))
    .filter(({ mountPath }) => mountPath !== TOKEN_FOLDER || !isCovered(TOKEN_FOLDER, given));
}

const keySecrets = ({ key, moreKeys }: InjectSettings): KeySecret[] => [
  ...(key === undefined ? [] : [key]),
  ...moreKeys,
];

const keyFile = ({ secret, file }: KeySecret): string =>
  posix.join(OWN_FOLDER, 'keys', secret, file);

/** The agent's settings. What is its default is left out. */
function environment(settings: InjectSettings, { folders, conf, dnsPort }: Beside): Environment {
  const { key, moreKeys, options } = settings;
  const values = new Map<string, string>([
    ['pod.labelsFile', `${OWN_FOLDER}/pod/labels`],
    ['dns.port', String(dnsPort)],
    ['named.conf', conf],
    ['paths.config', folders.config],
    ['paths.zones', folders.zones],
    ['paths.newZones', folders.newZones],
    ['paths.state', folders.state],
    ['keys.cluster', key === undefined ? '' : keyFile(key)],
    ['keys.files', moreKeys.map(keyFile).join(',')],
  ]);
  for (const [path, value] of options) values.set(path, value);
  const fields = [
    ['pod.name', 'metadata.name'],
    ['pod.uid', 'metadata.uid'],
    ['pod.namespace', 'metadata.namespace'],
    ['pod.ips', 'status.podIPs'],
  ] as const;
  return [
    { name: environmentName('cluster'), value: 'kubernetes' },
    ...fields.map(([path, fieldPath]) => ({
      name: environmentName(path),
      valueFrom: { fieldRef: { fieldPath } },
    })),
    ...[...values]
      .filter(([path, value]) => value !== '' && !isDefault(path, value))
      .map(([path, value]) => ({ name: environmentName(path), value })),
  ];
}

function isDefault(path: string, value: string): boolean {
  const settled = ['dns.port', 'paths.config', 'paths.zones', 'paths.newZones', 'paths.state'];
  return settled.includes(path) && value === defaultOf(path);
}

/** A mount's `subPathExpr` is made of its own container's environment. */
const expanded = ({ mounts, env }: Beside): Environment => {
  const names = new Set(
    mounts.flatMap(({ subPathExpr = '' }) =>
      [...subPathExpr.matchAll(/\$\(([^)]+)\)/g)].map(([, name = '']) => name),
    ),
  );
  return env.filter(({ name }) => names.has(name));
};
