import { type Parsed, parsed, refused } from '../problem.ts';
import { oneOf, quoted } from '../resources/got.ts';
import { startsNamed } from './named-command.ts';
import type { Container, PodTemplate } from './pod-template.ts';
import { AGENT, annotationNames } from './settings.ts';

/** `registry:5000/isc/bind9:9.18@sha256:…` → `isc/bind9`: without a registry that has a dot or a port. */
export const repositoryOf = (image: string): string =>
  image
    .replace(/@.*$/, '')
    .replace(/:[^/:]*$/, '')
    .replace(/^(localhost|[^/]*[.:][^/]*)\//, '');

const NAMES = ['named', 'bind', 'bind9'];

/** By what it starts, else by its image, else by its name: what is surer comes first. */
const signs: readonly ((container: Container) => boolean)[] = [
  startsNamed,
  ({ image = '' }) => NAMES.includes(repositoryOf(image).split('/').at(-1) ?? ''),
  ({ name }) => NAMES.includes(name),
];

/** Whether any container could be named: a pod without one is not meant. */
export const looksLikeNamed = ({ spec }: PodTemplate): boolean =>
  spec.containers.some((container) => signs.some((sign) => sign(container)));

/** The index of the container that named runs in. */
export function findNamed({ metadata, spec }: PodTemplate): Parsed<number> {
  const told = metadata?.annotations?.[annotationNames.container];
  const names = spec.containers.map(({ name }) => name);
  if (told !== undefined) {
    const index = names.indexOf(told);
    if (index >= 0) return parsed(index);
    const path = `metadata.annotations["${annotationNames.container}"]`;
    return refused(path, `want a container of this pod (${oneOf(names)}), got ${quoted(told)}`);
  }
  for (const sign of signs) {
    const found = spec.containers.filter(sign);
    const [first] = found;
    if (first !== undefined && found.length === 1) return parsed(spec.containers.indexOf(first));
    if (found.length > 1)
      return refused(
        'spec.containers',
        `want one that runs named, got ${found.map(({ name }) => name).join(', ')}: tell which by the annotation ${annotationNames.container}`,
      );
  }
  return refused(
    'spec.containers',
    `want one that runs named, got ${names.join(', ')}: if one does, tell which by the annotation ${annotationNames.container}`,
  );
}

/** Another agent in this pod would work on the same named. */
export function foreignAgent({ spec }: PodTemplate, image: string): Parsed<undefined> {
  const isAgent = (container: Container): boolean => {
    const repository = repositoryOf(container.image ?? '');
    return (
      repository === repositoryOf(image) ||
      repository.split('/').at(-1) === AGENT ||
      container.env?.some(({ name }) => name.startsWith('BIND9_AGENT_')) === true
    );
  };
  const places = [
    ['spec.containers', spec.containers, (each: Container) => each.name === AGENT || isAgent(each)],
    [
      'spec.initContainers',
      spec.initContainers ?? [],
      (each: Container) => each.name !== AGENT && isAgent(each),
    ],
  ] as const;
  for (const [path, containers, matches] of places) {
    const index = containers.findIndex(matches);
    if (index >= 0)
      return refused(
        `${path}[${index}]`,
        `want no other agent beside the one to inject, got ${quoted(containers[index]?.name ?? '')}`,
      );
  }
  return parsed(undefined);
}
