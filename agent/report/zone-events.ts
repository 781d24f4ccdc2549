import { type Condition, isBad, type Transfer, type ZoneReport } from './zone-report.ts';

/** Something that happened to a zone between two reports. */
export interface ZoneEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: 'Serve' | 'Transfer' | 'Agree';
  readonly note: string;
}

/**
 * What happened from one report to the next, for people: what turned bad, what turned good, who came and went. What passes
 * by itself (a copy that is behind for a moment) and each new serial are no events.
 */
export function eventsBetween(before: ZoneReport | undefined, now: ZoneReport): ZoneEvent[] {
  const former = new Map(before?.transfers.map((transfer) => [transfer.pod, transfer]));
  const present = new Set(now.transfers.map(({ pod }) => pod));
  const gone = (before?.transfers ?? []).filter(({ pod }) => !present.has(pod));
  return [
    ...readyEvents(conditionOf(before, 'Ready'), conditionOf(now, 'Ready')),
    ...divergedEvents(conditionOf(before, 'Diverged'), conditionOf(now, 'Diverged')),
    ...now.transfers.flatMap((transfer) => transferEvents(former.get(transfer.pod), transfer)),
    ...gone.map((transfer) => normal('PodLeft', 'Serve', `${who(transfer)} serves it no more`)),
  ];
}

function readyEvents(before: Condition | undefined, now: Condition | undefined): ZoneEvent[] {
  if (now === undefined || sameCondition(before, now)) return [];
  if (now.status === 'True')
    return before?.status === 'True' ? [] : [normal('Ready', 'Serve', now.message)];
  // A zone that nobody has had the time to serve yet is no news.
  const pending = before === undefined && now.reason === 'NotServed';
  return pending ? [] : [warning(now.reason, 'Serve', now.message)];
}

function divergedEvents(before: Condition | undefined, now: Condition | undefined): ZoneEvent[] {
  if (now === undefined || (before?.status ?? 'False') === now.status) return [];
  return now.status === 'True'
    ? [warning('Diverged', 'Agree', now.message)]
    : [normal('Agreed', 'Agree', 'the primaries serve the same content again')];
}

function transferEvents(before: Transfer | undefined, now: Transfer): ZoneEvent[] {
  if (isBad(now)) {
    const told = before?.state === now.state && before.reason === now.reason;
    const reason = now.state === 'Expired' ? 'Expired' : 'TransferFailed';
    return told ? [] : [warning(reason, 'Transfer', `${who(now)}: ${whyOf(now)}`)];
  }
  if (now.state !== 'Current') return [];
  // At another address it is another pod.
  const same = before?.ip === now.ip ? before : undefined;
  if (same !== undefined && isBad(same))
    return [normal('TransferRecovered', 'Transfer', `${who(now)} serves it again`)];
  return same?.serial !== undefined ? [] : [normal('PodServes', 'Serve', `${who(now)} serves it`)];
}

const who = ({ role, pod, ip }: Transfer): string => `${role} ${pod} (${ip})`;

const whyOf = ({ reason, message, state }: Transfer): string => message ?? reason ?? state;

const conditionOf = (
  report: ZoneReport | undefined,
  type: Condition['type'],
): Condition | undefined => report?.conditions.find((each) => each.type === type);

const sameCondition = (before: Condition | undefined, now: Condition): boolean =>
  before?.status === now.status && before.reason === now.reason;

const normal = (reason: string, action: ZoneEvent['action'], note: string): ZoneEvent => ({
  type: 'Normal',
  reason,
  action,
  note,
});

const warning = (reason: string, action: ZoneEvent['action'], note: string): ZoneEvent => ({
  type: 'Warning',
  reason,
  action,
  note,
});
