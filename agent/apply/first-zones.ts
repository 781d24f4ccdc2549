import { writeFirst } from './add-zones.ts';
import type { AddAction, Failure, ZoneActionDeps } from './zone-action.ts';
import { quoteZone } from './zone-commands.ts';
import { confirm } from './zone-entry.ts';

/**
 * The zones for named's first start: their files, and the stanzas as text that named imports into its new-zone database.
 * A named that is just starting may have read what lay there before: see `confirmFirst`.
 */
export async function prepareFirst(
  actions: readonly AddAction[],
  deps: ZoneActionDeps,
): Promise<{ readonly stanzas: string; readonly failures: readonly Failure[] }> {
  const { ledger } = deps;
  const { adds, failures } = await writeFirst(actions, async () => false, deps);
  for (const { wanted, target } of adds) confirm(wanted, target, deps);
  const entries = adds.flatMap(({ wanted }) => ledger.entries().get(wanted.zone) ?? []);
  ledger.put(entries.map((entry) => ({ ...entry, pending: true as const })));
  await ledger.flush();
  const stanzas = adds.map(({ wanted }) => `zone ${quoteZone(wanted.zone)} ${wanted.stanza}\n`);
  return { stanzas: stanzas.join(''), failures };
}

/** named has imported nothing yet and the stanzas lie ready: they are what it will have. */
export async function confirmFirst({ ledger }: Pick<ZoneActionDeps, 'ledger'>): Promise<void> {
  ledger.put([...ledger.entries().values()].map(({ pending: _pending, ...entry }) => entry));
  await ledger.flush();
}
