import { readLedger } from '../apply/ledger.ts';
import type { Context } from '../context.ts';
import type { DomainName } from '../dns/name.ts';
import { dateSerial } from '../dns/serial.ts';
import { readIfPresent } from '../files.ts';
import type { ClusterView } from '../observe/cluster.ts';
import { Compiler } from '../observe/compiler.ts';
import type { Options } from '../options/options.ts';
import { Withholder } from '../pass/withhold.ts';
import type { Action, Target } from '../plan/action.ts';
import { agree, servingOf } from '../plan/agree.ts';
import { diff, unwantedIn } from '../plan/diff.ts';
import { guardPlan, type Held } from '../plan/guard.ts';
import { parseLabels } from '../plan/labels-file.ts';
import type { PrimaryPlan } from '../plan/plan-zone.ts';
import { type Plan, Planner, requestsOf } from '../plan/planner.ts';
import type { Registration } from '../plan/registration.ts';
import { describeSelf } from '../plan/self.ts';
import type { ServedZone } from '../plan/served-zone.ts';
import { objectKey } from '../resources/types.ts';
import { compileWith } from './compiling.ts';
import { readKeys } from './keys.ts';
import { podFacts, zoneSettings } from './settings.ts';

/** What a pass would do now. */
export type DryRun =
  | {
      readonly ok: true;
      readonly plan: Plan;
      readonly served: ReadonlyMap<DomainName, ServedZone>;
      readonly actions: readonly Action[];
      readonly held: Held | undefined;
    }
  | { readonly ok: false; readonly why: string };

/** Plans as the agent of this pod would, and carries nothing out. The pod's ledger tells what named has. */
export async function dryRun(
  options: Options,
  onlooked: ClusterView,
  context: Context,
): Promise<DryRun> {
  const self = await whoIsHere(options, onlooked, context);
  if (self === undefined)
    return {
      ok: false,
      why: `this pod (${options.pod.name}) has no role: set pod.role, a label, or spec.role of its Bind9Instance`,
    };
  return dryRunAs(self, options, onlooked, context);
}

/** This pod as its options and labels describe it; undefined where they give it no role. */
export async function whoIsHere(
  options: Options,
  view: ClusterView,
  context: Context,
): Promise<Registration | undefined> {
  const { labelsFile } = options.pod;
  const labels = labelsFile === '' ? '' : ((await readIfPresent(labelsFile)) ?? '');
  const given = await readKeys(options.keys);
  const facts = podFacts(options, given, context.version, parseLabels(labels));
  return describeSelf(facts, view.instances.get(objectKey(facts.namespace, facts.instance)));
}

/** As `dryRun`, from the place of any pod. */
export async function dryRunAs(
  self: Registration,
  options: Options,
  onlooked: ClusterView,
  context: Context,
): Promise<Extract<DryRun, { ok: true }>> {
  const peers = new Map([...onlooked.peers].filter(([pod]) => pod !== self.pod));
  const view = { ...onlooked, peers };
  const given = await readKeys(options.keys);
  const served = await readLedger(options.paths.state);
  const settings = zoneSettings(options, given);
  const planner = new Planner();
  const compiler = new Compiler(
    compileWith(options, context.signal),
    () => undefined,
    () => undefined,
  );
  const planNow = (): Plan =>
    planner.plan({
      view,
      self,
      settings,
      compiled: compiler.compiled,
      proven: new Set(),
      outdated: new Map(),
      served,
      foreign: new Set(),
    });
  let plan = planNow();
  for (let requests = requestsOf(plan); requests.length > 0; requests = requestsOf(plan)) {
    await compiler.settle(requests);
    plan = planNow();
  }
  const { drops, withheld, held } = guardPlan(plan, {
    view,
    self: self.pod,
    served,
    unwanted: unwantedIn(plan.zones, served),
    changing: plan.zones.values(),
    limits: options.guard,
    approved: new Set(),
  });
  plan = await new Withholder().withhold(plan, {
    self: self.pod,
    view,
    served,
    loader: undefined,
    guarded: withheld,
  });
  const targets = targetsOf(plan, view, served, options, context);
  const actions = [...diff({ plans: plan.zones, targets, served }), ...drops];
  return { ok: true, plan, served, actions, held };
}

function targetsOf(
  plan: Plan,
  view: ClusterView,
  served: ReadonlyMap<DomainName, ServedZone>,
  options: Options,
  context: Context,
): Map<DomainName, Target | 'on-disk'> {
  const targets = new Map<DomainName, Target | 'on-disk'>();
  for (const each of plan.zones.values()) {
    if (each.kind !== 'primary' || (each.dynamic && served.has(each.zone))) continue;
    const target = targetOf(each, view, served.get(each.zone), options, context);
    if (target !== undefined) targets.set(each.zone, target);
  }
  return targets;
}

/** As the agreement would come out if every other primary let this pod go first. */
function targetOf(
  plan: PrimaryPlan,
  view: ClusterView,
  served: ServedZone | undefined,
  { serial, pod }: Options,
  { clock }: Context,
): Target | undefined {
  const decision = agree({
    self: pod.name,
    contentHash: plan.content.hash,
    withheld: plan.withheld !== undefined,
    view: view.progress,
    allocated: view.statuses.get(plan.object.key)?.allocated,
    serving: servingOf(served),
    ranked: [pod.name],
    others: [],
    elsewhere: undefined,
    floor: plan.floor,
    date: serial.style === 'date' ? dateSerial(clock.now()) : undefined,
    unsettledFor: 0,
    sinceAllocation: Number.POSITIVE_INFINITY,
  });
  return 'serial' in decision ? { content: plan.content, serial: decision.serial } : undefined;
}
