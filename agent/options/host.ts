import { randomUUID } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import type { Host } from './declaration.ts';

/** The machine as it is now; IPv4 addresses first, loopback and link-local ones left out. */
export function readHost(): Host {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe[89ab]|169\.254\.)/i.test(address))
    .sort((a, b) => a.family.localeCompare(b.family))
    .map(({ address }) => address);
  return { name: hostname(), addresses: [...new Set(addresses)], uid: randomUUID() };
}
