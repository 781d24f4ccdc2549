import { join } from 'node:path';
import { LOCAL_KEY, type PodSecrets } from '../apply/secrets.ts';
import type { Options } from '../options/options.ts';
import type { ServerSettings } from '../plan/named-config.ts';
import type { ZoneSettings } from '../plan/plan-zone.ts';
import type { PodFacts } from '../plan/self.ts';
import { type GivenKeys, keyStatements } from './keys.ts';

export const toolPath = ({ named }: Options, tool: string): string =>
  named.tools === '' ? tool : join(named.tools, tool);

/** Addresses that the option names; empty where it leaves the choice to the instance. */
const listenOn = ({ dns }: Options): readonly string[] =>
  dns.listenOn.length === 1 && dns.listenOn[0] === 'any' ? [] : dns.listenOn;

/** Where named answers over loopback, or on the one address it listens on. */
export const hereAddress = (options: Options): string =>
  listenOn(options).find((address) => address !== 'any') ?? '127.0.0.1';

export function serverSettings(
  options: Options,
  given: GivenKeys,
  { control, local }: PodSecrets,
  version: readonly number[] | undefined,
  newZones: string,
): ServerSettings {
  const { paths, dns, named } = options;
  return {
    folders: { state: paths.state, newZones },
    dnsPort: dns.port,
    listenOn: listenOn(options),
    control: { address: named.controlAddress, port: named.controlPort },
    statisticsPort: named.statisticsPort,
    rateLimit: named.rateLimit,
    ednsSize: named.ednsSize,
    maxRecordsPerType: named.maxRecordsPerType,
    maxTypesPerName: named.maxTypesPerName,
    ...(given.cluster === undefined ? {} : { clusterKey: given.cluster.name }),
    localKey: local.key.name,
    controlKey: control.key.name,
    keys: keyStatements([control.key, local.key, ...given.byName.values()]),
    version,
  };
}

export function zoneSettings(options: Options, given: GivenKeys): ZoneSettings {
  const { paths, named, access } = options;
  return {
    zonesFolder: paths.zones,
    ...(given.cluster === undefined ? {} : { clusterKey: given.cluster.name }),
    localKey: LOCAL_KEY,
    knownKeys: new Set(given.byName.keys()),
    narrowByAddress: access.byAddress,
    maxRecordsPerType: named.maxRecordsPerType,
    maxTypesPerName: named.maxTypesPerName,
  };
}

/** @param labels of the labels file, over those of the option */
export function podFacts(
  options: Options,
  given: GivenKeys,
  version: string,
  labels: Readonly<Record<string, string>>,
): PodFacts {
  const { pod, dns, http } = options;
  const all = { ...pod.labels, ...labels };
  return {
    pod: pod.name,
    uid: pod.uid,
    namespace: pod.namespace,
    ips: pod.ips,
    dnsPort: dns.port,
    httpPort: http.port,
    role: pod.role,
    cluster: pod.clusterName,
    instance: pod.instance || (all['instance'] ?? all['app.kubernetes.io/instance'] ?? pod.name),
    labels: all,
    version,
    keys: [...given.byName.keys()],
  };
}
