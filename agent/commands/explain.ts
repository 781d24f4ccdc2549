import type { Context } from '../context.ts';
import { displayName, parseName } from '../dns/name.ts';
import type { ClusterView } from '../observe/cluster.ts';
import type { Options } from '../options/options.ts';
import { explainAction, zoneOf } from '../plan/action.ts';
import type { ZonePlan } from '../plan/plan-zone.ts';
import { problemsOf } from '../plan/problems.ts';
import { type DryRun, dryRunAs, whoIsHere } from '../pod/dry-run.ts';
import { lookOnce } from '../pod/look-once.ts';
import { showProblem } from '../problem.ts';
import { standing, table, toldConditions } from './tell.ts';

/** Tells why one zone is, or is not, served the way it is. `text` is a zone's name as typed. Returns the exit code. */
export async function explain(text: string, options: Options, context: Context): Promise<number> {
  const name = parseName(text);
  if (!name.ok) {
    context.complain(`bind9-agent: ${text}: ${name.problems.map(showProblem).join('; ')}\n`);
    return 2;
  }
  const seen = await lookOnce(options, context);
  const looked = seen.ok ? await lookFrom(options, seen.view, context) : seen;
  if (!seen.ok || !looked.ok) {
    context.complain(`bind9-agent: ${looked.ok ? '' : looked.why}\n`);
    return 1;
  }
  const plans = [...looked.run.plan.zones.values()].filter((plan) => plan.zone === name.value);
  if (plans.length === 0) {
    context.complain(`bind9-agent: no DNSZone has the name ${displayName(name.value)}\n`);
    return 1;
  }
  await context.print(plans.map((plan) => explainOne(plan, seen.view, looked)).join('\n'));
  return 0;
}

interface Looked {
  readonly ok: true;
  readonly run: Extract<DryRun, { ok: true }>;
  /** The pod from whose place the zone is seen, where that is not this one. */
  readonly from: string | undefined;
}

/** From this pod; from outside of all pods, as the first of them sees it. */
async function lookFrom(
  options: Options,
  view: ClusterView,
  context: Context,
): Promise<Looked | { readonly ok: false; readonly why: string }> {
  const here = await whoIsHere(options, view, context);
  const self = here ?? view.peers.get(options.pod.name) ?? [...view.peers.values()][0];
  if (self === undefined) return { ok: false, why: 'no pod is registered' };
  const run = await dryRunAs(self, options, view, context);
  return { ok: true, run, from: here === undefined ? self.pod : undefined };
}

function explainOne(plan: ZonePlan, view: ClusterView, { run, from }: Looked): string {
  const { key } = plan.object;
  const status = view.statuses.get(key);
  const { primaries, secondaries, outside } = plan.placement;
  // What another pod's named has is not known here.
  const next =
    from === undefined
      ? run.actions.filter((action) => zoneOf(action) === plan.zone).map(explainAction)
      : [];
  const fields: [string, string][] = [
    ['DNSZone', key],
    ['Zone', displayName(plan.zone)],
    [from ?? 'Here', standing(plan)],
    [
      'Primaries',
      [...primaries.map(({ pod, ips }) => `${pod} (${ips[0]})`), ...outside].join(', ') || 'none',
    ],
    ['Secondaries', secondaries.map(({ pod, ips }) => `${pod} (${ips[0]})`).join(', ') || 'none'],
    ['Agreed', agreed(status)],
    ...(status?.writer === undefined ? [] : [['Writer', status.writer] as [string, string]]),
    ...next.map((line): [string, string] => ['Next', line]),
    ...problemsOf(plan).map((line): [string, string] => ['Problem', line]),
    ...toldConditions(status).map(({ type, status: is, reason, message }): [string, string] => [
      type,
      `${is} (${reason})${message === '' ? '' : `: ${message}`}`,
    ]),
  ];
  const width = Math.max(...fields.map(([title]) => title.length));
  const lines = fields.map(([title, value]) => `${`${title}:`.padEnd(width + 3)}${value}\n`);
  return `${lines.join('')}${copies(status)}`;
}

const agreed = (status: ReturnType<ClusterView['statuses']['get']>): string =>
  status?.allocated === undefined
    ? 'nothing yet'
    : `serial ${status.allocated.serial}, by ${status.allocated.by}`;

function copies(status: ReturnType<ClusterView['statuses']['get']>): string {
  const transfers = status?.report?.transfers ?? [];
  if (transfers.length === 0) return '';
  const titles = ['POD', 'ROLE', 'ADDRESS', 'STATE', 'SERIAL', 'FROM', 'METHOD', 'MESSAGE'];
  return table(
    titles,
    transfers.map((each) => [
      each.pod,
      each.role,
      each.ip,
      each.state,
      String(each.serial ?? ''),
      each.from ?? '',
      each.method ?? '',
      each.message ?? '',
    ]),
  );
}
