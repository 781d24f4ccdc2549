import type { Problem } from '../problem.ts';
import { agentContainer, httpPort, ownVolumes } from './agent-container.ts';
import { looksLikeNamed } from './find-named.ts';
import { isWritable, ourVolumes, sharedFolders } from './folders.ts';
import { difference, type Operation } from './json-patch.ts';
import { merged, withDefaults } from './merge.ts';
import { rewriteCommand } from './named-command.ts';
import {
  type Container,
  type Mount,
  type PodSpec,
  type PodTemplate,
  readTemplate,
} from './pod-template.ts';
import { look, type Seen } from './seen.ts';
import { AGENT, INJECT, type InjectSettings } from './settings.ts';
import { grantUser, unprivilegedPorts } from './user.ts';

/** What is to be done to a pod. */
export type Injection =
  /** RFC 6902, relative to the pod or template; empty where all of it is there already. */
  | { readonly kind: 'patch'; readonly patch: readonly Operation[] }
  | { readonly kind: 'unwanted'; readonly why: string }
  /** `meant`: it looks like a pod of named, or somebody asked for an agent. */
  | { readonly kind: 'refused'; readonly problems: readonly Problem[]; readonly meant: boolean };

/**
 * Puts the agent beside named, as a native sidecar (Kubernetes 1.29), into a pod or the template of pods. Done twice it is
 * done once; with other settings, what was put in before is replaced. Of named's own container only its command, its
 * mounts, and an absent user, startup probe and preStop change.
 */
export function inject(value: unknown, settings: InjectSettings): Injection {
  const template = readTemplate(value);
  if (!template.ok) return { kind: 'refused', problems: template.problems, meant: false };
  const { metadata } = template.value;
  const asked = metadata?.labels?.[INJECT] ?? metadata?.annotations?.[INJECT];
  if (asked === 'false') return { kind: 'unwanted', why: `${INJECT} is "false"` };
  const seen = look(template.value, settings);
  if (seen.ok)
    return { kind: 'patch', patch: difference(value, put(template.value, seen.value, settings)) };
  const meant = asked !== undefined || looksLikeNamed(template.value);
  return { kind: 'refused', problems: seen.problems, meant };
}

function put(template: PodTemplate, seen: Seen, settings: InjectSettings): PodTemplate {
  const { spec } = template;
  const { index, named, command, mounts, conf, dnsPort, user, before } = seen;
  const shared = sharedFolders(spec, mounts, conf !== '');
  const { command: _, args: __, ...rest } = named;
  const container = {
    ...rest,
    ...rewriteCommand(command, {
      conf: `${shared.folders.config}/named.conf`,
      withoutUser: user.granted,
    }),
    ...grantUser(named, spec, user),
    startupProbe: startupProbe(named, settings),
    lifecycle: { ...named.lifecycle, preStop: named.lifecycle?.preStop ?? lastSeconds },
    volumeMounts: merged(named.volumeMounts ?? [], shared.mounts, mounts),
  };
  const beside = {
    folders: shared.folders,
    mounts: [...mounts.map(mountOnly), ...shared.mounts],
    env: named.env ?? [],
    conf,
    dnsPort,
    user,
  };
  const agent = agentContainer(settings, beside, spec);
  const volumes = [...shared.volumes, ...ownVolumes(settings, spec)];
  const others = (spec.volumes ?? []).filter(({ name }) => !ourVolumes.has(name));
  return {
    ...template,
    spec: {
      ...spec,
      ...serviceAccount(spec, settings),
      ...unprivilegedPorts(spec, dnsPort, user),
      terminationGracePeriodSeconds: Math.max(
        spec.terminationGracePeriodSeconds ?? 0,
        settings.graceSeconds,
      ),
      initContainers: placed(spec, withDefaults(before, agent), mounts),
      containers: spec.containers.with(index, container),
      volumes: merged(spec.volumes ?? [], volumes, others),
    },
  };
}

/**
 * named counts as started when the agent has said once that the zones are served: after that the agent's silence takes
 * nothing from the pod, as it would with a readiness probe. The kubelet is not to lose patience with it.
 */
function startupProbe(
  { startupProbe: given }: Container,
  settings: InjectSettings,
): NonNullable<Container['startupProbe']> {
  const path = '/readyz';
  const isOurs = JSON.stringify(given)?.includes(`"${path}"`) === true;
  if (given !== undefined && !isOurs) return given;
  const wanted = {
    httpGet: { path, port: httpPort(settings) },
    periodSeconds: 1,
    timeoutSeconds: 5,
    failureThreshold: 1_000_000,
  };
  return withDefaults(given, wanted);
}

/**
 * Clients learn of a pod's end while named still answers them: a rolling update loses no query. By a command, since the
 * kubelet's own `sleep` is not in Kubernetes 1.29; an image without one ends at once, as before.
 */
const lastSeconds = { exec: { command: ['sleep', '5'] } };

/** What matters of a mount to a second container. */
const mountOnly = ({ name, mountPath, subPath, subPathExpr, readOnly }: Mount): Mount => ({
  name,
  mountPath,
  ...(subPath === undefined ? {} : { subPath }),
  ...(subPathExpr === undefined ? {} : { subPathExpr }),
  ...(readOnly === undefined ? {} : { readOnly }),
});

/** An account of its own has rights; the one that everybody has, has none. */
function serviceAccount(spec: PodSpec, { serviceAccount: name }: InjectSettings): Partial<PodSpec> {
  const now = spec.serviceAccountName ?? spec.serviceAccount ?? 'default';
  if (name === '' || now !== 'default') return {};
  return {
    serviceAccountName: name,
    // The old name of the field, which the API server fills in.
    ...(spec.serviceAccount === undefined ? {} : { serviceAccount: name }),
  };
}

/** First of all; only what prepares the volumes that named mounts has to be done before. */
function placed(spec: PodSpec, agent: Container, mounts: readonly Mount[]): Container[] {
  const all = spec.initContainers ?? [];
  const used = new Set(mounts.map(({ name }) => name));
  const prepares = ({ name, restartPolicy, volumeMounts = [] }: Container): boolean =>
    name !== AGENT &&
    restartPolicy !== 'Always' &&
    volumeMounts.some((mount) => used.has(mount.name) && isWritable(mount, spec.volumes ?? []));
  const now = all.findIndex(({ name }) => name === AGENT);
  if (now > all.findLastIndex(prepares)) return all.with(now, agent);
  const others = all.filter(({ name }) => name !== AGENT);
  return others.toSpliced(others.findLastIndex(prepares) + 1, 0, agent);
}
