import type { DomainName } from '../dns/name.ts';
import type { Target, Wanted } from '../plan/action.ts';
import { stanzaOf } from '../plan/stanza.ts';
import { failureOf } from '../problem.ts';
import { giveAllAtOnce } from './all-at-once.ts';
import type { ControlAnswer } from './rndc.ts';
import { type AddAction, type Failure, failAll, type ZoneActionDeps } from './zone-action.ts';
import { said } from './zone-commands.ts';
import { announce, confirm, entryOf } from './zone-entry.ts';

const POLL_MS = 10;
const LOG_LAG_MS = 500;

/** Gives named new zones: the file first, then the ledger, then named. */
export async function addZones(
  all: readonly AddAction[],
  deps: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const { ledger, clock } = deps;
  if (all.length === 0) return [];
  const { adds, failures } = await writeFirst(all, (zone) => hasZone(zone, deps), deps);
  const unannounced = await announce(
    adds.map(({ wanted }) => entryOf(wanted, clock)),
    ledger,
  );
  if (unannounced !== undefined) {
    ledger.remove(adds.map(({ wanted }) => wanted.zone));
    return [...failures, ...failAll(adds, unannounced)];
  }
  const since = clock.now();
  const names = new Set(adds.map(({ wanted }) => wanted.zone));
  if (await giveAllAtOnce(adds.length, names, deps))
    return [...failures, ...(await confirmGiven(adds, since, deps, signal))];
  for (const { wanted, target } of adds) {
    signal.throwIfAborted();
    const added = await addZone(wanted, deps);
    if (added === 'added') confirm(wanted, target, deps);
    // What it serves is for the next pass to find out.
    else if (added === 'was-there') ledger.put([entryOf(wanted, clock)]);
    else {
      ledger.remove([wanted.zone]);
      failures.push({ zone: wanted.zone, why: added.why });
    }
  }
  return failures;
}

/**
 * Zones that named was given all at once, and may still be loading. What it does not serve as it was given is for the next pass
 * to load.
 *
 * @param since when they were given, in ms since 1970
 */
async function confirmGiven(
  adds: readonly AddAction[],
  since: number,
  deps: ZoneActionDeps,
  signal: AbortSignal,
): Promise<Failure[]> {
  const { ledger, loader, clock, loadProblem } = deps;
  const wanted = new Map(
    adds.flatMap(({ wanted: { zone }, target }) =>
      target === undefined ? [] : [[zone, target.serial] as const],
    ),
  );
  const arrived = await loader.arrived(wanted, since, signal);
  return adds.flatMap(({ wanted: given, target }) => {
    const { zone } = given;
    if (target === undefined || arrived.has(zone)) confirm(given, target, deps);
    else ledger.put([entryOf(given, clock)]);
    const why = loadProblem(zone, since);
    return why === undefined ? [] : [{ zone, why: `named refuses the zone: ${why}` }];
  });
}

/**
 * The zones whose first content is on the disk now, and why that of the others is not. What a former zone of the name has
 * left there is taken away.
 *
 * @param isServed whether named has a zone, with a file that is not to be touched then
 */
export async function writeFirst(
  all: readonly AddAction[],
  isServed: (zone: DomainName) => Promise<boolean>,
  { files, ledger, clock }: Pick<ZoneActionDeps, 'files' | 'ledger' | 'clock'>,
): Promise<{ readonly adds: AddAction[]; readonly failures: Failure[] }> {
  const failed = await files.write(targetsOf(all));
  const isLeft = await files.present();
  for (const { wanted } of all) {
    const { zone, role } = wanted;
    const own = ledger.get(zone);
    // A primary's file is written above, or its writer has found out that it is to be served.
    if (role === 'primary' || !isLeft(zone) || (own !== undefined && own.dropping !== true))
      continue;
    if (await isServed(zone)) continue;
    const kept = await failureOf(files.discard(zone, clock.now()));
    if (kept !== undefined) failed.set(zone, kept.message);
  }
  return {
    adds: all.filter(({ wanted }) => !failed.has(wanted.zone)),
    failures: [...failed].map(([zone, why]) => ({ zone, why })),
  };
}

const targetsOf = (adds: readonly AddAction[]): Map<DomainName, Target> =>
  new Map(
    adds.flatMap(({ wanted, target }) =>
      target === undefined ? [] : [[wanted.zone, target] as const],
    ),
  );

/** `was-there`: named had it from us, and has this stanza now. */
export async function addZone(
  wanted: Wanted,
  deps: ZoneActionDeps,
): Promise<'added' | 'was-there' | { readonly why: string }> {
  const { command, clock, onForeign } = deps;
  const since = clock.now();
  const answer = await command('addzone', wanted.zone, stanzaOf(wanted.zone, wanted.stanza));
  if (answer.ok) return 'added';
  if (!/already exists/.test(said(answer)))
    return {
      why: `named refuses the zone: ${await whyRefused(wanted.zone, since, answer, deps)}`,
    };
  if (await isOurs(wanted.zone, deps)) {
    const why = await modZone(wanted, deps);
    return why === undefined ? 'was-there' : { why };
  }
  onForeign(wanted.zone);
  return { why: 'named has it from elsewhere, which this agent does not touch' };
}

/** What is wrong in a zone stands in named's log alone, a moment later than the answer. */
async function whyRefused(
  zone: DomainName,
  since: number,
  answer: ControlAnswer,
  { loadProblem, clock }: ZoneActionDeps,
): Promise<string> {
  const deadline = clock.monotonic() + (/zone_load/.test(said(answer)) ? LOG_LAG_MS : 0);
  let why = loadProblem(zone, since);
  while (why === undefined && clock.monotonic() < deadline) {
    await clock.sleep(POLL_MS);
    why = loadProblem(zone, since);
  }
  return why ?? said(answer);
}

/** Added by a command that was given up, for named hung, and that named carried out later. */
async function isOurs(zone: DomainName, { command, files }: ZoneActionDeps): Promise<boolean> {
  const shown = await command('showzone', zone);
  return shown.ok && shown.text.includes(`file "${files.pathOf(zone)}"`);
}

const hasZone = async (zone: DomainName, { command }: ZoneActionDeps): Promise<boolean> =>
  (await command('showzone', zone)).ok;

/** Returns why named keeps the stanza that it has. */
export async function modZone(
  { zone, stanza }: Wanted,
  { command }: Pick<ZoneActionDeps, 'command'>,
): Promise<string | undefined> {
  const answer = await command('modzone', zone, stanzaOf(zone, stanza));
  return answer.ok ? undefined : `named refuses the zone's configuration: ${said(answer)}`;
}
