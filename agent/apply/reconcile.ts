import { atOnce } from '../at-once.ts';
import type { Clock } from '../clock.ts';
import type { DomainName } from '../dns/name.ts';
import { isNewer, type Serial } from '../dns/serial.ts';
import type { Role } from '../plan/registration.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { stanzaOf } from '../plan/stanza.ts';
import type { ContentLoader } from './content-loader.ts';
import { discardZone } from './drop-zones.ts';
import type { Ledger } from './ledger.ts';
import { said, type ZoneCommander } from './zone-commands.ts';
import type { ZoneFiles } from './zone-files.ts';

/** What named says it has, by zone: its type, and its serial where the zone is loaded. */
export type NamedZones = ReadonlyMap<
  DomainName,
  { readonly type: string; readonly serial?: Serial }
>;

export interface ReconcileDeps {
  readonly ledger: Ledger;
  readonly loader: Pick<ContentLoader, 'forget'>;
  readonly files: ZoneFiles;
  readonly command: ZoneCommander;
  readonly clock: Clock;
  readonly serialHere: (zone: DomainName) => Promise<Serial | undefined>;
}

export interface Reconciled {
  /** Zones that named has and this agent did not give it. */
  readonly foreign: ReadonlySet<DomainName>;
  /** Zones that had to be repaired, for the log. */
  readonly repaired: readonly DomainName[];
  /** Zones that named had lost, and has again as they were served last. */
  readonly restored: readonly DomainName[];
}

const REPAIR_TIMEOUT_MS = 5000;
const POLL_MS = 10;
const REPAIRS_AT_ONCE = 8;

/**
 * Holds the ledger against what named really has, when it was just started or has lost a zone. Zones it lost are given to
 * it again as they were served last; those that it does not take leave the ledger, so that the next plan adds them.
 * Primaries it could not load are repaired first, for they answer SERVFAIL until then. The ledger is not flushed: that a
 * disk is full must keep nobody from being repaired.
 */
export async function reconcile(named: NamedZones, deps: ReconcileDeps): Promise<Reconciled> {
  const { ledger, files } = deps;
  const isKeptAside = await files.keptAside();
  const repaired: DomainName[] = [];
  const restored: DomainName[] = [];
  await atOnce(REPAIRS_AT_ONCE, [...ledger.entries().values()], async (noted) => {
    const found = named.get(noted.zone);
    if (found === undefined) {
      if (await bringBack(noted, deps)) restored.push(noted.zone);
      return;
    }
    const entry = noted.dropping === true ? keep(noted, deps) : noted;
    if (roleIn(found, entry) === 'primary') {
      const isKept = isKeptAside(entry.zone);
      const serial = await serialOf(entry.zone, found.serial, isKept, deps);
      if (serial !== entry.serial) noteSerial(entry, serial, deps);
      if (found.serial === undefined) repaired.push(entry.zone);
    }
  });
  noteTypes(named, deps);
  const ours = ledger.entries();
  const foreign = new Set([...named.keys()].filter((zone) => !ours.has(zone)));
  return { foreign, repaired, restored };
}

/**
 * Returns whether named has the zone again. One that was to go is gone, once its files are. What was announced alone may
 * never have been there.
 */
async function bringBack(entry: ServedZone, deps: ReconcileDeps): Promise<boolean> {
  const { ledger, loader, command } = deps;
  if (entry.dropping === true) {
    await discardZone(entry.zone, deps);
    return false;
  }
  const stanza = stanzaOf(entry.zone, entry.stanza);
  const answer = entry.pending === true ? undefined : await command('addzone', entry.zone, stanza);
  if (answer === undefined || !(answer.ok || /already exists/.test(said(answer)))) {
    ledger.remove([entry.zone]);
    loader.forget(entry.zone);
    return false;
  }
  if (entry.role === 'primary') {
    const serial = await deps.serialHere(entry.zone);
    if (serial !== entry.serial) noteSerial(entry, serial, deps);
  }
  return true;
}

/** Whoever was to remove the zone was killed before named was told: whether it is to go is for the next plan to say. */
function keep(
  { dropping: _dropping, ...entry }: ServedZone,
  { ledger }: ReconcileDeps,
): ServedZone {
  ledger.put([entry]);
  return entry;
}

/** What named serves of a primary zone, once what an earlier run left half-done is brought to an end. */
function serialOf(
  zone: DomainName,
  found: Serial | undefined,
  isKept: boolean,
  deps: ReconcileDeps,
): Promise<Serial | undefined> {
  if (found === undefined) return repair(zone, isKept, deps);
  return isKept ? finishReplacing(zone, deps) : Promise.resolve(found);
}

/** A run was killed while it replaced a file: the zone may be frozen yet, and named may refuse what lies there now. */
async function finishReplacing(zone: DomainName, deps: ReconcileDeps): Promise<Serial | undefined> {
  const { command, files } = deps;
  await command('thaw', zone);
  const written = await files.serialOf(zone);
  // Updates that came after the file stand in the journal.
  const isLoaded = (served: Serial | undefined): boolean =>
    served !== undefined && written !== undefined && !isNewer(written, served);
  const serial = await awaitSerial(zone, isLoaded, deps);
  if (isLoaded(serial)) {
    await files.settle(zone);
    return serial;
  }
  await command('freeze', zone);
  await files.restore(zone);
  await command('thaw', zone);
  return awaitSerial(zone, (served) => served !== undefined, deps);
}

/** A zone whose change of type got only half-way is to be changed again. What is announced is, in any case. */
function noteTypes(named: NamedZones, { ledger, loader }: ReconcileDeps): void {
  for (const entry of [...ledger.entries().values()]) {
    const role = roleIn(named.get(entry.zone), entry);
    if (role === entry.role || entry.pending === true) continue;
    ledger.put([{ ...entry, role, pending: true }]);
    loader.forget(entry.zone);
  }
}

/** The type that named's zone has. */
const roleIn = (found: { readonly type: string } | undefined, { role }: ServedZone): Role =>
  found?.type === 'primary' || found?.type === 'secondary' ? found.type : role;

/**
 * A journal that does not lead to its file's serial keeps a primary zone from loading; without it the file is served. (A
 * secondary's journal stays: it holds the newest data and the timers.) A file that named refuses gives way to the last
 * good one, where a run was killed before it could see to that.
 */
async function repair(
  zone: DomainName,
  isKept: boolean,
  deps: ReconcileDeps,
): Promise<Serial | undefined> {
  const { files, command } = deps;
  await command('freeze', zone);
  await files.removeJournal(zone);
  if (isKept) await files.restore(zone);
  await command('thaw', zone);
  return awaitSerial(zone, (served) => served !== undefined, deps);
}

/** The serial that is served when it is as wanted, or after a while. */
async function awaitSerial(
  zone: DomainName,
  isWanted: (served: Serial | undefined) => boolean,
  { clock, serialHere }: ReconcileDeps,
): Promise<Serial | undefined> {
  const deadline = clock.monotonic() + REPAIR_TIMEOUT_MS;
  let serial = await serialHere(zone);
  while (!isWanted(serial) && clock.monotonic() < deadline) {
    await clock.sleep(POLL_MS);
    serial = await serialHere(zone);
  }
  return serial;
}

/** What is served is not what was loaded last: its content is not known record by record any more. */
function noteSerial(entry: ServedZone, serial: Serial | undefined, deps: ReconcileDeps): void {
  const { hash: _hash, serial: _serial, ...rest } = entry;
  deps.ledger.put([serial === undefined ? rest : { ...rest, serial }]);
  deps.loader.forget(entry.zone);
}
