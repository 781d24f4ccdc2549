import type { Rig } from '../rig/rig.ts';

/** Random numbers that are the same for the same seed (mulberry32). */
export interface Chance {
  /** 0 to `below` - 1. */
  readonly upTo: (below: number) => number;
  readonly of: <T>(list: readonly T[]) => T;
  /** True so many times in a hundred. */
  readonly percent: (percent: number) => boolean;
}

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const upTo = (below: number): number => Math.floor(next() * below);
  return {
    upTo,
    of: (list) => {
      const item = list[upTo(list.length)];
      if (item === undefined) throw new Error('nothing to choose from');
      return item;
    },
    percent: (percent) => next() * 100 < percent,
  };
}

const fewest = 8;
const linesOfBulk = 2500;

/**
 * Zones that are created, changed and dropped by chance. Each has one record `www` that tells its state: an address that
 * never comes twice. Now and then all of a zone with 2,500 more records changes, which is too much for an update.
 */
export class Churn {
  readonly #rig: Rig;
  readonly #chance: Chance;
  readonly #wanted = new Map<string, string>();
  readonly #dropped: string[] = [];
  #count = 0;

  constructor(rig: Rig, chance: Chance) {
    this.#rig = rig;
    this.#chance = chance;
  }

  /** The address of `www`, by zone. */
  get wanted(): ReadonlyMap<string, string> {
    return this.#wanted;
  }

  /** Zones that were there once and are not wanted now. */
  get dropped(): readonly string[] {
    return this.#dropped.filter((zone) => !this.#wanted.has(zone));
  }

  async begin(): Promise<void> {
    while (this.#wanted.size < fewest) await this.#put(`zone-${this.#wanted.size}.example`);
    await this.#put('bulk.example');
  }

  async end(): Promise<void> {
    for (const zone of [...this.#wanted.keys()]) await this.#drop(zone);
  }

  async step(): Promise<void> {
    const zones = [...this.#wanted.keys()].filter((zone) => zone !== 'bulk.example');
    const dice = this.#chance.upTo(100);
    if (dice < 8) await this.#put('bulk.example');
    else if (dice < 30) await this.#put(this.#newName());
    else if (dice < 48 && zones.length > fewest) await this.#drop(this.#chance.of(zones));
    else await this.#put(this.#chance.of(zones));
  }

  /** A new zone, or one that was dropped lately. */
  #newName(): string {
    const lately = this.#dropped.at(-1);
    const again = lately !== undefined && !this.#wanted.has(lately) && this.#chance.percent(30);
    return again ? lately : `zone-${this.#count}-new.example`;
  }

  async #drop(zone: string): Promise<void> {
    this.#wanted.delete(zone);
    this.#dropped.push(zone);
    await this.#rig.manifest(zone.replaceAll('.', '-'), undefined);
  }

  async #put(zone: string): Promise<void> {
    this.#count += 1;
    const address = `10.${this.#count >> 16}.${(this.#count >> 8) & 255}.${this.#count & 255}`;
    this.#wanted.set(zone, address);
    if (zone === 'bulk.example') await this.#rig.zone(zone, {}, { zoneFile: bulk(address) });
    else await this.#rig.zone(zone, { www: address, mail: '192.0.2.25' });
  }
}

const bulk = (address: string): string =>
  [
    '$TTL 300',
    '@ SOA ns1 admin 1 3600 600 604800 300',
    '@ NS ns1',
    'ns1 A 192.0.2.53',
    `www A ${address}`,
    ...Array.from({ length: linesOfBulk }, (_, i) => `host-${i} TXT "${address} of ${i}"`),
    '',
  ].join('\n');
