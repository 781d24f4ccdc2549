import { basename } from 'node:path';
import { type Parsed, parsed, refused } from '../problem.ts';
import { quoted } from '../resources/got.ts';
import type { Container } from './pod-template.ts';

/** One flag of named, `-4` or `-c FILE`, and the list that it stands in. */
export interface Flag {
  readonly letter: string;
  readonly value?: string;
  readonly in: 'command' | 'args';
}

/** How a container starts named. */
export interface NamedCommand {
  /** Words up to named itself; empty where the image says them. */
  readonly program: readonly string[];
  readonly flags: readonly Flag[];
}

/** In an image of ISC, of Debian, of Alpine. */
const NAMED = '/usr/sbin/named';
/** Flags of named 9.18 and 9.20 with a value. */
const WITH_VALUE = 'AcdDELmMnNpStTuUxX';
const SHELLS = ['sh', 'ash', 'bash', 'dash'];
const INITS = ['tini', 'dumb-init', 'catatonit'];

/** Whether it does, or a script of it seems to. */
export function startsNamed(container: Container): boolean {
  const command = readCommand(container);
  if (command.ok) return command.value.program.length > 0;
  const { command: [first = '', ...rest] = [], args = [] } = container;
  const script = [...rest, ...args].join(' ');
  return (
    basename(first) === 'named' ||
    (SHELLS.includes(basename(first)) &&
      /(^|[;&|(]\s*|\b(exec|which|-c)\s+|sbin\/)named(\s|\)|$)/m.test(script))
  );
}

/** What is wrong is told of the field `command` or `args`. */
export function readCommand({ command = [], args = [] }: Container): Parsed<NamedCommand> {
  const [first = ''] = command;
  if (SHELLS.includes(basename(first))) return readScript(command, args);
  if (command.length > 0) return readWords(command, args);
  const [word = '-'] = args;
  if (word.startsWith('-')) return withFlags([], [], args);
  return readWords([], args);
}

function readWords(command: readonly string[], args: readonly string[]): Parsed<NamedCommand> {
  const where = command.length > 0 ? 'command' : 'args';
  const words = command.length > 0 ? command : args;
  const at = words.findIndex((word) => basename(word) === 'named');
  const before = words.slice(0, at);
  const known = before.every(
    (word, index) => word.startsWith('-') || (index === 0 && INITS.includes(basename(word))),
  );
  if (at < 0 || !known)
    return refused(where, `want named and its flags, got ${quoted(words.join(' '))}`);
  const program = words.slice(0, at + 1);
  const rest = words.slice(at + 1);
  return where === 'command' ? withFlags(program, rest, args) : withFlags(program, [], rest);
}

/** A script that does nothing but to start named is that command. What else one does, nobody can know. */
function readScript(command: readonly string[], args: readonly string[]): Parsed<NamedCommand> {
  const words = [...command, ...args];
  const at = words.findIndex((word) => /^-[a-z]*c$/.test(word));
  const script = words[at + 1]?.trim() ?? '';
  const plain =
    at > 0 && words.length === at + 2 && /^(exec\s+)?[\w./-]*named(\s+[\w./:=-]+)*$/.test(script);
  if (!plain)
    return refused('command', `want named and its flags, got a shell script: ${quoted(script)}`);
  const [program = NAMED, ...flags] = script.replace(/^exec\s+/, '').split(/\s+/);
  if (basename(program) !== 'named')
    return refused('command', `want named and its flags, got a shell script: ${quoted(script)}`);
  return withFlags([program], [], flags);
}

function withFlags(
  program: readonly string[],
  inCommand: readonly string[],
  inArgs: readonly string[],
): Parsed<NamedCommand> {
  const words = [
    ...inCommand.map((word) => ({ word, in: 'command' as const })),
    ...inArgs.map((word) => ({ word, in: 'args' as const })),
  ];
  const flags: Flag[] = [];
  for (let next = words.shift(); next !== undefined; next = words.shift()) {
    const { word } = next;
    if (!/^-[^-]/.test(word)) return refused(next.in, `want flags of named, got ${quoted(word)}`);
    for (let at = 1; at < word.length; at += 1) {
      const letter = word.charAt(at);
      if (!WITH_VALUE.includes(letter)) flags.push({ letter, in: next.in });
      else {
        const value = word.slice(at + 1) || words.shift()?.word;
        if (value === undefined)
          return refused(next.in, `want a value after -${letter}, got nothing`);
        flags.push({ letter, value, in: next.in });
        break;
      }
    }
  }
  return parsed({ program, flags });
}

/** The value of a flag, where the command is known and has it. */
export const flagValue = (command: NamedCommand | undefined, letter: string): string | undefined =>
  command?.flags.findLast((flag) => flag.letter === letter)?.value;

export interface Rewrite {
  /** The configuration that named is to read. */
  readonly conf: string;
  /** named runs under the uid of its container, and must not look for another one. */
  readonly withoutUser: boolean;
}

/**
 * The same command with another configuration, in the foreground, with the configuration's own logging (`-g` would
 * silence it), and with standard error for what goes wrong before that is read: a pod has no syslog.
 */
export function rewriteCommand(
  { program, flags }: NamedCommand,
  { conf, withoutUser }: Rewrite,
): Pick<Container, 'command' | 'args'> {
  const hasLog = flags.some(({ letter }) => letter === 'L');
  const silent = program.length === 0 && flags.length === 0;
  const toStderr = !hasLog && (silent || flags.some(({ letter }) => letter === 'g'));
  const own = program.length > 0 ? program : withoutUser || silent ? [NAMED] : [];
  const inForeground = flags.map((flag) => (flag.letter === 'g' ? { ...flag, letter: 'f' } : flag));
  const foreground = inForeground.findIndex(({ letter }) => letter === 'f');
  const kept = inForeground
    .filter(({ letter }, index) => letter !== 'f' || index === foreground)
    .filter(({ letter }) => letter !== 'u' || !withoutUser)
    .map((flag) => (flag.letter === 'c' ? { ...flag, value: conf } : flag));
  const last = kept.at(-1)?.in ?? 'args';
  const more: Flag[] = [
    ...(foreground < 0 ? [{ letter: 'f', in: last }] : []),
    ...(toStderr ? [{ letter: 'L', value: '/dev/stderr', in: last }] : []),
    ...(kept.some(({ letter }) => letter === 'c') ? [] : [{ letter: 'c', value: conf, in: last }]),
  ];
  const wordsIn = (where: Flag['in']): string[] =>
    [...kept, ...more]
      .filter((flag) => flag.in === where)
      .flatMap(({ letter, value }) =>
        value === undefined ? [`-${letter}`] : [`-${letter}`, value],
      );
  const command = [...own, ...wordsIn('command')];
  const args = wordsIn('args');
  return {
    ...(command.length === 0 ? {} : { command }),
    ...(args.length === 0 ? {} : { args }),
  };
}
