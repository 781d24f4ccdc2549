import { Gauge, type MetricObjectWithValues, type MetricValue, type Registry } from 'prom-client';
import { type DomainName, displayName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { Peer, Role } from '../plan/registration.ts';
import { type TransferState, transferStates } from './zone-report.ts';

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
  /** How long ago each source of resources and peers said that nothing is missing, in seconds. */
  readonly sourceAges: ReadonlyMap<string, number>;
  /** The resources may be behind what is true. */
  readonly stale: boolean;
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
    // Labels given as shared ones are written out once for each object that has them, however many values share it:
    // a third of the time and a fraction of the garbage of a scrape with thousands of zones.
    const values = Array.from(this.#read(), ([sharedLabels, value]) => ({
      labels: {},
      sharedLabels,
      value,
    }));
    return { ...about, values };
  }
}

const roles: readonly Role[] = ['primary', 'secondary'];
const livenesses: readonly Peer['liveness'][] = ['live', 'silent'];
/** The gauges of each zone, and the zones counted. */
export function zoneGauges(register: Registry, snapshot: () => Snapshot, now: () => number): void {
  const registers = [register];
  const zones = labelled(snapshot);
  const each = (
    name: string,
    help: string,
    measure: (zone: ZoneSample, now: number) => number | undefined,
  ): void => {
    new ReadGauge({ name, help, labelNames: ['zone', 'role'], registers }, function* () {
      const at = now();
      for (const { zone, labels } of zones()) {
        const value = measure(zone, at);
        if (value !== undefined) yield [labels, value];
      }
    });
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
      registers,
    },
    () =>
      counted(
        [...zones()].map(({ zone }) => zone),
        'state',
        transferStates,
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
    () => counted(snapshot().peers, 'liveness', livenesses),
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
    'Objects (zones, instances; records at primaries) that are not valid and are left out, or served as they last were.',
    ({ problems }) => problems,
  );
  one(
    'bind9_agent_configuration_refused',
    "Whether named's own check refuses the configuration that should be, so that the last good one stays: 1, or 0.",
    ({ refused }) => Number(refused),
  );
  one(
    'bind9_agent_resources_stale',
    'Whether the resources may be behind what is true, since what tells them does not answer: 1, or 0.',
    ({ stale }) => Number(stale),
  );
  new ReadGauge(
    {
      name: 'bind9_agent_source_age_seconds',
      help: 'How long ago each source of resources and registrations said that nothing is missing, in seconds.',
      labelNames: ['source'],
      registers,
    },
    () => Array.from(snapshot().sourceAges, ([source, age]) => [{ source }, age]),
  );
}

interface Series {
  readonly zone: ZoneSample;
  readonly labels: Readonly<Record<'zone' | 'role', string>>;
}

/**
 * The zones with their labels, made once for all gauges and scrapes until others are set. A zone that is told twice
 * has the series of the last: Prometheus refuses a scrape in which a series comes twice.
 */
function labelled(snapshot: () => Snapshot): () => Iterable<Series> {
  let zones: readonly ZoneSample[] | undefined;
  let series = new Map<DomainName, Series>();
  return () => {
    if (zones !== snapshot().zones) {
      zones = snapshot().zones;
      series = new Map();
      for (const zone of zones)
        series.set(zone.zone, { zone, labels: { zone: displayName(zone.zone), role: zone.role } });
    }
    return series.values();
  };
}

/**
 * How many there are by role and by another property, those that there are none of too: a series that ends looks like
 * one that was not scraped.
 */
function counted<K extends string, V extends string>(
  items: readonly (Readonly<Record<K, V>> & { readonly role: Role })[],
  key: K,
  values: readonly V[],
): Sample<string>[] {
  return roles.flatMap((role) =>
    values.map(
      (value): Sample<string> => [
        { role, [key]: value },
        items.filter((item) => item.role === role && item[key] === value).length,
      ],
    ),
  );
}

const seconds = (ms: number): number => Math.max(0, ms / 1000);
