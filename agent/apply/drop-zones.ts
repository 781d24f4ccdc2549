import { failureOf } from '../problem.ts';
import type { DropAction, Failure, ZoneActionDeps } from './zone-action.ts';
import { said } from './zone-commands.ts';

/** Takes zones from named, and their files into the trash. */
export async function dropZones(
  drops: readonly DropAction[],
  { command, ledger, files, loader, clock }: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const failures: Failure[] = [];
  for (const { zone } of drops) {
    signal.throwIfAborted();
    const answer = await command('delzone', zone);
    if (!answer.ok && !/not found/.test(said(answer))) {
      failures.push({ zone, why: `named does not let go of it: ${said(answer)}` });
      continue;
    }
    loader.forget(zone);
    const kept = await failureOf(files.discard(zone, clock.now()));
    if (kept === undefined) ledger.remove([zone]);
    else {
      // named does not have it any more: should it be wanted again, it must be added.
      const entry = ledger.entries().get(zone);
      if (entry !== undefined) ledger.put([{ ...entry, pending: true }]);
      failures.push({ zone, why: kept.message });
    }
  }
  return failures;
}
