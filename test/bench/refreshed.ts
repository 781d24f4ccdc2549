import { setTimeout as sleep } from 'node:timers/promises';
import { timers } from './contestant.ts';

/** Waits until a secondary has refreshed each zone since then. */
export async function untilRefreshed(
  statisticsUrl: string,
  zones: readonly string[],
  sinceMs: number,
  withinMs = 120_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const stale = await notRefreshed(statisticsUrl, zones, sinceMs);
    if (stale.length === 0) return;
    if (performance.now() > deadline) {
      const count = stale.length;
      throw new Error(`after ${withinMs / 1000} s ${count} zones are not refreshed: ${stale[0]}`);
    }
    await sleep(50);
  }
}

/**
 * Zones that a secondary has not refreshed since then, by its named's statistics: a refresh sets the expiry to the
 * zone's full timer from that second on.
 */
export async function notRefreshed(
  statisticsUrl: string,
  zones: readonly string[],
  sinceMs: number,
): Promise<string[]> {
  const expiresFrom = (Math.floor(sinceMs / 1000) + timers.expire) * 1000;
  const expiries = await expiriesOf(statisticsUrl);
  return zones.filter((zone) => !((expiries.get(zone) ?? 0) >= expiresFrom));
}

interface ZoneStatistics {
  readonly name: string;
  /** RFC 3339, whole seconds. */
  readonly expires?: string;
}

interface Statistics {
  readonly views: Readonly<Record<string, { readonly zones?: readonly ZoneStatistics[] }>>;
}

async function expiriesOf(statisticsUrl: string): Promise<Map<string, number>> {
  const response = await fetch(`${statisticsUrl}/json/v1/zones`, {
    signal: AbortSignal.timeout(20_000),
  });
  const { views } = (await response.json()) as Statistics;
  const zones = Object.values(views).flatMap((view) => view.zones ?? []);
  return new Map(zones.map(({ name, expires }) => [name, Date.parse(expires ?? '')]));
}
