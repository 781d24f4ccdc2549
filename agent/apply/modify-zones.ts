import type { Wanted } from '../plan/action.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { addZone, modZone } from './add-zones.ts';
import { retypeZones } from './retype-zones.ts';
import { type Failure, failAll, type ModifyAction, type ZoneActionDeps } from './zone-action.ts';
import { announce, entryOf } from './zone-entry.ts';

/** A secondary registers, and is notified from then on; what was loaded shortly before may have missed it. */
const NOTIFY_AGAIN_MS = 30_000;

/** Gives named other stanzas for zones that it has. */
export async function modifyZones(
  modifies: readonly ModifyAction[],
  deps: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const { ledger, clock } = deps;
  if (modifies.length === 0) return [];
  const before = new Map(ledger.entries());
  // Of the type that it has until named has made it another: who is killed in between asks for that again.
  const announced = modifies.map(({ wanted, from }) => ({
    ...entryOf(wanted, clock, before.get(wanted.zone)),
    role: from,
  }));
  const unannounced = await announce(announced, ledger);
  if (unannounced !== undefined) {
    ledger.put(modifies.flatMap(({ wanted }) => before.get(wanted.zone) ?? []));
    return failAll(modifies, unannounced);
  }
  const failures: Failure[] = [];
  const retyped: Wanted[] = [];
  for (const { wanted, from } of modifies) {
    signal.throwIfAborted();
    const former = before.get(wanted.zone);
    const why = await changeZone(wanted, deps);
    if (why !== undefined) {
      failures.push({ zone: wanted.zone, why });
      if (former !== undefined) ledger.put([former]);
      continue;
    }
    if (from !== wanted.role) {
      retyped.push(wanted);
      continue;
    }
    await tell(wanted, former, deps);
    ledger.put([entryOf(wanted, clock, former)]);
  }
  return [...failures, ...(await retypeZones(retyped, deps, signal))];
}

/** A zone that named has lost meanwhile is added again. */
async function changeZone(wanted: Wanted, deps: ZoneActionDeps): Promise<string | undefined> {
  const why = await modZone(wanted, deps);
  if (why === undefined || !/not found/.test(why)) return why;
  const added = await addZone(wanted, deps);
  return typeof added === 'string' ? undefined : added.why;
}

/**
 * modzone itself asks no primary and notifies nobody. A secondary that is new to the list asks by itself when it
 * starts; only content that came at about that time may have passed it by.
 */
async function tell(
  { zone, role, primaries }: Wanted,
  before: ServedZone | undefined,
  { command, loader, refresh }: ZoneActionDeps,
): Promise<void> {
  if (role === 'primary') {
    const quiet = loader.knows(zone) && loader.sinceLoaded(zone) > NOTIFY_AGAIN_MS;
    if (!quiet) await command('notify', zone);
  } else if (JSON.stringify(primaries) !== JSON.stringify(before?.primaries))
    refresh(zone, primaries[0]);
}
