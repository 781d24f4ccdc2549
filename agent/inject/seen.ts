import { environmentName } from '../options/names.ts';
import { type Parsed, type Problem, parsed, refused } from '../problem.ts';
import { findNamed, foreignAgent } from './find-named.ts';
import { ourVolumes } from './folders.ts';
import { flagValue, type NamedCommand, readCommand } from './named-command.ts';
import { confToAdopt } from './named-conf.ts';
import type { Container, Mount, PodSpec, PodTemplate } from './pod-template.ts';
import { dnsPort, takenPorts } from './ports.ts';
import { AGENT, annotationNames, defaultOf, type InjectSettings } from './settings.ts';
import { type NamedUser, namedUser } from './user.ts';

/** What an agent that is put into a pod has to know of it. */
export interface Seen {
  /** Of named's container. */
  readonly index: number;
  readonly named: Container;
  readonly command: NamedCommand;
  /** What named mounts, without what is ours. */
  readonly mounts: readonly Mount[];
  /** The user's configuration that is to be adopted; empty: none. */
  readonly conf: string;
  readonly dnsPort: number;
  readonly user: NamedUser;
  /** The agent that was put in before. */
  readonly before: Container | undefined;
}

/** Looks at a pod, or tells everything that keeps an agent out of it. */
export function look(template: PodTemplate, settings: InjectSettings): Parsed<Seen> {
  const found = findNamed(template);
  if (!found.ok) return found;
  const index = found.value;
  const { spec, metadata } = template;
  const named = spec.containers[index];
  if (named === undefined) return refused('spec.containers', 'want a container, got nothing');
  const at = (field: string): string => `spec.containers[${index}].${field}`;
  const before = spec.initContainers?.find(({ name }) => name === AGENT);
  const mounts = (named.volumeMounts ?? []).filter(({ name }) => !(before && ourVolumes.has(name)));
  const command = located(started(named), at);
  const flags = command.ok ? command.value : undefined;
  const given = flagValue(flags, 'c');
  const conf = confToAdopt({
    annotation: metadata?.annotations?.[annotationNames.conf],
    before: adoptedBy(before, given),
    given,
    container: named,
    mounts,
  });
  const port = dnsPort(template, named, flagValue(flags, 'p'), settings);
  const user = namedUser(template, index, port.ok ? port.value : 0, settings);
  const problems = [
    ...problemsOf(command),
    ...(command.ok ? problemsOf(located(conf, at)) : []),
    ...problemsOf(port),
    ...problemsOf(user),
    ...problemsOf(foreignAgent(template, settings.image)),
    ...takenPorts(spec, settings),
    ...(before === undefined ? takenVolumes(spec) : []),
  ];
  if (problems.length > 0 || !command.ok || !conf.ok || !port.ok || !user.ok)
    return { ok: false, problems };
  return parsed({
    index,
    named,
    command: command.value,
    mounts,
    conf: conf.value,
    dnsPort: port.value,
    user: user.value,
    before,
  });
}

function started(named: Container): Parsed<NamedCommand> {
  const command = readCommand(named);
  const chroot = command.ok ? flagValue(command.value, 't') : undefined;
  return chroot === undefined
    ? command
    : refused('args', `want named without -t, got -t ${chroot}`);
}

const located = <T>(result: Parsed<T>, at: (field: string) => string): Parsed<T> =>
  result.ok
    ? result
    : {
        ok: false,
        problems: result.problems.map(({ path, problem }) => ({ path: at(path), problem })),
      };

const problemsOf = (result: Parsed<unknown>): readonly Problem[] =>
  result.ok ? [] : result.problems;

/** What the agent that is there adopts; undefined where somebody has pointed named at something else since. */
function adoptedBy(agent: Container | undefined, given: string | undefined): string | undefined {
  const valueIn = (path: string): string | undefined => {
    const found: object | undefined = agent?.env?.find(
      ({ name }) => name === environmentName(path),
    );
    return found !== undefined && 'value' in found ? String(found.value) : undefined;
  };
  const folder = valueIn('paths.config') ?? defaultOf('paths.config');
  if (given !== `${folder}/named.conf`) return undefined;
  return valueIn('named.conf') ?? '';
}

const takenVolumes = ({ volumes = [] }: PodSpec): Problem[] =>
  volumes.flatMap(({ name }, index) =>
    ourVolumes.has(name)
      ? [
          {
            path: `spec.volumes[${index}].name`,
            problem: `want another name, got ${name}, which is the agent's`,
          },
        ]
      : [],
  );
