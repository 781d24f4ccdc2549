import type { Context } from '../context.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { Options } from '../options/options.ts';
import { openCluster } from './open-cluster.ts';

export type LookedOnce =
  | { readonly ok: true; readonly view: ClusterView }
  | { readonly ok: false; readonly why: string };

const SYNC_MS = 15_000;
const POLL_MS = 20;

/** The cluster as it is now, without taking part in it. */
export async function lookOnce(options: Options, context: Context): Promise<LookedOnce> {
  const cluster = await openCluster(options, context, 'onlooker');
  try {
    await cluster.start(() => undefined);
    const deadline = context.clock.now() + SYNC_MS;
    while (!cluster.view().synced && context.clock.now() < deadline && !context.signal.aborted)
      await context.clock.sleep(POLL_MS, context.signal);
    const view = cluster.view();
    if (view.synced) return { ok: true, view };
    const [first] = view.invalid;
    const reason = first === undefined ? '' : `: ${first.object}: ${first.problems[0]?.problem}`;
    return {
      ok: false,
      why: `the resources could not be read within ${SYNC_MS / 1000} s${reason}`,
    };
  } finally {
    await cluster.stop();
  }
}
