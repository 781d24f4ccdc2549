import { readFileSync } from 'node:fs';
import type { Parsed, Problem } from '../problem.ts';
import type { Declaration, Host } from './declaration.ts';
import { declarations } from './declarations.ts';
import { type Environment, environmentLayer } from './environment-layer.ts';
import type { Layer } from './layer.ts';
import { missing } from './must-exist.ts';
import { configFlag, configVariable, flagName } from './names.ts';
import type { Options } from './options.ts';
import { yamlLayer } from './yaml-layer.ts';

/** Everything that settings are made from. */
export interface Sources {
  readonly host: Host;
  readonly environment: Environment;
  /** Path of an option → what its flag was given. */
  readonly flags: ReadonlyMap<string, unknown>;
  /** What `--config` was given. */
  readonly configFile?: string;
  /** Path of an option: where that is set, nobody asks the API server. */
  readonly insteadOfApiServer?: string;
}

const all: readonly Declaration[] = declarations;
const paths = all.map(({ path }) => path);

/**
 * Merges defaults, YAML file, environment and flags, each winning over the one before, into frozen options; or tells
 * everything that is wrong, the `path` of each problem being the name as the user wrote it.
 */
export function loadOptions(sources: Sources): Parsed<Options> {
  const layers = [
    fileLayer(sources),
    environmentLayer(sources.environment, paths),
    flagLayer(sources.flags),
  ];
  const problems = layers.flatMap((layer) => layer.problems);
  const given = new Map<string, unknown>();
  const names = new Map<string, string>();
  for (const { path, name, raw } of layers.flatMap((layer) => layer.settings)) {
    const value = declared(path).kind.read(raw);
    names.set(path, name);
    if (value.ok) given.set(path, value.value);
    else problems.push(...value.problems.map(({ problem }) => ({ path: name, problem })));
  }
  const values = settle(given, sources.host);
  const nameOf = (path: string): string => names.get(path) ?? path;
  problems.push(
    ...missingFiles(values, nameOf),
    ...contradictions(values, nameOf),
    ...((values.get(sources.insteadOfApiServer ?? '') ?? '') === ''
      ? unreachable(values, nameOf)
      : []),
  );
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: nest(values) };
}

function fileLayer({ configFile, environment }: Sources): Layer {
  const [file, name] =
    configFile === undefined
      ? [environment[configVariable], configVariable]
      : [configFile, configFlag];
  if (file === undefined || file === '') return { settings: [], problems: [] };
  const problem = missing('file', file);
  if (problem !== undefined) return { settings: [], problems: [{ path: name, problem }] };
  return yamlLayer(file, readFileSync(file, 'utf8'), paths);
}

const flagLayer = (flags: ReadonlyMap<string, unknown>): Layer => ({
  settings: [...flags].map(([path, raw]) => ({ path, name: flagName(path), raw })),
  problems: [],
});

function declared(path: string): Declaration {
  const declaration = all.find((each) => each.path === path);
  if (declaration === undefined) throw new Error(`no option is declared as ${path}`);
  return declaration;
}

/** Fills in the defaults, in the order of declaration: a derived one may look at options declared above it. */
function settle(given: ReadonlyMap<string, unknown>, host: Host): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { path, fallback } of all) {
    const value = given.has(path)
      ? given.get(path)
      : 'value' in fallback
        ? fallback.value
        : fallback.from(host, (other) => String(values.get(other)));
    values.set(path, value);
  }
  return values;
}

type NameOf = (path: string) => string;

function missingFiles(values: ReadonlyMap<string, unknown>, nameOf: NameOf): Problem[] {
  return all.flatMap(({ path, mustExist }) => {
    if (mustExist === undefined) return [];
    return [values.get(path)].flat().flatMap((file) => {
      const problem = file === '' ? undefined : missing(mustExist, String(file));
      return problem === undefined ? [] : [{ path: nameOf(path), problem }];
    });
  });
}

/** Settings that are right each by itself, but not together. */
function contradictions(values: ReadonlyMap<string, unknown>, nameOf: NameOf): Problem[] {
  const problems: Problem[] = [];
  const renew = Number(values.get('lease.renewSeconds'));
  const duration = Number(values.get('lease.durationSeconds'));
  if (duration <= renew) {
    const problem = `want more than ${nameOf('lease.renewSeconds')} (${renew}), got ${duration}`;
    problems.push({ path: nameOf('lease.durationSeconds'), problem });
  }
  const [certificate, key] = ['webhook.certFile', 'webhook.keyFile'] as const;
  for (const [path, other] of [
    [certificate, key],
    [key, certificate],
  ] as const)
    if (values.get(path) === '' && values.get(other) !== '')
      problems.push({ path, problem: `want a file beside ${nameOf(other)}, got nothing` });
  return problems;
}

/** What the API server is reached by, where it is needed. */
function unreachable(values: ReadonlyMap<string, unknown>, nameOf: NameOf): Problem[] {
  if (values.get('cluster') !== 'kubernetes' || values.get('kubernetes.kubeconfig') !== '')
    return [];
  const server = String(values.get('kubernetes.server'));
  const isServer = /^https?:$/.test(URL.parse(server)?.protocol ?? '');
  const files = ['kubernetes.tokenFile', 'kubernetes.caFile'].flatMap((path): Problem[] => {
    const file = String(values.get(path));
    const problem = file === '' ? undefined : missing('file', file);
    return problem === undefined ? [] : [{ path: nameOf(path), problem }];
  });
  if (isServer) return files;
  const problem = `want the URL of the API server (or a kubernetes.kubeconfig), got ${server === '' ? 'nothing: this is no pod' : JSON.stringify(server)}`;
  return [{ path: nameOf('kubernetes.server'), problem }, ...files];
}

function nest(values: ReadonlyMap<string, unknown>): Options {
  const nested: Record<string, unknown> = {};
  const sections = new Map<string, Record<string, unknown>>();
  for (const [path, value] of values) {
    Object.freeze(value);
    const [first = '', second] = path.split('.');
    if (second === undefined) {
      nested[first] = value;
    } else {
      const section = sections.get(first) ?? {};
      section[second] = value;
      sections.set(first, section);
    }
  }
  for (const [name, section] of sections) nested[name] = Object.freeze(section);
  // Every declared path is there, each read by its own kind: that is what the type says.
  return Object.freeze(nested) as Options;
}
