import type { Condition, Transfer, ZoneReport } from './zone-report.ts';

/**
 * How soon a report has to be told. `failing`: something turned bad. `settled`: things are as they will stay. `passing`:
 * what it tells will be something else in a moment, and telling then costs one write instead of two.
 */
export const urgencies = ['failing', 'settled', 'passing'] as const;
export type Urgency = (typeof urgencies)[number];

/** @param before what is told now; the two differ */
export function urgencyOf(before: ZoneReport | undefined, now: ZoneReport): Urgency {
  const former = new Map(before?.transfers.map((transfer) => [transfer.pod, transfer]));
  const turnedBad =
    now.transfers.some((transfer) => turnsBad(former.get(transfer.pod), transfer)) ||
    now.conditions.some((condition) => becomesWrong(before, condition));
  if (turnedBad) return 'failing';
  return now.transfers.every(isSettled) && !onlyReporterDiffers(before, now)
    ? 'settled'
    : 'passing';
}

export const isSettled = ({ state }: Pick<Transfer, 'state'>): boolean =>
  state === 'Current' || state === 'Failing' || state === 'Expired';

function turnsBad(before: Transfer | undefined, { state, reason }: Transfer): boolean {
  const isBad = state === 'Failing' || state === 'Expired';
  return isBad && (before?.state !== state || before.reason !== reason);
}

function becomesWrong(
  before: ZoneReport | undefined,
  { type, status, reason }: Condition,
): boolean {
  const wrong: Condition['status'] = type === 'Conflict' || type === 'Diverged' ? 'True' : 'False';
  if (status !== wrong || reason === 'NotServed') return false;
  const former = before?.conditions.find((each) => each.type === type);
  return former?.status !== status || former.reason !== reason;
}

/** Another pod speaks for the zone now. */
function onlyReporterDiffers(before: ZoneReport | undefined, now: ZoneReport): boolean {
  if (before === undefined || before.reportedBy === now.reportedBy) return false;
  return textOf(before) === textOf(now);
}

/** What tells anything to people. */
const textOf = ({ observedGeneration, serial, transfers, conditions }: ZoneReport): string =>
  JSON.stringify([
    observedGeneration,
    serial,
    transfers.map(({ pod, ip, state, serial: served, from }) => [pod, ip, state, served, from]),
    conditions.map(({ type, status, reason, message }) => [type, status, reason, message]),
  ]);
