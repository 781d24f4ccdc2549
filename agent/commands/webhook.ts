import type { Context } from '../context.ts';
import { agentOptions } from '../inject/agent-options.ts';
import { defaultSettings, type InjectSettings, type KeySecret } from '../inject/settings.ts';
import type { Options } from '../options/options.ts';
import { tellProblems } from '../options/tell-problems.ts';
import { type Parsed, parsed } from '../problem.ts';
import { runWebhook } from '../webhook/webhook.ts';

/** Puts the agent into pods as they are made, and warns of resources, until it is stopped. Returns the exit code. */
export async function webhook(options: Options, context: Context): Promise<number> {
  const settings = injectSettings(options, context.version);
  if (!settings.ok) {
    context.complain(tellProblems(settings.problems));
    return 2;
  }
  return runWebhook(options, settings.value, context);
}

function injectSettings({ inject }: Options, version: string): Parsed<InjectSettings> {
  const { image, user, serviceAccount, cpu, memory, memoryLimit } = inject;
  const options = agentOptions(
    Object.entries(inject.settings),
    (path) => `inject.settings: ${path}`,
  );
  if (!options.ok) return options;
  return parsed({
    ...defaultSettings,
    image: image === '' ? `bind9-agent:${version}` : image,
    ...{ user, serviceAccount, cpu, memory, memoryLimit },
    ...(inject.keySecret === '' ? {} : { key: secretOf(inject.keySecret) }),
    moreKeys: inject.moreKeySecrets.map(secretOf),
    options: options.value,
  });
}

function secretOf(text: string): KeySecret {
  const [secret = '', file = ''] = text.split('/');
  return { secret, file };
}
