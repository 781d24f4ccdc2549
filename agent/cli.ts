import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { Listed, OutputFormat } from './commands/get.ts';
import type { InjectRequest } from './commands/inject.ts';
import { describeInject } from './commands/inject-arguments.ts';
import { defaultInstallation, type InstallPart, installParts } from './install/install.ts';
import type { Installation } from './install/rbac.ts';
import { closest } from './options/closest.ts';
import type { Declaration } from './options/declaration.ts';
import { declarations } from './options/declarations.ts';
import { flagTerm, settingsHelp } from './options/help-text.ts';
import { configVariable, flagName } from './options/names.ts';

/** What the user asks for. */
export type Invocation =
  | { readonly command: 'run' | 'init' | 'plan' | 'drain' | 'webhook' }
  | { readonly command: 'version' }
  | { readonly command: 'get'; readonly what: Listed; readonly output: OutputFormat }
  | { readonly command: 'explain'; readonly zone: string }
  | { readonly command: 'doctor'; readonly output: OutputFormat }
  | ({ readonly command: 'inject' } & InjectRequest)
  | {
      readonly command: 'manifests';
      readonly parts: readonly InstallPart[];
      readonly installation: Installation;
      /** The webhook is wanted too. */
      readonly webhook?: { readonly certManager: boolean };
    };

export interface CommandLine {
  readonly invocation: Invocation;
  /** Path of an option → what its flag was given. */
  readonly flags: ReadonlyMap<string, unknown>;
  readonly configFile?: string;
}

/** Either what to do, or the exit code when there is nothing left to do: help was asked for, or nothing was understood. */
export type CommandLineVerdict =
  | { readonly ok: true; readonly value: CommandLine }
  | { readonly ok: false; readonly exitCode: 0 | 2 };

export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Columns that help texts are wrapped to. */
  readonly columns: number;
  /** What `--version` prints. */
  readonly version: string;
}

/** Reads the arguments that follow the program's name. Help and complaints are written to the terminal. */
export function readCommandLine(args: readonly string[], terminal: Terminal): CommandLineVerdict {
  const asked: { invocation?: Invocation } = {};
  const program = describeProgram(terminal, (invocation) => {
    asked.invocation = invocation;
  });
  const options = declareFlags(program);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { ok: false, exitCode: error.exitCode === 0 ? 0 : 2 };
  }
  if (asked.invocation === undefined) return { ok: false, exitCode: 2 };
  const values: Record<string, unknown> = program.opts();
  const flags = new Map<string, unknown>();
  for (const [path, attribute] of options) {
    if (values[attribute] !== undefined) flags.set(path, values[attribute]);
  }
  const configFile = values['config'];
  return {
    ok: true,
    value: {
      invocation: asked.invocation,
      flags,
      ...(typeof configFile === 'string' ? { configFile } : {}),
    },
  };
}

function describeProgram(terminal: Terminal, ask: (invocation: Invocation) => void): Command {
  const program = new Command('bind9-agent')
    .description(
      "Keeps a BIND 9 pod's zones, peers and transfers right, and tells the truth about them.",
    )
    .usage('COMMAND [--config FILE] [settings]')
    .exitOverride()
    .version(terminal.version, '-V, --version', "print the agent's version")
    .configureHelp({ subcommandTerm: termOf })
    .configureOutput({
      writeOut: terminal.out,
      writeErr: terminal.err,
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
      outputError: (text, write) => {
        write(`${text.replace(/^error: /, 'bind9-agent: ')}${meantFlag(text)}`);
      },
    })
    .showHelpAfterError('Try "bind9-agent --help".')
    .helpOption('-h, --help', 'tell about the program, or about one command')
    .helpCommand('help [command]', 'tell about a command');
  const plain = plainCommands.map(([command, summary]) =>
    program
      .command(command)
      .description(summary)
      .action(() => ask({ command })),
  );
  plain[0]?.addHelpText('after', () => `\n${settingsHelp(declarations, terminal.columns)}`);
  program.addHelpText('after', '\n"bind9-agent run --help" tells every setting and its flag.');
  program
    .command('get')
    .description('list the zones or peers that the agent of this pod knows')
    .addArgument(new Argument('<what>', 'what to list').choices(['zones', 'peers']))
    .addOption(outputOption())
    .action((what: Listed, { output }: { output: OutputFormat }) => {
      ask({ command: 'get', what, output });
    });
  program
    .command('explain')
    .description('tell why a zone is served the way it is, or why it is not')
    .argument('<zone>', 'name of the zone')
    .action((zone: string) => ask({ command: 'explain', zone }));
  program
    .command('doctor')
    .description('list the pods that should have an agent and do not')
    .addOption(outputOption())
    .action(({ output }: { output: OutputFormat }) => ask({ command: 'doctor', output }));
  describeManifests(program, ask);
  describeInject(program, (request) => ask({ command: 'inject', ...request }));
  return program;
}

const outputOption = (): Option =>
  new Option('-o, --output <format>', 'how to show it')
    .choices(['table', 'json', 'yaml'])
    .default('table');

type GivenInstallation = Partial<Installation> & { readonly certManager: boolean };

function describeManifests(program: Command, ask: (invocation: Invocation) => void): void {
  const { namespace, serviceAccount } = defaultInstallation;
  program
    .command('manifests')
    .description('print what a Kubernetes cluster needs first, for "kubectl apply -f -"')
    .addArgument(
      new Argument('[parts...]', `which of it (default: ${installParts.join(', ')})`)
        .choices([...installParts, 'webhook'])
        .default([]),
    )
    .option('--namespace <name>', 'namespace of the pods', objectName, namespace)
    .option(
      '--service-account <name>',
      'their ServiceAccount; of another name, it has to be there already',
      objectName,
      serviceAccount,
    )
    .option(
      '--watched <names>',
      'namespaces that they watch, as in kubernetes.namespaces (default: their own)',
      namesOf,
    )
    .option(
      '--pods <names>',
      'their names, where these are known: each may then write no Lease but these',
      namesOf,
    )
    .option('--cert-manager', "the webhook's certificate is made by cert-manager", false)
    .addHelpText(
      'after',
      '\nThe webhook is given the settings --webhook-… and --inject-… (see "bind9-agent run --help").',
    )
    .action((wanted: (InstallPart | 'webhook')[], given: GivenInstallation) => {
      const { watched = [], pods = [], certManager, ...who } = given;
      const parts = wanted.filter((part) => part !== 'webhook');
      const onlyWebhook = wanted.length > 0 && parts.length === 0;
      if (onlyWebhook && (who.namespace ?? namespace) !== namespace)
        program.error('error: --namespace is that of the pods; want --webhook-namespace');
      ask({
        command: 'manifests',
        parts: wanted.length === 0 ? installParts : parts,
        installation: { ...defaultInstallation, ...who, watched, pods },
        ...(wanted.includes('webhook') ? { webhook: { certManager } } : {}),
      });
    });
}

/** They end up in an expression of the API server's, among other places. */
function objectName(text: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('Want a name of lower case letters, digits, - and "."');
}

const namesOf = (text: string): string[] =>
  text.split(',').map((name) => (name === '*' ? name : objectName(name)));

/** Commander suggests no flag that its help does not show, and ours have a help of their own. */
function meantFlag(complaint: string): string {
  const unknown = /unknown option '(--[^'=]+)/.exec(complaint)?.[1];
  if (unknown === undefined || complaint.includes('Did you mean')) return '';
  const meant = closest(
    unknown,
    declarations.map(({ path }) => flagName(path)),
  );
  return meant === undefined ? '' : `(Did you mean ${meant}?)\n`;
}

const plainCommands = [
  ['run', 'keep this pod registered, its zones served and its transfers told'],
  ['init', 'write what named needs to start, once'],
  ['plan', 'show what would change and why; touch nothing'],
  ['drain', 'tell the peers that this pod is about to go: for its preStop'],
  ['webhook', 'put the agent into pods as they are made, and warn of wrong resources'],
  ['version', 'print the versions of the agent, of Node.js and of BIND'],
] as const;

const termOf = (command: Command): string =>
  [command.name(), ...command.registeredArguments.map((each) => each.name().toUpperCase())].join(
    ' ',
  );

/** Declares a flag for each option. Returns each option's path with the name under which commander keeps its value. */
function declareFlags(program: Command): [path: string, attribute: string][] {
  program.option('--config <file>', `YAML file of settings (${configVariable})`);
  const all: readonly Declaration[] = declarations;
  return all.map((declaration) => {
    const { path, kind } = declaration;
    const option = new Option(flagTerm(declaration)).hideHelp();
    if (kind.many === true) {
      option.argParser((text: string, before: string | undefined) =>
        before === undefined ? text : `${before},${text}`,
      );
    }
    program.addOption(option);
    if (kind.bare === true) {
      program.addOption(new Option(flagName(path).replace('--', '--no-')).hideHelp());
    }
    return [path, option.attributeName()];
  });
}
