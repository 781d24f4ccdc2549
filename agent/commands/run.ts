import type { Context } from '../context.ts';
import type { Options } from '../options/options.ts';
import { tellProblems } from '../options/tell-problems.ts';
import { openPod, type Pod } from '../pod/pod.ts';
import { type Problem, TransientError } from '../problem.ts';
import { alone } from './alone.ts';

/**
 * Keeps this pod registered, its zones served and its transfers told, until it is stopped. New options (SIGHUP) end one
 * life and begin another; named serves on meanwhile. Options that no life can begin with are told, and those before stay
 * in force. Returns the exit code.
 */
export async function run(options: Options, context: Context): Promise<number> {
  let wanted = options;
  let reload = new AbortController();
  const stopListening = context.onReload((reloaded) => {
    const problems = fixedOnes(options, reloaded);
    if (problems.length > 0) return context.complain(tellProblems(problems));
    wanted = reloaded;
    reload.abort();
  });
  try {
    return await alone(options, context, async () => {
      let before: Options | undefined;
      while (!context.signal.aborted) {
        reload = new AbortController();
        const { pod, inForce } = await begin(wanted, before, context);
        before = inForce;
        await pod.run(AbortSignal.any([context.signal, reload.signal]), context.signal);
      }
      return 0;
    });
  } finally {
    stopListening();
  }
}

interface Begun {
  readonly pod: Pod;
  readonly inForce: Options;
}

async function begin(
  options: Options,
  before: Options | undefined,
  context: Context,
): Promise<Begun> {
  try {
    const pod = await openPod(options, context);
    await pod.listen().catch(async (error: unknown) => {
      await pod.close();
      throw error;
    });
    context.log.level = options.log.level;
    return { pod, inForce: options };
  } catch (error) {
    if (before === undefined || !(error instanceof TransientError)) throw error;
    context.complain(`bind9-agent: the settings stay as they were: ${error.message}\n`);
    return begin(before, undefined, context);
  }
}

/** What named was started with, and what this pod is known by, cannot change under them. */
function fixedOnes({ paths, pod }: Options, next: Options): Problem[] {
  const named = Object.keys(paths) as (keyof Options['paths'])[];
  const all = [
    ...named.map((name) => [`paths.${name}`, paths[name], next.paths[name]] as const),
    ['pod.name', pod.name, next.pod.name] as const,
  ];
  return all
    .filter(([, now, then]) => now !== then)
    .map(([path, now, then]) => ({
      path,
      problem: `want ${now} until the agent is started anew, got ${then}`,
    }));
}
