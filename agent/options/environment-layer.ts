import type { Problem } from '../problem.ts';
import { noSuch } from './closest.ts';
import type { Layer, Setting } from './layer.ts';
import { configVariable, environmentName, environmentPrefix } from './names.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Variables that Kubernetes sets in every pod for a Service named `bind9-agent` or `bind9-agent-…`. Some have the name
 * of an option (`BIND9_AGENT_HTTP_PORT=tcp://10.0.0.1:8055` for a Service `bind9-agent-http`), so the value decides.
 */
const isServiceLink = (name: string, value: string): boolean =>
  /_SERVICE_HOST$|_SERVICE_PORT(?:_[A-Z0-9_]+)?$|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?$/.test(
    name,
  ) || /^(?:tcp|udp|sctp):\/\//.test(value);

/** Settings from the environment. An empty variable counts as one that is not set. */
export function environmentLayer(environment: Environment, paths: readonly string[]): Layer {
  const pathOf = new Map(paths.map((path) => [environmentName(path), path]));
  const names = [...pathOf.keys(), configVariable];
  const settings: Setting[] = [];
  const problems: Problem[] = [];
  for (const [name, raw] of Object.entries(environment)) {
    if (!name.startsWith(environmentPrefix) || raw === undefined || raw === '') continue;
    if (name === configVariable || isServiceLink(name, raw)) continue;
    const path = pathOf.get(name);
    if (path === undefined) {
      problems.push({ path: name, problem: noSuch('setting', name, names) });
    } else {
      settings.push({ path, name, raw });
    }
  }
  return { settings, problems };
}
