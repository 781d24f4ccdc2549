import { type Condition, isBad, type Transfer, type ZoneReport } from './zone-report.ts';

/**
 * How soon a report has to be told, the most urgent first.
 *
 * | urgency    | what has happened                                                                            |
 * |------------|----------------------------------------------------------------------------------------------|
 * | `failing`  | something that was well has turned bad                                                       |
 * | `settled`  | things are as they will stay                                                                 |
 * | `arriving` | a pod has come, and its copy is about to be current                                          |
 * | `passing`  | a copy is behind for a moment, a server may be back in a moment, it is not known yet where a copy came from |
 * | `leaving`  | nothing but that a pod has left: mostly it has a successor, and both are told at once         |
 */
export const urgencies = ['failing', 'settled', 'arriving', 'passing', 'leaving'] as const;
export type Urgency = (typeof urgencies)[number];

/** @param before what is told now; the two differ */
export function urgencyOf(before: ZoneReport | undefined, now: ZoneReport): Urgency {
  const former = new Map(before?.transfers.map((each) => [whoIs(each), each]));
  const newcomers = now.transfers.filter((each) => !former.has(whoIs(each)));
  const turned = now.transfers.filter((each) => turnsBad(former.get(whoIs(each)), each));
  const isWrong = now.conditions.some((each) => becomesWrong(before, each));
  if (isWrong || turned.some((each) => !newcomers.includes(each) && !isSilent(each)))
    return 'failing';
  const isSettled = turned.length === 0 && now.transfers.every(staysSo);
  if (!isSettled) return newcomers.length > 0 ? 'arriving' : 'passing';
  if (before === undefined || tellsAs(before) !== tellsAs(now)) return 'settled';
  return now.transfers.length < before.transfers.length ? 'leaving' : 'passing';

  /** Of the pods that are still there. */
  function tellsAs({ observedGeneration, serial, transfers, conditions }: ZoneReport): string {
    const present = new Set(now.transfers.map(whoIs));
    return JSON.stringify([
      observedGeneration,
      serial,
      transfers
        .filter((each) => present.has(whoIs(each)))
        .map(({ pod, ip, state, serial: served, reason }) => [pod, ip, state, served, reason])
        .sort(),
      conditions.map(({ type, status, reason }) => [type, status, reason]).sort(),
    ]);
  }
}

/** A copy that is not going to be another one by itself. */
export const isSettled = (copy: Pick<Transfer, 'state'>): boolean =>
  copy.state === 'Current' || isBad(copy);

/** Its server does not answer. */
export const isSilent = ({ reason }: Transfer): boolean =>
  reason === 'Timeout' || reason === 'Unreachable';

/** A pod, for as long as it has one address. */
export const whoIs = ({ pod, ip }: Pick<Transfer, 'pod' | 'ip'>): string => `${pod} ${ip}`;

/** And it is known where it came from, which the pod tells a moment later than that it is there. */
const staysSo = (transfer: Transfer): boolean =>
  isSettled(transfer) &&
  (transfer.state !== 'Current' || transfer.role === 'primary' || transfer.method !== undefined);

const turnsBad = (before: Transfer | undefined, now: Transfer): boolean =>
  isBad(now) && (before?.state !== now.state || before.reason !== now.reason);

function becomesWrong(
  before: ZoneReport | undefined,
  { type, status, reason }: Condition,
): boolean {
  const wrong: Condition['status'] = type === 'Conflict' || type === 'Diverged' ? 'True' : 'False';
  // How the transfers are, the copies tell.
  if (type === 'TransfersHealthy' || status !== wrong || reason === 'NotServed') return false;
  const former = before?.conditions.find((each) => each.type === type);
  return former?.status !== status || former.reason !== reason;
}
