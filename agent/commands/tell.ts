import type { ClusterView, ZoneStatus } from '../observe/cluster.ts';
import { AGREED, COMPLETE } from '../observe/kubernetes/zone-status.ts';
import type { ZonePlan } from '../plan/plan-zone.ts';
import type { Plan } from '../plan/planner.ts';
import { wrongIn } from '../plan/problems.ts';

/** Everything that is wrong with the resources, a line each: the object, the field, what was wanted and got. */
export const problemLines = (view: ClusterView, plan: Plan): string[] =>
  wrongIn(view, plan).map(({ object, problem }) => `- ${object}: ${problem}`);

/** What this pod does about the zone, in a sentence. */
export function standing(plan: ZonePlan): string {
  switch (plan.kind) {
    case 'primary':
      return plan.dynamic
        ? 'served here as primary; this pod is its writer, others update it by RFC 2136'
        : 'served here as primary, rendered from the resources';
    case 'secondary': {
      const from = plan.primaries.map(({ address, port }) => `${address} port ${port}`).join(', ');
      return from === ''
        ? 'served here as secondary; no primary of it is known yet'
        : `served here as secondary, transferred from ${from}`;
    }
    case 'elsewhere':
      return 'not served by this pod';
    case 'conflict':
      return `not served here: ${plan.why}`;
    case 'pending':
      return 'its text is being checked';
    case 'keep':
      return `kept as it is served now: ${plan.why}`;
  }
}

/** What of a condition is shown. */
export interface ToldCondition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The conditions of a zone that agents have told of; where a foreign DNSZone holds no more of their report, with those of others. */
export function toldConditions(status: ZoneStatus | undefined): readonly ToldCondition[] {
  if (status?.report !== undefined) return status.report.conditions;
  const all = (status?.others ?? []).map(({ type, status: is, reason, message }) => ({
    type: String(type),
    status: String(is),
    reason: String(reason ?? ''),
    message: String(message ?? ''),
  }));
  if (!all.some(({ type }) => type === COMPLETE)) return [];
  return all.filter(({ type }) => type !== AGREED);
}

/** Columns as kubectl prints them: upper-case titles, three blanks between. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [titles, ...rows];
  const widths = titles.map((_, column) =>
    Math.max(...all.map((row) => (row[column] ?? '').length)),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n')
    .concat('\n');
}

/** As kubectl shows it. */
export function age(since: string | undefined, now: number): string {
  if (since === undefined) return '';
  const seconds = Math.max(0, Math.floor((now - Date.parse(since)) / 1000));
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
