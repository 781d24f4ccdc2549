import { objectName } from '../rig/manifests.ts';
import type { Rig } from '../rig/rig.ts';
import { until } from '../rig/until.ts';

/** What tests look at in a DNSZone's status. */
export interface SeenStatus {
  readonly allocated?: { readonly serial: number };
  readonly writer?: string;
  readonly transfers?: readonly { readonly pod: string; readonly state: string }[];
  readonly conditions?: readonly {
    readonly type: string;
    readonly status: string;
    readonly message: string;
  }[];
}

/** The status of a zone's object. */
export async function zoneStatus(rig: Rig, zone: string): Promise<SeenStatus> {
  return (await rig.home.status(objectName(zone))) as SeenStatus;
}

/** The message of a condition that holds; undefined where it does not. */
export async function condition(rig: Rig, zone: string, type: string): Promise<string | undefined> {
  const { conditions = [] } = await zoneStatus(rig, zone);
  return conditions.find((each) => each.type === type && each.status === 'True')?.message;
}

/** Waits until every pod serves one serial and that is the agreed one; tells it. */
export async function settled(rig: Rig, zone: string): Promise<number> {
  const serial = await rig.agreed(zone);
  await until(async () => (await zoneStatus(rig, zone)).allocated?.serial === serial, {
    what: `${zone} agreed at ${serial}`,
    withinMs: 30_000,
  });
  return serial;
}
