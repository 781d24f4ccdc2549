import { stringify } from 'yaml';
import type { Context } from '../context.ts';
import { podsOf, surroundingsOf } from '../doctor/look.ts';
import { type MissingAgent, missingAgents } from '../doctor/missing-agents.ts';
import { HttpApi } from '../observe/kubernetes/api.ts';
import type { Options } from '../options/options.ts';
import { accessOf } from '../pod/open-cluster.ts';
import type { OutputFormat } from './get.ts';
import { age, table } from './tell.ts';

/** Lists the pods that should have an agent and do not. Returns the exit code: 1 where there are some. */
export async function doctor(
  output: OutputFormat,
  options: Options,
  context: Context,
): Promise<number> {
  const { clock, random, version, complain, print } = context;
  const { namespaces } = options.kubernetes;
  const api = new HttpApi({
    access: await accessOf(options, context),
    userAgent: `bind9-agent/${version}`,
    ...{ clock, random },
  });
  try {
    const pods = await podsOf(api, namespaces.includes('*') ? [] : namespaces);
    const surroundings = await surroundingsOf(api, options.webhook, (why) =>
      complain(`bind9-agent: ${why}\n`),
    );
    const { image } = options.inject;
    const missing = missingAgents(pods, image === '' ? surroundings : { ...surroundings, image });
    await print(shown(missing, output, clock.now()));
    return missing.length === 0 ? 0 : 1;
  } finally {
    api.close();
  }
}

function shown(pods: readonly MissingAgent[], output: OutputFormat, now: number): string {
  switch (output) {
    case 'json':
      return `${JSON.stringify({ pods }, undefined, 2)}\n`;
    case 'yaml':
      return stringify({ pods });
    case 'table':
      return pods.length === 0
        ? 'Every pod that asks for an agent has it.\n'
        : table(
            ['NAMESPACE', 'NAME', 'AGE', 'REASON'],
            pods.map(({ namespace, name, created, reason }) => [
              namespace,
              name,
              age(created, now),
              reason,
            ]),
          );
  }
}
