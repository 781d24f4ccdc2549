import type { LoadAction } from './content-loader.ts';
import type { Failure, ZoneActionDeps } from './zone-action.ts';
import { loadedFields } from './zone-entry.ts';

/**
 * Gives other content to primary zones that named has. Not to what named has as a secondary still, its type being refused:
 * the file and journal are named's then.
 */
export async function loadZones(
  all: readonly LoadAction[],
  { ledger, loader }: Pick<ZoneActionDeps, 'ledger' | 'loader'>,
  signal: AbortSignal,
): Promise<Failure[]> {
  const loads = all.filter(({ zone }) => ledger.get(zone)?.role === 'primary');
  if (loads.length === 0) return [];
  const failures: Failure[] = [];
  await loader.load(loads, signal, ({ zone, target }, outcome) => {
    const entry = ledger.get(zone);
    if (typeof outcome === 'string') {
      failures.push({ zone, why: outcome });
      return;
    }
    if (entry !== undefined)
      ledger.put([{ ...entry, ...loadedFields(outcome === undefined ? target : outcome.served) }]);
    if (outcome !== undefined)
      failures.push({ zone, why: `named serves serial ${outcome.served.serial} already` });
  });
  return failures;
}
