import type { ZoneReport } from '../../agent/report/zone-report.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** Pods on an API server, and the zones that they serve. */
export interface ToldCluster {
  readonly rig: Rig;
  readonly plane: ControlPlane;
  readonly zones: readonly string[];
}

/** Statuses are looked at this often, all of them; of thousands less often, since each look costs the server a list of all. */
const LOOK_MS = 1000;
const LOOK_EACH_MS = 1;
const PATIENCE_MS = 600_000;

/** Waits until every status is true; else says which is not. */
export async function untilTold(cluster: ToldCluster, what: string): Promise<void> {
  let last = '';
  const told = async (): Promise<boolean> => {
    last = await untrueStatus(cluster);
    return last === '';
  };
  await until(told, {
    what: `${what}: every status`,
    withinMs: PATIENCE_MS,
    everyMs: Math.max(LOOK_MS, LOOK_EACH_MS * cluster.zones.length),
  }).catch((error: unknown) => {
    throw new Error(`${error instanceof Error ? error.message : error}; ${last}`);
  });
}

/** The first status that does not tell what is: every pod that runs, and no other, is current; empty: all do. */
async function untrueStatus({ rig, plane, zones }: ToldCluster): Promise<string> {
  const path = `/apis/bindy.firestoned.io/v1beta1/namespaces/${rig.home.namespace}/dnszones`;
  const { body } = await plane.request('GET', `${path}?resourceVersion=0`);
  const { items } = body as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly status?: Partial<ZoneReport> & { readonly allocated?: { readonly serial: number } };
    }[];
  };
  if (items.length !== zones.length) return `${items.length} zones`;
  const running = [...rig.pods.values()].filter(({ agent }) => agent?.running() === true);
  const wanted = running
    .map(({ name, place }) => `${name} ${place.address} Current`)
    .sort()
    .join();
  for (const { metadata, status = {} } of items) {
    const { transfers = [], serial, allocated } = status;
    const told = transfers
      .map(({ pod, ip, state }) => `${pod} ${ip} ${state}`)
      .sort()
      .join();
    const current =
      transfers.every((each) => each.serial === serial) && allocated?.serial === serial;
    if (told !== wanted || !current) return `${metadata.name}: ${JSON.stringify(status)}`;
  }
  return '';
}
