import { Gauge, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';
import { type DomainName, displayName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { Peer, Role } from '../plan/registration.ts';
import type { TransferState } from './zone-report.ts';

/** One zone of this pod. Times are milliseconds since the epoch. */
export interface ZoneSample {
  readonly zone: DomainName;
  readonly role: Role;
  /** What named serves; absent where it does not serve the zone. */
  readonly serial?: Serial;
  readonly state: TransferState;
  /** Since when a newer serial than the one served is known. */
  readonly behindSince?: number;
  /** Of a secondary: until when its data are good. */
  readonly expiresAt?: number;
}

/** What was last told, from which gauges are made at each scrape. */
export interface Snapshot {
  readonly zones: readonly ZoneSample[];
  readonly peers: readonly Pick<Peer, 'role' | 'liveness'>[];
  /** named's version; undefined: named does not answer. */
  readonly release: string | undefined;
  readonly held: boolean;
  /** Objects that are not valid. */
  readonly problems: number;
  readonly refused: boolean;
}

type Sample<L extends string> = readonly [labels: Readonly<Record<L, string>>, value: number];

/** A gauge that keeps nothing: its series are made when it is read, so that what is gone leaves no series behind. */
class ReadGauge<L extends string> extends Gauge<L> {
  readonly #read: () => Iterable<Sample<L>>;

  constructor(
    about: { name: string; help: string; labelNames: L[]; registers: Registry[] },
    read: () => Iterable<Sample<L>>,
  ) {
    super(about);
    this.#read = read;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<L>>> {
    const about = await super.get();
    const values = Array.from(this.#read(), ([labels, value]) => ({ labels, value }));
    return { ...about, values };
  }
}

const roles: readonly Role[] = ['primary', 'secondary'];
const livenesses: readonly Peer['liveness'][] = ['live', 'silent'];
const states: readonly TransferState[] = [
  'Pending',
  'Transferring',
  'Current',
  'Lagging',
  'Failing',
  'Expired',
];

/** The gauges of each zone, and the zones counted. */
export function zoneGauges(register: Registry, snapshot: () => Snapshot, now: () => number): void {
  const each = (
    name: string,
    help: string,
    value: (zone: ZoneSample, now: number) => number | undefined,
  ): void => {
    new ReadGauge({ name, help, labelNames: ['zone', 'role'], registers: [register] }, () =>
      eachZone(snapshot().zones, now(), value),
    );
  };
  each(
    'bind9_agent_zone_serial',
    'SOA serial of the zone as this pod serves it; absent while it does not.',
    ({ serial }) => serial,
  );
  each(
    'bind9_agent_zone_loaded',
    'Whether named serves the zone in this pod: 1, or 0 where it is not loaded or has expired.',
    ({ serial }) => Number(serial !== undefined),
  );
  each(
    'bind9_agent_zone_lag_seconds',
    'For how many seconds a newer serial of the zone has been known and not served here; 0 when current.',
    ({ behindSince }, at) => (behindSince === undefined ? 0 : seconds(at - behindSince)),
  );
  each(
    'bind9_agent_zone_expiry_seconds',
    'Seconds until this copy expires unless a primary answers; 0 when expired, absent for a primary.',
    ({ expiresAt }, at) => (expiresAt === undefined ? undefined : seconds(expiresAt - at)),
  );
  new ReadGauge(
    {
      name: 'bind9_agent_zones',
      help: 'Zones of this pod, by its role for them and their state.',
      labelNames: ['role', 'state'],
      registers: [register],
    },
    () =>
      roles.flatMap((role) =>
        states.map((state): Sample<'role' | 'state'> => {
          const { zones } = snapshot();
          return [
            { role, state },
            zones.filter((zone) => zone.role === role && zone.state === state).length,
          ];
        }),
      ),
  );
}

/** The gauges of the agent, its named and its peers. */
export function agentGauges(register: Registry, snapshot: () => Snapshot): void {
  const registers = [register];
  const one = (name: string, help: string, value: (snapshot: Snapshot) => number): void => {
    new ReadGauge({ name, help, labelNames: [], registers }, () => [[{}, value(snapshot())]]);
  };
  new ReadGauge(
    {
      name: 'bind9_agent_peers',
      help: 'Other pods known to this one, by role and by whether their registration is renewed (live) or ran out (silent).',
      labelNames: ['role', 'liveness'],
      registers,
    },
    () =>
      roles.flatMap((role) =>
        livenesses.map((liveness): Sample<'role' | 'liveness'> => {
          const { peers } = snapshot();
          return [
            { role, liveness },
            peers.filter((peer) => peer.role === role && peer.liveness === liveness).length,
          ];
        }),
      ),
  );
  one('bind9_agent_named_up', 'Whether named answers on its control channel: 1, or 0.', (now) =>
    Number(now.release !== undefined),
  );
  new ReadGauge(
    {
      name: 'bind9_agent_named_info',
      help: 'Always 1; the label tells the version of the named that runs. Absent while it does not answer.',
      labelNames: ['release'],
      registers,
    },
    () => {
      const { release } = snapshot();
      return release === undefined ? [] : [[{ release }, 1]];
    },
  );
  one(
    'bind9_agent_held',
    'Whether a plan that removes too much is held until somebody approves it: 1, or 0.',
    ({ held }) => Number(held),
  );
  one(
    'bind9_agent_resource_problems',
    'Objects (zones, records, instances) that are not valid and are left out, or served as they last were.',
    ({ problems }) => problems,
  );
  one(
    'bind9_agent_configuration_refused',
    "Whether named's own check refuses the configuration that should be, so that the last good one stays: 1, or 0.",
    ({ refused }) => Number(refused),
  );
}

/** A zone that is told twice counts once: Prometheus refuses a scrape in which a series comes twice. */
function* eachZone(
  zones: readonly ZoneSample[],
  now: number,
  value: (zone: ZoneSample, now: number) => number | undefined,
): Generator<Sample<'zone' | 'role'>> {
  for (const zone of zones) {
    const number = value(zone, now);
    if (number !== undefined) yield [{ zone: displayName(zone.zone), role: zone.role }, number];
  }
}

const seconds = (ms: number): number => Math.max(0, ms / 1000);
