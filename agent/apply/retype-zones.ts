import type { DomainName } from '../dns/name.ts';
import type { Wanted } from '../plan/action.ts';
import type { Role } from '../plan/registration.ts';
import type { Failure, ZoneActionDeps } from './zone-action.ts';
import { entryOf } from './zone-entry.ts';

const RETYPE_TIMEOUT_MS = 10_000;
const POLL_MS = 10;

/**
 * A changed type takes effect with the next reconfig: one for all of them. What a former primary has under its serial
 * may be its alone (an update that nobody fetched): it takes the whole zone, whatever the serials say. A zone that
 * stays what it was stays announced, so that the next pass asks for it again.
 */
export async function retypeZones(
  retyped: readonly Wanted[],
  deps: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const { command, reconfig, ledger, loader, clock } = deps;
  if (retyped.length === 0) return [];
  await reconfig();
  const deadline = clock.monotonic() + RETYPE_TIMEOUT_MS;
  const failures: Failure[] = [];
  for (const wanted of retyped) {
    const { zone, role } = wanted;
    loader.forget(zone);
    if (!(await becomes(zone, role, deadline, deps, signal))) {
      failures.push({ zone, why: `named did not make it ${role}` });
      continue;
    }
    await command(role === 'primary' ? 'notify' : 'retransfer', zone);
    ledger.put([entryOf(wanted, clock, ledger.get(zone))]);
  }
  return failures;
}

async function becomes(
  zone: DomainName,
  role: Role,
  deadline: number,
  { command, clock }: ZoneActionDeps,
  signal: AbortSignal,
): Promise<boolean> {
  for (;;) {
    if ((await command('zonestatus', zone)).text.includes(`type: ${role}`)) return true;
    if (clock.monotonic() >= deadline) return false;
    await clock.sleep(POLL_MS);
    signal.throwIfAborted();
  }
}
