import { type DomainName, parseName } from '../dns/name.ts';
import {
  type ConfigFiles,
  disabledEmptyZones,
  LOG_CATEGORIES,
  loggingChannels,
  neededOptions,
  renderControls,
  type ServerSettings,
  type WantedConfig,
} from './named-config.ts';

/** The user's configuration with what the agent needs merged in, or why that cannot be done. */
export type Adopted =
  | {
      readonly ok: true;
      /** Zones that stand in it: never the agent's to touch. */
      readonly zones: readonly DomainName[];
      /** Where named keeps added zones, where the user's configuration says so. */
      readonly newZones: string | undefined;
      readonly files: (settings: ServerSettings, config: WantedConfig) => ConfigFiles;
    }
  | { readonly ok: false; readonly why: string };

/** One top-level statement as `named-checkconf -p` prints it: a line at the margin, a body one tab in, `};`. */
interface Statement {
  readonly head: string;
  /** Statements of the body, each with all its lines. */
  readonly body: readonly string[];
}

/**
 * Adopts the user's configuration. An included file cannot add `options` or `logging` ("redefined"), so the whole is
 * printed canonically, merged, and written as one file of ours; the user's own stays as it is.
 *
 * @param canonical what `named-checkconf -p` printed (BIND 9.18, 9.20); it holds the user's secrets
 */
export function adopt(canonical: string): Adopted {
  const statements = readCanonical(canonical);
  if (statements.some(({ head }) => /^view\b/.test(head)))
    return {
      ok: false,
      why: 'it has views; with views every zone must be in one, and the agent does not know in which',
    };
  const options = statements.find(({ head }) => head === 'options {')?.body ?? [];
  return {
    ok: true,
    zones: statements.flatMap(({ head }) => zoneName(head) ?? []),
    newZones: newZonesFolder(options),
    files: (settings, config) => {
      const needed = [...neededOptions(settings), ...disabledEmptyZones(config)];
      return new Map([['named.conf', merge(statements, options, settings, needed)]]);
    },
  };
}

/** Where added zones are kept already: that store must not be moved, its zones would be lost. */
function newZonesFolder(options: readonly string[]): string | undefined {
  const folder = optionValue(options, 'new-zones-directory');
  if (folder !== undefined) return folder;
  return optionValue(options, 'allow-new-zones') === 'yes'
    ? optionValue(options, 'directory')
    : undefined;
}

function merge(
  statements: readonly Statement[],
  options: readonly string[],
  settings: ServerSettings,
  needed: readonly [string, string][],
): string {
  const logging = statements.find(({ head }) => head === 'logging {')?.body ?? [];
  const others = statements.filter(({ head }) => head !== 'options {' && head !== 'logging {');
  const keys = settings.keys.filter((key) => !others.some(({ head }) => key.startsWith(head)));
  return [
    '// Written by bind9-agent from the configuration that it adopted; changes made here are overwritten.',
    ...others.map(show),
    ...keys,
    renderControls(settings),
    show({ head: 'logging {', body: mergeLogging(logging, settings) }),
    show({ head: 'options {', body: mergeOptions(options, needed) }),
    '',
  ].join('\n');
}

/** named would not tell which zones it has. */
const NO_STATISTICS = /^\tzone-statistics (?:none|no);/;

const nameOfOption = (text: string): string => text.trimStart().split(/\s/, 1)[0] ?? '';

/** What the agent cannot work without replaces the user's; what only makes transfers fast is left to the user. */
function mergeOptions(options: readonly string[], all: readonly [string, string][]): string[] {
  const must = new Set(['allow-new-zones', 'new-zones-directory']);
  // One of a zone says nothing about another's.
  const always = new Set([...must, 'disable-empty-zone']);
  const isGiven = (name: string) => !always.has(name) && optionValue(options, name) !== undefined;
  const needed = all.filter(([name]) => !isGiven(name));
  const kept = options.filter((each) => !must.has(nameOfOption(each)) && !NO_STATISTICS.test(each));
  return [...kept, ...needed.map(([name, value]) => `\t${name} ${value};`)];
}

/** The user's channels go on getting what they got; ours get the same beside them, and no line comes to stderr twice. */
function mergeLogging(logging: readonly string[], settings: ServerSettings): string[] {
  const categories = new Map(
    logging.flatMap((text) => {
      const name = /^\tcategory "?([^"\s]+)"? \{/.exec(text)?.[1];
      return name === undefined ? [] : [[name, channelsOf(text)] as const];
    }),
  );
  const channels = logging.filter((text) => text.startsWith('\tchannel '));
  const toStderr = ['default_stderr', ...channels.flatMap(stderrChannel)];
  const inherited = categories.get('default') ?? ['default_syslog', 'default_debug'];
  const merged = new Map([...categories]);
  for (const name of LOG_CATEGORIES) {
    const given = categories.get(name) ?? inherited;
    // One who has chosen not to see a category does not want it from us either.
    const isShown = given.some((channel) => channel === 'null' || toStderr.includes(channel));
    merged.set(name, [...given, 'bind9_agent', ...(isShown ? [] : ['bind9_agent_stderr'])]);
  }
  return [
    ...channels,
    ...loggingChannels(settings).map((channel) => `\t${channel}`),
    ...[...merged].map(
      ([name, into]) => `\tcategory "${name}" { ${into.map((each) => `"${each}";`).join(' ')} };`,
    ),
  ];
}

/** The channel's name, where it is one to stderr, which is printed as `stderr ;`. */
const stderrChannel = (channel: string): string[] =>
  /^\t\tstderr\s*;$/m.test(channel) ? (/^\tchannel "?([^"\s]+)/.exec(channel)?.slice(1) ?? []) : [];

const channelsOf = (category: string): string[] =>
  [...category.matchAll(/^\t\t"?([^";\s]+)"?;$/gm)].map(([, name = '']) => name);

function readCanonical(text: string): Statement[] {
  const statements: { head: string; body: string[] }[] = [];
  for (const line of text.split('\n')) {
    const last = statements.at(-1);
    if (line === '' || line === '};') continue;
    if (!line.startsWith('\t')) statements.push({ head: line, body: [] });
    else if (/^\t[^\t}]/.test(line)) last?.body.push(line);
    else if (last !== undefined) last.body.push(`${last.body.pop() ?? ''}\n${line}`);
  }
  return statements;
}

const show = ({ head, body }: Statement): string =>
  head.endsWith('{') ? [head, ...body, '};'].join('\n') : head;

function zoneName(head: string): DomainName | undefined {
  const name = /^zone "([^"]*)"/.exec(head)?.[1];
  if (name === undefined) return undefined;
  const parsed = parseName(name === '' ? '.' : name);
  return parsed.ok ? parsed.value : undefined;
}

function optionValue(options: readonly string[], name: string): string | undefined {
  const line = options.find((each) => each.startsWith(`\t${name} `));
  return line === undefined
    ? undefined
    : /"([^"]*)"|(\S+);/
        .exec(line.slice(name.length + 2))
        ?.slice(1)
        .find((each) => each !== undefined);
}
