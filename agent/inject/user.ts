import { type Parsed, parsed, refused } from '../problem.ts';
import { quoted } from '../resources/got.ts';
import type { Container, PodSpec, PodTemplate } from './pod-template.ts';
import { annotationNames, type InjectSettings } from './settings.ts';

/** Who named and the agent run as: one uid, since named's database of zones is for its owner alone. */
export interface NamedUser {
  readonly uid: number;
  readonly gid: number | undefined;
  /** The pod did not say; its named would start as root and become a user that only its image knows. */
  readonly granted: boolean;
}

const LOWEST_FREE = 1024;

/** @param index of named's container */
export function namedUser(
  { metadata, spec }: PodTemplate,
  index: number,
  port: number,
  settings: InjectSettings,
): Parsed<NamedUser> {
  const own = spec.containers[index]?.securityContext ?? {};
  const all = spec.securityContext ?? {};
  const uid = own.runAsUser ?? all.runAsUser;
  const gid = own.runAsGroup ?? all.runAsGroup;
  const path = own.runAsUser === undefined ? 'spec' : `spec.containers[${index}]`;
  const told = metadata?.annotations?.[annotationNames.user];
  if (uid === 0)
    return refused(
      `${path}.securityContext.runAsUser`,
      `want a user that is not root, or none (it is then ${told ?? settings.user}), got 0`,
    );
  if (uid !== undefined) return parsed({ uid, gid, granted: false });
  const granted = Number(told ?? settings.user);
  if (!Number.isInteger(granted) || granted < 1 || granted > 4294967295)
    return refused(
      `metadata.annotations["${annotationNames.user}"]`,
      `want a uid from 1, got ${quoted(told ?? '')}`,
    );
  if (spec.hostNetwork === true && port < LOWEST_FREE)
    return refused(
      'spec.hostNetwork',
      `want a pod network, where named needs not be root for port ${port}, or a port from ${LOWEST_FREE}, got true`,
    );
  return parsed({ uid: granted, gid: gid ?? granted, granted: true });
}

/** What named's container gets where the pod did not say who it is. What it does say stays. */
export function grantUser(
  { securityContext }: Container,
  spec: PodSpec,
  { uid, gid, granted }: NamedUser,
): Pick<Container, 'securityContext'> {
  if (!granted) return securityContext === undefined ? {} : { securityContext };
  const profile = { seccompProfile: { type: 'RuntimeDefault' } };
  return {
    securityContext: {
      runAsUser: uid,
      ...(gid === undefined ? {} : { runAsGroup: gid }),
      runAsNonRoot: true,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      ...('seccompProfile' in (spec.securityContext ?? {}) ? {} : profile),
      ...securityContext,
    },
  };
}

const SYSCTL = 'net.ipv4.ip_unprivileged_port_start';

/** What the pod as a whole needs so that who is not root can listen on `port` and write to its volumes. */
export function unprivilegedPorts(
  { securityContext = {}, hostNetwork }: PodSpec,
  port: number,
  { uid, gid = uid, granted }: NamedUser,
): Pick<PodSpec, 'securityContext'> {
  const { sysctls = [] } = securityContext;
  const now = sysctls.find(({ name }) => name === SYSCTL);
  const enough = port >= LOWEST_FREE || hostNetwork === true || Number(now?.value) <= port;
  const group =
    granted && securityContext.fsGroup === undefined
      ? { fsGroup: gid, fsGroupChangePolicy: 'OnRootMismatch' }
      : {};
  const others = sysctls.filter(({ name }) => name !== SYSCTL);
  const all = {
    ...securityContext,
    ...group,
    ...(enough ? {} : { sysctls: [...others, { name: SYSCTL, value: String(port) }] }),
  };
  return Object.keys(all).length === 0 ? {} : { securityContext: all };
}
