import { randomUUID } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import type { Host } from './declaration.ts';
import type { Environment } from './environment-layer.ts';

/** The machine as it is now; IPv4 addresses first, loopback and link-local ones left out. */
export function readHost(environment: Environment): Host {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe[89ab]|169\.254\.)/i.test(address))
    .sort((a, b) => (a.family < b.family ? -1 : Number(a.family > b.family)))
    .map(({ address }) => address);
  return {
    name: hostname(),
    addresses: [...new Set(addresses)],
    uid: randomUUID(),
    apiServer: apiServerIn(environment),
  };
}

/** As the kubelet tells it to every container. */
function apiServerIn(environment: Environment): string {
  const host = environment['KUBERNETES_SERVICE_HOST'] ?? '';
  const port = environment['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === '') return '';
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}
