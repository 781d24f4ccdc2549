import type { DomainName } from '../dns/name.ts';
import { stanzaLine } from './first-stanzas.ts';
import type { ZoneActionDeps } from './zone-action.ts';

/**
 * From so many zones on, and such a share of all, they are added or changed at once. Each `addzone` or `modzone` waits for all of
 * named's threads, and for the disk: 1 ms where there is nothing else to do, 70 to 200 ms where there is. All together stall
 * queries once, for 0.06 s with 1,000 zones and 0.4 s with 10,000 (BIND 9.18).
 */
const MANY = 100;
const SHARE = 1 / 16;

/**
 * Where that many change, gives named the stanzas of all zones as they are announced in the ledger.
 *
 * @param count zones that are added or changed
 * @param added those of them that named does not have
 * @returns whether named has them now; those that it did not have it may still be loading
 */
export async function giveAllAtOnce(
  count: number,
  added: ReadonlySet<DomainName>,
  { ledger, replaceStanzas, log }: Pick<ZoneActionDeps, 'ledger' | 'replaceStanzas' | 'log'>,
): Promise<boolean> {
  if (count < MANY || count < ledger.entries().size * SHARE) return false;
  const stanzas = [...ledger.entries().values()]
    .filter(({ dropping }) => dropping !== true)
    .map(({ zone, stanza }) => stanzaLine(zone, stanza));
  const why = await replaceStanzas(stanzas.join(''), added);
  if (why !== undefined) log.info({ reason: why }, 'zones are given to named one by one');
  return why === undefined;
}
