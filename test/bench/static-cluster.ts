import { readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openPlaces, type Place, type Places } from '../rig/addresses.ts';
import type { Bind } from '../rig/bind-versions.ts';
import { type Child, startChild } from '../rig/child.ts';
import { writeKey } from '../rig/keys.ts';
import { type Ledger, openLedger } from '../rig/ledger.ts';
import { claimPort } from '../rig/ports.ts';
import { untilAnswered, untilServed } from '../rig/sweep.ts';
import { benchZones, type Contestant, type Server } from './contestant.ts';
import { type Control, command, refreshAll } from './control.ts';
import { notRefreshed } from './refreshed.ts';
import { type StaticServer, staticConf, staticZone } from './static-conf.ts';

/** What all servers of a static cluster share. */
interface Ground {
  readonly ledger: Ledger;
  readonly places: Places;
  readonly bind: Bind;
  readonly zones: readonly string[];
  /** Text of both keys. */
  readonly keys: string;
  readonly controlKey: string;
}

/** One named with a configuration written by hand. */
class StaticNamed implements StaticServer {
  readonly name: string;
  readonly role: 'primary' | 'secondary';
  readonly folder: string;
  readonly controlPort: number;
  readonly statisticsPort: number;
  place: Place;
  readonly #ground: Ground;
  #child: Child | undefined;

  constructor(
    ground: Ground,
    parts: Pick<StaticServer, 'role' | 'place' | 'controlPort' | 'statisticsPort'> & {
      readonly name: string;
    },
  ) {
    this.#ground = ground;
    this.name = parts.name;
    this.role = parts.role;
    this.place = parts.place;
    this.controlPort = parts.controlPort;
    this.statisticsPort = parts.statisticsPort;
    this.folder = join(ground.ledger.folder, parts.name);
  }

  get control(): Control {
    const { address } = this.place;
    return { address, port: this.controlPort, keyFile: this.#ground.controlKey };
  }

  get statisticsUrl(): string {
    return `http://${this.place.address}:${this.statisticsPort}`;
  }

  get running(): boolean {
    return this.#child?.running() === true;
  }

  async configure(peers: readonly Place[]): Promise<void> {
    const { zones, keys, bind } = this.#ground;
    await mkdir(join(this.folder, 'zones'), { recursive: true });
    const text = staticConf(this, peers, zones, { keys, version: bind.version });
    await writeFile(join(this.folder, 'named.conf'), text);
  }

  async writeZone(zone: string, address: string, serial: number): Promise<void> {
    const file = join(this.folder, 'zones', `${zone}.zone`);
    await writeFile(file, staticZone(zone, address, serial));
  }

  launch(): void {
    const conf = join(this.folder, 'named.conf');
    const program = { file: this.#ground.bind.named, args: ['-f', '-c', conf] };
    const log = join(this.folder, 'named.log');
    this.#child = startChild(program, { log, ledger: this.#ground.ledger });
  }

  async kill(): Promise<void> {
    await this.#child?.stop('SIGKILL');
  }

  async wipe(): Promise<void> {
    await rm(join(this.folder, 'zones'), { recursive: true, force: true });
    await mkdir(join(this.folder, 'zones'), { recursive: true });
  }

  /** Another address; the old one no longer exists. */
  async move(): Promise<void> {
    const old = this.place;
    this.place = await this.#ground.places.take();
    this.#ground.places.giveBack(old);
  }
}

/** The baseline: the same named, right from the start by a configuration written by hand, refreshed as fast as it can be. */
export async function staticCluster(count: number, bind: Bind): Promise<Contestant> {
  const ground = await prepareGround(count, bind);
  const { ledger, zones } = ground;
  const primary = await newNamed(ground, 'primary', 'primary-0');
  const secondaries = [
    await newNamed(ground, 'secondary', 'secondary-0'),
    await newNamed(ground, 'secondary', 'secondary-1'),
  ];
  const serials = new Map(zones.map((zone) => [zone, 1]));
  const change = async (changed: readonly string[], address: string): Promise<void> => {
    for (const zone of changed) {
      const serial = (serials.get(zone) ?? 0) + 1;
      serials.set(zone, serial);
      await primary.writeZone(zone, address, serial);
    }
    if (primary.running) await command(primary.control, 'reload');
  };
  const configureAll = async (): Promise<void> => {
    await primary.configure(secondaries.map(({ place }) => place));
    await Promise.all(secondaries.map((each) => each.configure([primary.place])));
  };
  return {
    zones,
    primary: asServer(
      primary,
      () => primary.move(),
      async () => {
        const since = Date.now();
        primary.launch();
        await configureAll();
        await Promise.all(secondaries.map(({ control }) => command(control, 'reconfig')));
        await untilServed(primary.place, serials);
        await Promise.all(secondaries.map((each) => refreshUntilDone(each, zones, since)));
      },
    ),
    secondaries: secondaries.map((each) =>
      asServer(
        each,
        (wiped) => (wiped ? each.wipe() : Promise.resolve()),
        async (wiped) => {
          each.launch();
          // Empty zones are transferred without being asked to; files are trusted until their timers say otherwise.
          if (!wiped) await refreshAll(each.control, zones);
        },
      ),
    ),
    open: async () => {
      await configureAll();
      await change(zones, '192.0.2.1');
      for (const each of [primary, ...secondaries]) each.launch();
      const wanted = new Map(zones.map((zone) => [`www.${zone}`, '192.0.2.1']));
      const places = [primary, ...secondaries].map(({ place }) => place);
      await Promise.all(places.map((place) => untilAnswered(place, wanted, { everyMs: 50 })));
    },
    change,
    close: async () => {
      await Promise.all([primary, ...secondaries].map((each) => each.kill()));
      ledger.sweep();
    },
  };
}

/** A refresh that failed is not repeated by named for minutes: an operator's script asks again for what is missing. */
async function refreshUntilDone(
  { control, statisticsUrl }: StaticNamed,
  zones: readonly string[],
  since: number,
): Promise<void> {
  let missing = zones;
  while (missing.length > 0) {
    await refreshAll(control, missing);
    await sleep(1000);
    missing = await notRefreshed(statisticsUrl, zones, since);
  }
}

function asServer(
  named: StaticNamed,
  relocate: (wiped: boolean) => Promise<void>,
  start: (wiped: boolean) => Promise<void>,
): Server {
  let empty = false;
  return {
    name: named.name,
    get place() {
      return named.place;
    },
    get statisticsUrl() {
      return named.statisticsUrl;
    },
    kill: () => named.kill(),
    relocate: ({ wiped }) => {
      empty = wiped;
      return relocate(wiped);
    },
    start: () => start(empty),
  };
}

async function prepareGround(count: number, bind: Bind): Promise<Ground> {
  const ledger = openLedger();
  const places = await openPlaces(ledger);
  const clusterKey = writeKey(ledger.folder, 'cluster');
  const controlKey = writeKey(ledger.folder, 'control');
  const keys = [clusterKey, controlKey].map((file) => readFileSync(file, 'utf8')).join('');
  return { ledger, places, bind, zones: benchZones(count), keys, controlKey };
}

async function newNamed(
  ground: Ground,
  role: StaticServer['role'],
  name: string,
): Promise<StaticNamed> {
  const [controlPort, statisticsPort] = [await claimPort(), await claimPort()];
  const place = await ground.places.take();
  return new StaticNamed(ground, { name, role, place, controlPort, statisticsPort });
}
