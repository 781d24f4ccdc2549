import type { Place } from '../rig/addresses.ts';

/** One server of a cluster under measurement. */
export interface Server {
  readonly name: string;
  /** Where it answers; another one after `relocate()`. */
  readonly place: Place;
  /** Base of named's statistics channel. */
  readonly statisticsUrl: string;
  /** kill -9 of all its processes. */
  kill(): Promise<void>;
  /** Prepares the next start: another address where that is part of the measurement, and an empty disk if wanted. */
  relocate(options: { readonly wiped: boolean }): Promise<void>;
  /** From here on the time runs. Resolves when all was done that an operator (or an agent) does by itself. */
  start(): Promise<void>;
}

/**
 * A primary and two secondaries with their zones: the agents' cluster, or the baseline, which is the same named
 * configured by hand. The same story is told with both, in turn.
 */
export interface Contestant {
  readonly zones: readonly string[];
  readonly primary: Server;
  readonly secondaries: readonly Server[];
  /** Starts everything and resolves when each zone is served everywhere. */
  open(): Promise<void>;
  /** Makes this the A record of `www` in these zones, whether or not the primary is up. */
  change(zones: readonly string[], address: string): Promise<void>;
  close(): Promise<void>;
}

/** Seconds; both contestants' zones have them, and the expiry tells when a zone was refreshed last. */
export const timers = { refresh: 3600, retry: 600, expire: 604_800, negativeTtl: 300 } as const;

export const benchZones = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `zone-${String(index).padStart(6, '0')}.example`);

/** Every tenth zone, others in each run. */
export const tenthOf = (zones: readonly string[], run: number): string[] =>
  zones.filter((_, index) => index % 10 === run % 10);

/** An address that no earlier run has used. */
export const addressOfRun = (run: number): string => `198.51.${100 + (run >> 8)}.${run & 0xff}`;
