import { createHash } from 'node:crypto';
import { parse } from 'yaml';
import { textOf } from '../inject/shapes.ts';
import { installBindy } from '../kubernetes/bindy-crd.ts';
import type { Namespace, PodState } from './cluster.ts';
import { namedImage } from './images.ts';
import { pauseImage } from './pause-image.ts';

export const roles = ['primary', 'secondary'] as const;
export type Role = (typeof roles)[number];

export const cluster = 'production';
export const instanceOf = (role: Role): string => `${cluster}-${role}-0`;

/** Zones of Bindy's have this TTL, whatever their objects say. */
const TTL = 300;
const key = 'bindy-operator';
const group = 'bindy.firestoned.io';
const zoneFile = (zone: string): string => `/var/cache/bind/${zone}.zone`;

/** An object of Bindy's, as people and its operator write them. */
export const bindyObject = (kind: string, name: string, spec: object, labels: object = {}) => ({
  apiVersion: `${group}/v1beta1`,
  kind,
  metadata: { name, labels },
  spec,
});

/**
 * Bindy 0.6 without its images: pods of its shape, and what its operator does to them, by the very commands that its sidecar
 * gives to named. In the place of the sidecar a program waits.
 */
export class BindyOperator {
  readonly #dns: Namespace;

  constructor(dns: Namespace) {
    this.#dns = dns;
  }

  /** Its kinds, and a cluster with one instance of each role. */
  async install(): Promise<void> {
    const { plane } = this.#dns.node;
    await installBindy(plane);
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: this.#dns.name } };
    await this.#write([namespace, account, config]);
    await this.#write(roles.flatMap((role) => [secret(role), service(role)]));
    await this.#write([
      bindyObject('Bind9Cluster', cluster, {
        version: '9.18',
        primary: { replicas: 1 },
        secondary: { replicas: 1 },
      }),
      ...roles.map((role) =>
        bindyObject(
          'Bind9Instance',
          instanceOf(role),
          { clusterRef: cluster, role, replicas: 1 },
          {
            [`${group}/managed-by`]: 'Bind9Cluster',
            [`${group}/cluster`]: cluster,
            [`${group}/role`]: role,
          },
        ),
      ),
    ]);
    await this.#write(roles.map(deployment));
  }

  /** What it does each time that it looks at its instances. Throws where somebody has taken a field from it. */
  async reconcile(): Promise<void> {
    await this.#write([account]);
    for (const role of roles) {
      const { metadata, spec } = deployment(role).spec.template;
      const names = spec.containers.map(({ name }) => ({ name }));
      const containers = spec.containers.map(({ name, image }) =>
        name === 'api' ? { name, image } : { name },
      );
      const template = {
        metadata,
        spec: { containers, '$setElementOrder/containers': names },
      };
      const patch = JSON.stringify({ spec: { replicas: 1, template } });
      await this.#dns.kubectl('patch', 'deployment', instanceOf(role), '-p', patch);
    }
  }

  async addPrimary(
    pod: PodState,
    zone: string,
    { serial, www, to }: { serial: number; www: string; to: readonly string[] },
  ): Promise<void> {
    const text = `$TTL ${TTL}
@ SOA ns1.${zone}. admin.${zone}. ${serial} 3600 600 604800 300
@ NS ns1.${zone}.
ns1.${zone}. A 192.0.2.53
`;
    await this.#run(
      pod,
      ['sh', '-c', `rm -f ${zoneFile(zone)}.jnl; cat > ${zoneFile(zone)}`],
      text,
    );
    const access = to.length === 0 ? '' : secondaries(to);
    await this.rndc(
      pod,
      'addzone',
      zone,
      `{ type primary; file "${zoneFile(zone)}"; allow-update { key "${key}"; }; ${access} };`,
    );
    await this.update(pod, zone, `update add www.${zone}. ${TTL} A ${www}`);
  }

  /** Takes the zone from named, where it is there: the test may be tried twice. */
  async forget(pod: PodState, zone: string): Promise<void> {
    await this.rndc(pod, 'delzone', zone).catch(() => undefined);
  }

  async addSecondary(pod: PodState, zone: string, from: string): Promise<void> {
    const stanza = `{ type secondary; primaries { ${from} port 5353; }; };`;
    await this.rndc(pod, 'addzone', zone, stanza);
  }

  /** Secondaries are on other addresses: written into the zone as named has it, whoever has added it. */
  async readdress(pod: PodState, zone: string, to: readonly string[]): Promise<void> {
    const shown = await this.rndc(pod, 'showzone', zone);
    const kept = shown
      .replace(/^zone "[^"]+" (?:IN )?\{/, '')
      .replace(/\};\s*$/, '')
      .replace(/(?:also-notify|allow-transfer)\s*\{[^}]*\};/g, '');
    await this.rndc(pod, 'modzone', zone, `{ ${kept} ${secondaries(to)} };`);
  }

  /** How it writes records. */
  update(pod: PodState, zone: string, line: string): Promise<string> {
    const script = `server 127.0.0.1 5353\nzone ${zone}\n${line}\nsend\n`;
    return this.#run(pod, ['nsupdate', '-k', '/etc/bind/keys/rndc.key'], script);
  }

  rndc(pod: PodState, ...words: readonly string[]): Promise<string> {
    return this.#run(pod, ['rndc', '-c', '/etc/bind/rndc.conf', ...words]);
  }

  /** As it writes conditions: all of them, with those that it has read. */
  async tell(zone: string, conditions: readonly object[]): Promise<void> {
    const present = await this.#dns.kubectl('get', 'dnszone', zone, '-o', 'json');
    const { status = {} } = JSON.parse(present) as { status?: { conditions?: { type: string }[] } };
    const types = conditions.map((each) => (each as { type: string }).type);
    const kept = (status.conditions ?? []).filter(({ type }) => !types.includes(type));
    const patch = JSON.stringify({ status: { conditions: [...kept, ...conditions] } });
    await this.#dns.kubectl(
      ...['patch', 'dnszone', zone, '--subresource=status', '--type=merge', '-p', patch],
    );
  }

  #run({ metadata }: PodState, words: readonly string[], stdin = ''): Promise<string> {
    // A stream that nobody reads can break before the exit code is there.
    const flags = stdin === '' ? [] : ['-i'];
    const exec = ['-n', this.#dns.name, 'exec', ...flags, metadata.name, '-c', 'bind9', '--'];
    return this.#dns.node.plane.kubectl([...exec, ...words], stdin);
  }

  /** By server-side apply, which takes nothing by force. */
  async #write(items: readonly object[]): Promise<void> {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const apply = ['apply', '--server-side', '--field-manager=bindy-controller', '-f', '-'];
    await this.#dns.node.plane.kubectl(['-n', this.#dns.name, ...apply], list);
  }
}

const secondaries = (addresses: readonly string[]): string =>
  `also-notify { ${addresses.map((each) => `${each} port 5353;`).join(' ')} }; allow-transfer { ${addresses.join('; ')}; };`;

const account = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: {
    name: 'bind9',
    labels: {
      'app.kubernetes.io/name': 'bind9',
      'app.kubernetes.io/component': 'dns-server',
      'app.kubernetes.io/part-of': 'bindy',
    },
  },
};

const config = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `${cluster}-config` },
  data: {
    'named.conf': `include "/etc/bind/named.conf.options";
include "/etc/bind/keys/rndc.key";
controls { inet 127.0.0.1 port 9530 allow { localhost; } keys { "${key}"; }; };
logging {
  channel default_stderr { stderr; severity info; print-time iso8601; print-category yes; };
  category default { default_stderr; };
  category xfer-in { default_stderr; };
  category xfer-out { default_stderr; };
  category notify { default_stderr; };
};
`,
    'named.conf.options': `options {
  directory "/var/cache/bind"; pid-file "/var/cache/bind/named.pid"; session-keyfile "/var/cache/bind/session.key";
  listen-on port 5353 { any; }; listen-on-v6 port 5353 { any; };
  allow-new-zones yes; recursion no; allow-transfer { none; };
};
`,
    'rndc.conf': `include "/etc/bind/keys/rndc.key";
options { default-server 127.0.0.1; default-port 9530; default-key "${key}"; };
`,
  },
};

function secret(role: Role) {
  const bytes = createHash('sha256').update(role).digest('base64');
  const text = `key "${key}" { algorithm hmac-sha256; secret "${bytes}"; };\n`;
  const metadata = { name: `${instanceOf(role)}-rndc-key` };
  return { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { 'rndc.key': text } };
}

const service = (role: Role) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: instanceOf(role) },
  spec: {
    selector: { app: 'bind9', instance: instanceOf(role) },
    ports: ['TCP', 'UDP'].map((protocol) => ({
      name: `dns-${protocol.toLowerCase()}`,
      protocol,
      port: 53,
      targetPort: 5353,
    })),
  },
});

interface DeploymentShape {
  readonly spec: {
    readonly template: {
      readonly metadata: object;
      readonly spec: { readonly containers: readonly { name: string; image: string }[] };
    };
  };
}

/** Of the shape that `inject` is tested with, in images that are here, and ready as soon as it listens. */
function deployment(role: Role): DeploymentShape {
  const text = textOf('bindy')
    .replaceAll(instanceOf('secondary'), instanceOf(role))
    .replaceAll(`${group}/role: secondary`, `${group}/role: ${role}`)
    .replace(/image: internetsystemsconsortium\/bind9:.*/, `image: ${namedImage}`)
    .replace(
      /initialDelaySeconds: 10\n( +)periodSeconds: 5/,
      'initialDelaySeconds: 1\n$1periodSeconds: 1',
    )
    .replace(/image: ghcr\.io\/firestoned\/bindcar:.*/, `image: ${pauseImage}`);
  return parse(text) as DeploymentShape;
}
