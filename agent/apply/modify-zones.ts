import type { DomainName } from '../dns/name.ts';
import type { Wanted } from '../plan/action.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { addZone, modZone } from './add-zones.ts';
import { giveAllAtOnce } from './all-at-once.ts';
import { retypeZones } from './retype-zones.ts';
import {
  type Failure,
  failAll,
  type ModifyAction,
  type Refreshed,
  type ZoneActionDeps,
} from './zone-action.ts';
import { announce, entryOf } from './zone-entry.ts';

/** Gives named other stanzas for zones that it has. */
export async function modifyZones(
  modifies: readonly ModifyAction[],
  deps: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const { ledger } = deps;
  if (modifies.length === 0) return [];
  const before = ledger.entries();
  const unannounced = await announceAll(modifies, before, deps);
  if (unannounced !== undefined) return failAll(modifies, unannounced);
  const all = await giveAllAtOnce(modifies.length, new Set(), deps);
  const failures: Failure[] = [];
  const retyped: Wanted[] = [];
  const stale: Refreshed[] = [];
  for (const action of modifies) {
    signal.throwIfAborted();
    const { wanted } = action;
    const modified = await modifyOne(action, before.get(wanted.zone), all, deps);
    if (modified === 'retyped') retyped.push(wanted);
    else if ('why' in modified) failures.push({ zone: wanted.zone, why: modified.why });
    else stale.push(...modified);
  }
  deps.refresh(stale);
  return [...failures, ...(await retypeZones(retyped, deps, signal))];
}

/**
 * @param given named has the stanza already
 * @returns what is to be refreshed yet
 */
async function modifyOne(
  { wanted, from }: ModifyAction,
  former: ServedZone | undefined,
  given: boolean,
  deps: ZoneActionDeps,
): Promise<{ readonly why: string } | 'retyped' | readonly Refreshed[]> {
  const { ledger, clock } = deps;
  const why = given ? undefined : await changeZone(wanted, deps);
  if (why !== undefined) {
    if (former !== undefined) ledger.put([former]);
    return { why };
  }
  if (from !== wanted.role) return 'retyped';
  const stale = tell(wanted, former, deps);
  ledger.put([entryOf(wanted, clock, former)]);
  if (given) return stale;
  // The first of many need not wait for the last.
  deps.refresh(stale);
  return [];
}

/** Returns why the ledger could not be written. */
async function announceAll(
  modifies: readonly ModifyAction[],
  before: ReadonlyMap<DomainName, ServedZone>,
  { ledger, clock }: ZoneActionDeps,
): Promise<string | undefined> {
  // Of the type that it has until named has made it another: who is killed in between asks for that again.
  const announced = modifies.map(({ wanted, from }) => ({
    ...entryOf(wanted, clock, before.get(wanted.zone)),
    role: from,
  }));
  const why = await announce(announced, ledger);
  if (why !== undefined)
    ledger.put(modifies.flatMap(({ wanted }) => before.get(wanted.zone) ?? []));
  return why;
}

/** A zone that named has lost meanwhile is added again. */
async function changeZone(wanted: Wanted, deps: ZoneActionDeps): Promise<string | undefined> {
  const why = await modZone(wanted, deps);
  if (why === undefined || !/not found/.test(why)) return why;
  const added = await addZone(wanted, deps);
  return typeof added === 'string' ? undefined : added.why;
}

/**
 * A new stanza alone asks no primary and notifies nobody. A secondary that is new to the list asks by itself when it
 * starts; only content that came at about that time may have passed it by. Returns what is to be refreshed.
 */
function tell(
  { zone, role, primaries }: Wanted,
  before: ServedZone | undefined,
  { command, loader }: ZoneActionDeps,
): Refreshed[] {
  if (role === 'secondary') {
    // What is pending was announced, perhaps by an agent that was killed before it had it refreshed.
    const same =
      before?.pending !== true && JSON.stringify(primaries) === JSON.stringify(before?.primaries);
    return same ? [] : [{ zone, primary: primaries[0] }];
  }
  const quiet = loader.knows(zone) && !loader.isFresh(zone);
  // Not waited for: of thousands, the last would keep the next change waiting for minutes.
  if (!quiet) void command('notify', zone).catch(() => undefined);
  return [];
}
