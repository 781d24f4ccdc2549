import { type Clock, timestamp } from '../clock.ts';
import type { Target, Wanted } from '../plan/action.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { failureOf } from '../problem.ts';
import type { Ledger } from './ledger.ts';
import type { ZoneActionDeps } from './zone-action.ts';

/** What the ledger keeps of a zone that named has as wanted. What was loaded stays known while the zone keeps its type. */
export function entryOf(wanted: Wanted, clock: Clock, before?: ServedZone): ServedZone {
  const { zone, key, uid, role, stanza, primaries } = wanted;
  const { serial, hash, records } = before?.role === role ? before : {};
  return {
    zone,
    key,
    uid,
    role,
    stanza,
    ...(role === 'secondary' ? { primaries } : {}),
    ...(serial === undefined ? {} : { serial }),
    ...(hash === undefined ? {} : { hash }),
    ...(records === undefined ? {} : { records }),
    since: before?.since ?? timestamp(clock.now()),
  };
}

/** What the ledger keeps of content that is served. */
export const loadedFields = ({ content, serial }: Target) => ({
  serial,
  hash: content.hash,
  records: content.records,
});

/** Returns why the ledger could not be written: then named must not be told. */
export async function announce(
  entries: readonly ServedZone[],
  ledger: Ledger,
): Promise<string | undefined> {
  ledger.put(entries.map((entry) => ({ ...entry, pending: true as const })));
  return (await failureOf(ledger.flush()))?.message;
}

/** named has the zone, and serves this first content. */
export function confirm(
  wanted: Wanted,
  target: Target | undefined,
  { ledger, loader, clock }: Pick<ZoneActionDeps, 'ledger' | 'loader' | 'clock'>,
): void {
  const loaded = target === undefined ? {} : loadedFields(target);
  ledger.put([{ ...entryOf(wanted, clock), ...loaded }]);
  if (target !== undefined) loader.loaded(wanted.zone, target);
}
