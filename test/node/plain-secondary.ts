import { withEye } from '../rig/dns.ts';
import { until } from '../rig/until.ts';
import type { Namespace, PodState } from './cluster.ts';
import { placeOf } from './service-load.ts';

const name = 'plain-secondary';

/**
 * What BIND takes by itself: a pod of named alone that has the zone from this primary by a configuration that somebody wrote
 * by hand. Returns the milliseconds from its making to its first answer; the pod is removed.
 */
export async function plainSecondary(
  namespace: Namespace,
  primary: string,
  zone: string,
): Promise<number> {
  const made = performance.now();
  await namespace.apply(
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [conf(primary, zone), pod] }),
  );
  try {
    const find = async (): Promise<PodState | undefined> =>
      (await namespace.pods(`app=${name}`)).find(({ status }) => status.podIP !== undefined);
    const young = await until(find, { withinMs: 60_000, everyMs: 10 });
    const place = placeOf(young?.status.podIP ?? '');
    await withEye(place, (eye) => until(() => eye.serial(zone, 300), { withinMs: 60_000 }));
    return performance.now() - made;
  } finally {
    await namespace.kubectl('delete', 'pod', name, '--grace-period=0', '--force');
  }
}

const conf = (primary: string, zone: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data: {
    'named.conf': `include "/keys/cluster.key";
options { directory "/tmp"; recursion no; pid-file none; session-keyfile none; };
controls { };
zone "${zone}" { type secondary; file "zone"; primaries { ${primary} key cluster; }; };
`,
  },
});

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: {
    securityContext: {
      runAsUser: 101,
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
      sysctls: [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '53' }],
    },
    containers: [
      {
        name: 'named',
        image: 'internetsystemsconsortium/bind9:9.20',
        command: ['/usr/sbin/named', '-g', '-c', '/conf/named.conf'],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
        volumeMounts: [
          { name: 'conf', mountPath: '/conf' },
          { name: 'keys', mountPath: '/keys' },
          { name: 'tmp', mountPath: '/tmp' },
        ],
      },
    ],
    volumes: [
      { name: 'conf', configMap: { name } },
      { name: 'keys', secret: { secretName: 'bind9-keys' } },
      { name: 'tmp', emptyDir: {} },
    ],
  },
};
