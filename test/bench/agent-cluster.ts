import { atOnce } from '../../agent/at-once.ts';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import type { Bind } from '../rig/bind-versions.ts';
import type { Pod } from '../rig/pod.ts';
import { makeRig, type Rig } from '../rig/rig.ts';
import { untilAnswered } from '../rig/sweep.ts';
import { benchZones, type Contestant, type Server, timers } from './contestant.ts';

/** The agents' cluster, with the rig at hand for what is particular to it. */
export interface AgentCluster extends Contestant {
  readonly rig: Rig;
  /** The API server, where there is one. */
  readonly plane: ControlPlane | undefined;
}

/** Objects that are written at the same time. */
const AT_ONCE = 16;

/** A primary and two secondaries with their agents, from the bundle, as in the image; on an API server where one is given. */
export async function agentCluster(
  count: number,
  bind: Bind,
  plane?: ControlPlane,
): Promise<AgentCluster> {
  const on = plane === undefined ? {} : { plane };
  const rig = await makeRig({ cluster: 'bench', agent: 'bundle', bind, ...on });
  const zones = benchZones(count);
  const write = async (zone: string, address: string): Promise<void> => {
    await rig.zone(zone, { www: address, mail: '192.0.2.25' }, { soaRecord: timers });
  };
  return {
    rig,
    plane,
    zones,
    primary: serverOf(rig.pod('primary-0')),
    secondaries: rig.podsOf('secondary').map(serverOf),
    open: async () => {
      await atOnce(AT_ONCE, zones, (zone) => write(zone, '192.0.2.1'));
      await rig.start();
      const wanted = new Map(zones.map((zone) => [`www.${zone}`, '192.0.2.1']));
      const patience = { withinMs: 60_000 + count * 60, everyMs: 50 };
      const places = [...rig.pods.values()].map(({ place }) => place);
      try {
        await Promise.all(places.map((place) => untilAnswered(place, wanted, patience)));
        await rig.ready(patience.withinMs);
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : error}\n${rig.tails(6)}`);
      }
    },
    change: async (changed, address) => {
      await atOnce(AT_ONCE, changed, (zone) => write(zone, address));
    },
    close: () => rig.close(),
  };
}

const serverOf = (pod: Pod): Server => ({
  name: pod.name,
  get place() {
    return pod.place;
  },
  get statisticsUrl() {
    return pod.statisticsUrl;
  },
  kill: () => pod.kill(),
  relocate: (options) => pod.move(options),
  start: () => pod.start(),
});
