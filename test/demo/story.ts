import type { Pod } from '../rig/pod.ts';
import { makeRig, type Rig } from '../rig/rig.ts';
import { serialsAt, untilAnswered, untilServed } from '../rig/sweep.ts';
import { transfersOf } from '../rig/transfers.ts';
import { untilEqual } from '../rig/until.ts';

/** What the demo measured, all times in milliseconds; null: it did not get that far. */
export interface Figures {
  zones: number;
  createMs: number | null;
  changeMs: number | null;
  healSecondaryMs: number | null;
  healPrimaryMs: number | null;
  transfers: number | null;
  /** Everything was seen over DNS at every pod. */
  ok: boolean;
}

/** The demo's world: what each zone's `www` should be, and whether every pod truly says so. */
export class Story {
  readonly rig: Rig;
  readonly figures: Figures;
  /** `www.example.com` → `192.0.2.7`. */
  readonly #wanted = new Map<string, string>();

  constructor(rig: Rig, zones: number) {
    this.rig = rig;
    this.figures = {
      zones,
      createMs: null,
      changeMs: null,
      healSecondaryMs: null,
      healPrimaryMs: null,
      transfers: null,
      ok: false,
    };
  }

  get zones(): string[] {
    return zoneNames(this.figures.zones);
  }

  get primary(): Pod {
    return this.rig.pod('primary-dns-0');
  }

  get secondary(): Pod {
    return this.rig.pod('secondary-dns-0');
  }

  async start(): Promise<number> {
    return timed(async () => {
      await this.rig.start();
      await this.rig.ready();
    });
  }

  async createZones(): Promise<number> {
    const ms = await timed(async () => {
      for (const [index, zone] of this.zones.entries())
        await this.#write(zone, `192.0.2.${1 + (index % 250)}`);
      await this.#untilEverywhere();
    });
    this.figures.createMs = ms;
    return ms;
  }

  async changeRecord(zone: string, address: string): Promise<number> {
    const before = await this.rig.agreed(zone);
    const ms = await timed(async () => {
      await this.#write(zone, address);
      await this.#untilEverywhere([`www.${zone}`]);
    });
    const after = await this.rig.agreed(zone);
    if (after <= before) throw new Error(`${zone}: its serial went from ${before} to ${after}`);
    this.figures.changeMs = ms;
    return ms;
  }

  /** kill -9 of a secondary's named and agent; while it is away, some zones change. */
  async loseSecondary(): Promise<void> {
    await this.secondary.kill();
    await this.#changeSome('198.51.100.1');
    const others = [...this.rig.pods.values()].filter((pod) => pod !== this.secondary);
    await this.#untilEverywhere([...this.#wanted.keys()], others);
  }

  /** The same pod, same disk, another address and uid: from its start until it serves all that the primary serves. */
  async healSecondary(): Promise<number> {
    await this.secondary.move();
    const serials = await serialsAt(this.primary.place, this.zones);
    const ms = await timed(async () => {
      await this.secondary.start();
      await untilServed(this.secondary.place, serials);
    });
    await this.#untilEverywhere();
    this.figures.healSecondaryMs = ms;
    return ms;
  }

  /** The primary is replaced on another address; zones that changed meanwhile must reach the secondaries from there. */
  async movePrimary(): Promise<number> {
    await this.primary.stop();
    await this.#changeSome('198.51.100.2');
    await this.primary.move();
    const ms = await timed(async () => {
      await this.primary.start();
      await this.#untilEverywhere();
    });
    this.figures.healPrimaryMs = ms;
    return ms;
  }

  /** The last look: every zone at one serial and with its right data at every pod. */
  async verify(): Promise<void> {
    await this.#untilEverywhere();
    for (const pod of this.rig.pods.values()) {
      await untilEqual(() => pod.status('/readyz'), 200, { what: `${pod.name} /readyz` });
    }
    this.figures.transfers = await transfersOf(this.rig);
    if (this.figures.transfers < this.figures.zones) {
      throw new Error(`only ${this.figures.transfers} transfers for ${this.figures.zones} zones`);
    }
    this.figures.ok = true;
  }

  /** `primary-dns-0 2026112101, …` */
  async serialsOf(zone: string): Promise<string> {
    const pods = [...this.rig.pods.keys()];
    const serials = await Promise.all(pods.map((pod) => this.rig.serial(pod, zone)));
    return pods.map((pod, index) => `${pod} ${serials[index] ?? 'no answer'}`).join(', ');
  }

  async #write(zone: string, address: string): Promise<void> {
    this.#wanted.set(`www.${zone}`, address);
    await this.rig.zone(zone, { www: address, mail: '192.0.2.25' }, timers);
  }

  async #changeSome(address: string): Promise<void> {
    for (const zone of this.zones.filter((_, index) => index % 10 === 0))
      await this.#write(zone, address);
  }

  async #untilEverywhere(
    names: readonly string[] = [...this.#wanted.keys()],
    pods: readonly Pod[] = [...this.rig.pods.values()],
  ): Promise<void> {
    const wanted = new Map([...this.#wanted].filter(([name]) => names.includes(name)));
    const patience = { withinMs: 30_000, everyMs: 3 };
    await Promise.all(pods.map((pod) => untilAnswered(pod.place, wanted, patience)));
    const zones = names.map((name) => name.replace('www.', ''));
    await untilEqual(() => serialsThatDiffer(pods, zones), [], { what: 'zones with two serials' });
  }
}

export async function openStory(zones: number): Promise<Story> {
  const instances = { primary: 'primary-dns', secondary: 'secondary-dns' };
  const rig = await makeRig({ cluster: 'demo', instances, agent: 'bundle' });
  return new Story(rig, zones);
}

const timers = { soaRecord: { refresh: 3600, retry: 600, expire: 604800, negativeTtl: 300 } };

const zoneNames = (count: number): string[] =>
  Array.from({ length: count }, (_, index) =>
    index < 3 ? `example.${['com', 'net', 'org'][index]}` : `zone-${index + 1}.example`,
  );

async function serialsThatDiffer(
  pods: readonly Pod[],
  zones: readonly string[],
): Promise<string[]> {
  const all = await Promise.all(pods.map((pod) => serialsAt(pod.place, zones)));
  return zones.filter((zone) => {
    const serials = new Set(all.map((at) => at.get(zone)));
    return serials.size !== 1 || serials.has(undefined);
  });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return Math.round(performance.now() - start);
}
