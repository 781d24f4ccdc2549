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

/** A look at all statuses costs the server a list of all: in between, some of those that were not true are looked at. */
const LOOK_MS = 250;
const SOME = 20;
const PATIENCE_MS = 120_000;
const PATIENCE_EACH_MS = 100;

interface Zone {
  readonly metadata: { readonly name: string };
  readonly status?: Partial<ZoneReport> & { readonly allocated?: { readonly serial: number } };
}

/** Waits until every status is true; else says which is not. */
export async function untilTold({ rig, plane, zones }: ToldCluster, what: string): Promise<void> {
  const path = `/apis/bindy.firestoned.io/v1beta1/namespaces/${rig.home.namespace}/dnszones`;
  let some: readonly Zone[] = [];
  let found = 0;
  const told = async (): Promise<boolean> => {
    const wanted = copiesOf(rig);
    for (const { metadata } of some) {
      const answer = await plane.request('GET', `${path}/${metadata.name}`);
      if (answer.code !== 404 && !isTrue(answer.body as Zone, wanted)) return false;
      some = some.slice(1);
    }
    const { body } = await plane.request('GET', `${path}?resourceVersion=0`);
    const { items } = body as { readonly items: readonly Zone[] };
    found = items.length;
    const untrue = items.filter((zone) => !isTrue(zone, wanted));
    const step = Math.ceil(untrue.length / SOME);
    some = untrue.filter((_, index) => index % step === 0);
    return untrue.length === 0 && found === zones.length;
  };
  await until(told, {
    what: `${what}: every status`,
    withinMs: PATIENCE_MS + PATIENCE_EACH_MS * zones.length,
    everyMs: LOOK_MS,
  }).catch((error: unknown) => {
    const [first] = some;
    throw new Error(
      `${error instanceof Error ? error.message : error}; ${found} zones, ${first?.metadata.name}: ${JSON.stringify(first?.status)}`,
    );
  });
}

/** Of every pod that runs, and no other: a current one. */
const copiesOf = (rig: Rig): string =>
  [...rig.pods.values()]
    .filter(({ agent }) => agent?.running() === true)
    .map(({ name, place }) => `${name} ${place.address} Current`)
    .sort()
    .join();

function isTrue({ status = {} }: Zone, wanted: string): boolean {
  const { transfers = [], serial, allocated } = status;
  const told = transfers
    .map(({ pod, ip, state }) => `${pod} ${ip} ${state}`)
    .sort()
    .join();
  const current = transfers.every((each) => each.serial === serial) && allocated?.serial === serial;
  return told === wanted && current;
}
