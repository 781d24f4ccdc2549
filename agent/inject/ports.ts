import { type Parsed, type Problem, parsed, refused } from '../problem.ts';
import { quoted } from '../resources/got.ts';
import type { Container, PodSpec, PodTemplate } from './pod-template.ts';
import { AGENT, annotationNames, defaultOf, type InjectSettings } from './settings.ts';

/** The port on which named answers DNS: as somebody says, as named's `-p` says, as the container lists it. */
export function dnsPort(
  { metadata }: PodTemplate,
  { ports = [] }: Container,
  flag: string | undefined,
  { options }: InjectSettings,
): Parsed<number> {
  const told = metadata?.annotations?.[annotationNames.port];
  const isDns = (name = '') => /^(dns|domain)/.test(name);
  const udp = ports.filter(({ protocol }) => protocol === 'UDP');
  const listed =
    udp.find(({ name }) => isDns(name)) ?? udp[0] ?? ports.find(({ name }) => isDns(name));
  const text =
    told ?? options.get('dns.port') ?? flag ?? listed?.containerPort ?? defaultOf('dns.port');
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65535) return parsed(port);
  const path =
    told === undefined ? 'spec.containers' : `metadata.annotations["${annotationNames.port}"]`;
  return refused(path, `want a port, 1-65535, got ${quoted(String(text))}`);
}

/** Containers of a pod share its network: two cannot have one port. */
export function takenPorts(
  { containers, initContainers = [] }: PodSpec,
  settings: InjectSettings,
): Problem[] {
  const paths = ['http.port', 'named.controlPort', 'named.statisticsPort'];
  const wanted = new Map(
    paths.map((path) => [Number(settings.options.get(path) ?? defaultOf(path)), path]),
  );
  const inside = (list: readonly Container[], path: string): Problem[] =>
    list.flatMap(({ name, ports = [] }, index) =>
      name === AGENT
        ? []
        : ports.flatMap(({ containerPort }, at) => {
            const option = wanted.get(containerPort);
            return option === undefined
              ? []
              : [
                  {
                    path: `${path}[${index}].ports[${at}].containerPort`,
                    problem: `want another port than the agent's ${option} (which can be set), got ${containerPort}`,
                  },
                ];
          }),
    );
  return [
    ...inside(containers, 'spec.containers'),
    ...inside(initContainers, 'spec.initContainers'),
  ];
}
