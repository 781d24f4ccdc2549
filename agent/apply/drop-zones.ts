import type { DomainName } from '../dns/name.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { failureOf } from '../problem.ts';
import { type DropAction, type Failure, failAll, type ZoneActionDeps } from './zone-action.ts';
import { said } from './zone-commands.ts';

/**
 * Takes zones from named, and their files into the trash. The ledger is told first: what a kill leaves of the files must
 * not be what the next zone of that name starts on.
 */
export async function dropZones(
  drops: readonly DropAction[],
  deps: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const { ledger } = deps;
  if (drops.length === 0) return [];
  const before = drops.flatMap(({ zone }) => ledger.get(zone) ?? []);
  ledger.put(before.map((entry) => ({ ...entry, pending: true, dropping: true })));
  const unannounced = (await failureOf(ledger.flush()))?.message;
  if (unannounced !== undefined) {
    ledger.put(before);
    return failAll(drops, unannounced);
  }
  const failures: Failure[] = [];
  for (const { zone } of drops) {
    signal.throwIfAborted();
    const answer = await deps.command('delzone', zone);
    if (!answer.ok && !/not found/.test(said(answer))) {
      failures.push({ zone, why: `named does not let go of it: ${said(answer)}` });
      ledger.put(before.filter((entry) => entry.zone === zone));
      continue;
    }
    const kept = await discardZone(zone, deps);
    if (kept !== undefined) failures.push({ zone, why: kept });
  }
  return failures;
}

/** What is left of a zone that named has no more. Returns why there is something left still. */
export async function discardZone(
  zone: DomainName,
  {
    ledger,
    files,
    loader,
    clock,
  }: Pick<ZoneActionDeps, 'ledger' | 'files' | 'clock'> & {
    readonly loader: Pick<ZoneActionDeps['loader'], 'forget'>;
  },
): Promise<string | undefined> {
  loader.forget(zone);
  const kept = await failureOf(files.discard(zone, clock.now()));
  const entry = ledger.get(zone);
  if (kept === undefined) ledger.remove([zone]);
  else if (entry !== undefined) ledger.put([withoutContent(entry)]);
  return kept?.message;
}

const withoutContent = ({
  serial: _serial,
  hash: _hash,
  records: _records,
  ...entry
}: ServedZone): ServedZone => entry;
