import { type Command, InvalidArgumentError } from 'commander';
import { defaultSettings, type KeySecret } from '../inject/settings.ts';
import type { InjectRequest } from './inject.ts';

interface Given {
  readonly diff?: true;
  readonly image?: string;
  readonly user: number;
  readonly serviceAccount: string;
  readonly keySecret?: KeySecret;
  readonly moreKeySecret?: readonly KeySecret[];
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
}

/** Declares `inject`, whose options are told by its own help. */
export function describeInject(program: Command, ask: (request: InjectRequest) => void): void {
  const { user, serviceAccount, cpu, memory, memoryLimit } = defaultSettings;
  program
    .command('inject')
    .description('put the agent into the pods of named in manifests, for "kubectl apply -f -"')
    .argument('[files...]', 'manifests; without any, or for "-": standard input')
    .option('--diff', 'print what would change')
    .option('--image <image>', "the agent's image (default: bind9-agent of this version)")
    .option(
      '--key-secret <secret/key>',
      'key of a Secret with the key file of the cluster',
      secretOf,
    )
    .option(
      '--more-key-secret <secret/key>',
      'key files that zones name; can be given several times',
      moreSecrets,
    )
    .option('--service-account <name>', 'for pods that name none; "" gives none', serviceAccount)
    .option('--user <uid>', 'of named and the agent, where the pod says none', uid, user)
    .option('--cpu <quantity>', 'that the agent asks for', cpu)
    .option('--memory <quantity>', 'that the agent asks for', memory)
    .option('--memory-limit <quantity>', 'that it may take', memoryLimit)
    .addHelpText(
      'after',
      '\nSettings of the agent (see "bind9-agent run --help") are given to every agent that is put in.',
    )
    .action((files: string[], given: Given) => ask(requestOf(files, given)));
}

function requestOf(files: readonly string[], given: Given): InjectRequest {
  const { diff, keySecret, moreKeySecret = [], ...settings } = given;
  return {
    files,
    diff: diff === true,
    settings: {
      ...defaultSettings,
      ...settings,
      moreKeys: moreKeySecret,
      ...(keySecret === undefined ? {} : { key: keySecret }),
    },
  };
}

function secretOf(text: string): KeySecret {
  const [, secret, file] = /^([a-z0-9][a-z0-9.-]*)\/([A-Za-z0-9._-]+)$/.exec(text) ?? [];
  if (secret === undefined || file === undefined)
    throw new InvalidArgumentError('Want SECRET/KEY, as in bind9-keys/cluster.key');
  return { secret, file };
}

const moreSecrets = (text: string, before: readonly KeySecret[] = []): KeySecret[] => [
  ...before,
  secretOf(text),
];

function uid(text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= 4294967295) return value;
  throw new InvalidArgumentError('Want a uid from 1');
}
