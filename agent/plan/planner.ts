import type { DomainName } from '../dns/name.ts';
import { differing, LayeredMap } from '../layered-map.ts';
import type { ClusterView } from '../observe/cluster.ts';
import { type DNSZone, type DnsRecord, type ObjectKey, objectKey } from '../resources/types.ts';
import { Alike } from './alike.ts';
import { type Claim, claimantHere } from './claim.ts';
import {
  type CompiledLookup,
  type CompileRequest,
  type ContentResult,
  zoneContent,
} from './content.ts';
import { effectiveConfig, type InstanceConfig } from './named-config.ts';
import { place } from './placement.ts';
import {
  nameOf,
  planZone,
  type ZoneInputs,
  type ZonePlan,
  type ZoneSettings,
} from './plan-zone.ts';
import { indexRecords, type RecordIndex } from './record-index.ts';
import type { Registration } from './registration.ts';
import type { ServedZone } from './served-zone.ts';
import { clusterOf, type Endpoint, instanceOf, type Topology } from './topology.ts';

/** What a plan is made from, besides what the planner remembers. */
export interface PlanInputs {
  readonly view: ClusterView;
  readonly self: Registration;
  /** Constant for a run of the agent. */
  readonly settings: ZoneSettings;
  readonly compiled: CompiledLookup;
  /** Proofs of primaries that answered just now (see `Candidate.proof`); a new set when one changed. */
  readonly proven: ReadonlySet<string>;
  /** Primaries that answer without having what was agreed on, by zone; a new set when one changed. */
  readonly outdated: ReadonlyMap<DomainName, ReadonlySet<string>>;
  /** What this agent put into named, by zone name. */
  readonly served: ReadonlyMap<string, ServedZone>;
  /** Zones that named has from elsewhere, never ours to touch; a new set when one changed. */
  readonly foreign: ReadonlySet<string>;
  /** Peers that have newer updates than this pod, by the zone that it is about to become the writer of. */
  readonly ahead?: ReadonlyMap<ObjectKey, string>;
}

export interface Plan {
  readonly zones: ReadonlyMap<ObjectKey, ZonePlan>;
  /** The objects whose plan is another than last time. */
  readonly changed: readonly ObjectKey[];
  /** Those, and the ones whose status, or what is served of them, is another than last time. */
  readonly touched: readonly ObjectKey[];
  readonly config: InstanceConfig;
  readonly topology: Topology;
}

/** The zone texts that the plan waits for. Zones that wait are touched each time. */
export const requestsOf = ({ zones, touched }: Plan): CompileRequest[] =>
  touched.flatMap((key) => {
    const plan = zones.get(key);
    return plan?.kind === 'pending' ? plan.requests : [];
  });

/** What holds for all zones in one planning. */
interface Frame {
  readonly inputs: PlanInputs;
  readonly topology: Topology;
  readonly config: InstanceConfig;
  readonly records: RecordIndex;
  /** The zones that are to be followed elsewhere (`PlanInputs.ahead`). */
  readonly followed: readonly ObjectKey[];
  readonly alike: Alike;
}

interface RememberedContent {
  readonly records: readonly DnsRecord[];
  readonly zoneFileText: string | undefined;
  readonly result: ContentResult;
}

/** A zone's plan, and what it was made from: all that may be another for it the next time. */
interface Planned extends Omit<ZoneInputs, 'name' | 'settings'> {
  readonly claim: Claim;
  readonly plan: ZonePlan;
}

/** A zone's place among all of them. */
interface Slot {
  readonly zone: DNSZone;
  readonly name: DomainName;
  /** The other zones of the name. */
  siblings: readonly Slot[];
  planned: Planned | undefined;
  content: RememberedContent | undefined;
}

const NONE: readonly never[] = [];
const NOTHING: ReadonlyMap<ObjectKey, DNSZone> = new Map();

/**
 * Remembers each zone's plan, so that planning costs what changed: the zones that nothing has changed about are not looked
 * at. Same inputs, same plan: no clock, no chance.
 */
export class Planner {
  readonly #slots = new Map<ObjectKey, Slot>();
  /** One zone of each name: it knows the others. */
  readonly #byName = new Map<string, Slot>();
  #plans = LayeredMap.of<ObjectKey, ZonePlan>();
  /** Zones that are planned again in any case: they wait for something, or others have their name, or had it. */
  readonly #restless = new Set<ObjectKey>();
  #former: Frame | undefined;
  #topology: { readonly signature: string; readonly value: Topology } | undefined;
  #config: { readonly signature: string; readonly value: InstanceConfig } | undefined;

  plan(inputs: PlanInputs): Plan {
    const frame = this.#frame(inputs);
    const moved = differing(this.#former?.inputs.view.zones ?? NOTHING, inputs.view.zones);
    for (const key of moved) this.#seat(key, inputs.view.zones.get(key));
    const touched = [...this.#touchedIn(frame, moved)].filter(
      (key) => this.#slots.has(key) || this.#plans.has(key),
    );
    this.#former = frame;
    const changed = touched.filter((key) => this.#planOne(key, frame));
    if (changed.length > 0) this.#plans = this.#plansWith(changed);
    const { config, topology } = frame;
    return { zones: this.#plans, changed, touched, config, topology };
  }

  /** Gives a zone its slot, or takes it away. */
  #seat(key: ObjectKey, zone: DNSZone | undefined): void {
    const former = this.#slots.get(key);
    const name = zone === undefined ? undefined : nameOf(zone);
    this.#slots.delete(key);
    this.#restless.delete(key);
    if (former !== undefined)
      this.#group(
        former.name,
        this.#ofName(former.name).filter((each) => each !== former),
      );
    if (zone === undefined || name === undefined) return;
    const slot = { zone, name, siblings: NONE, planned: former?.planned, content: undefined };
    this.#slots.set(key, slot);
    this.#group(name, [...this.#ofName(name), slot]);
  }

  #ofName(name: string): readonly Slot[] {
    const slot = this.#byName.get(name);
    return slot === undefined ? NONE : [slot, ...slot.siblings];
  }

  /** Makes the zones of a name known to each other. */
  #group(name: DomainName, group: readonly Slot[]): void {
    const [first] = group;
    if (first === undefined) this.#byName.delete(name);
    else this.#byName.set(name, first);
    for (const slot of group) {
      slot.siblings = group.length === 1 ? NONE : group.filter((each) => each !== slot);
      this.#restless.add(slot.zone.key);
    }
  }

  /** The zones that something has changed about since the last time; it may be nothing that their plans depend on. */
  #touchedIn(frame: Frame, moved: readonly ObjectKey[]): Set<ObjectKey> {
    const former = this.#former;
    if (former?.topology !== frame.topology || former.config !== frame.config)
      return new Set([...moved, ...this.#slots.keys()]);
    const [was, now] = [former.inputs, frame.inputs];
    const touched = new Set([
      ...moved,
      ...this.#restless,
      ...differing(former.records.lists, frame.records.lists),
      ...differing(was.view.statuses, now.view.statuses),
      ...frame.followed,
      ...former.followed,
    ]);
    const names = [
      ...differing(was.served, now.served),
      ...differing(was.outdated, now.outdated),
      ...notInBoth(was.foreign, now.foreign),
    ];
    for (const name of names) for (const { zone } of this.#ofName(name)) touched.add(zone.key);
    const isProvenAnew = was.proven !== now.proven;
    if (isProvenAnew || was.view.configMaps !== now.view.configMaps)
      for (const [key, { zone, planned }] of this.#slots) {
        const isSecondary = planned?.plan.kind === 'secondary';
        if ((isProvenAnew && isSecondary) || zone.spec.zoneFileFrom !== undefined) touched.add(key);
      }
    return touched;
  }

  /** Returns whether its plan is another now. */
  #planOne(key: ObjectKey, frame: Frame): boolean {
    const slot = this.#slots.get(key);
    if (slot === undefined) return true;
    const former = slot.planned;
    slot.planned = planAgain(slot, frame);
    const { plan } = slot.planned;
    if (plan.kind === 'pending' || slot.siblings.length > 0) this.#restless.add(key);
    else this.#restless.delete(key);
    return plan !== former?.plan;
  }

  #plansWith(changed: readonly ObjectKey[]): LayeredMap<ObjectKey, ZonePlan> {
    return this.#plans.with(
      new Map(changed.map((key) => [key, this.#slots.get(key)?.planned?.plan])),
    );
  }

  /** Topology and configuration keep their identity while nothing in them changed: it stands for "same" below. */
  #frame(inputs: PlanInputs): Frame {
    const { view, self } = inputs;
    const topology: Topology = {
      self,
      peers: view.peers,
      instances: view.instances,
      clusters: view.clusters,
    };
    const config = effectiveConfig(instanceOf(topology, self), clusterOf(topology, self));
    this.#topology = keep(this.#topology, topologySignature(topology), topology);
    this.#config = keep(this.#config, JSON.stringify(config), config);
    const former = this.#former;
    return {
      inputs,
      topology: this.#topology.value,
      config: this.#config.value,
      records: indexRecords(view.zones, view.records, former?.records),
      followed: [...(inputs.ahead?.keys() ?? NONE)],
      alike: former?.topology === this.#topology.value ? former.alike : new Alike(),
    };
  }
}

function keep<T>(
  former: { readonly signature: string; readonly value: T } | undefined,
  signature: string,
  value: T,
): { readonly signature: string; readonly value: T } {
  return former?.signature === signature ? former : { signature, value };
}

/** What of the pods and their objects a zone's plan can depend on; renewals and reports are not among it. */
function topologySignature({ self, peers, instances, clusters }: Topology): string {
  const pods = [self, ...[...peers.values()].sort((a, b) => (a.pod < b.pod ? -1 : 1))];
  return JSON.stringify([
    pods.map((pod) => [
      pod.pod,
      pod.namespace,
      pod.role,
      pod.cluster,
      pod.instance,
      pod.ips,
      pod.dnsPort,
      pod.labels,
      pod.draining,
      'liveness' in pod ? pod.liveness : 'live',
    ]),
    [...instances.values(), ...clusters.values()].map(({ key, metadata }) => [
      key,
      metadata.annotations,
    ]),
  ]);
}

function zoneFileText(zone: DNSZone, view: ClusterView): string | undefined {
  const { zoneFile, zoneFileFrom } = zone.spec;
  const ref = zoneFileFrom?.configMapKeyRef;
  if (ref === undefined) return zoneFile;
  return view.configMaps.get(objectKey(zone.metadata.namespace, ref.name))?.data[ref.key];
}

const currentPrimaries = (zone: DNSZone, served: ServedZone | undefined): readonly Endpoint[] =>
  served?.key === zone.key ? (served.primaries ?? NONE) : NONE;

const notInBoth = (a: ReadonlySet<string>, b: ReadonlySet<string>): readonly string[] =>
  a === b ? NONE : [...a, ...b].filter((each) => !a.has(each) || !b.has(each));

/** The zone's plan, the very same as before where it was made from the same. */
function planAgain(slot: Slot, frame: Frame): Planned {
  const { zone, name, planned: former } = slot;
  const { view, served, foreign, compiled, settings, proven, outdated, ahead } = frame.inputs;
  const now = served.get(name);
  const status = view.statuses.get(zone.key);
  const inputs: ZoneInputs = {
    zone,
    name,
    siblings: slot.siblings.length === 0 ? NONE : slot.siblings.map((each) => each.zone),
    records: frame.records.get(zone.key) ?? NONE,
    zoneFileText: zoneFileText(zone, view),
    writer: status?.writer,
    ahead: ahead?.get(zone.key),
    topology: frame.topology,
    config: frame.config,
    proven,
    outdated: outdated.get(name),
    current: currentPrimaries(zone, now),
    settings,
  };
  const claim = claimantHere(inputs, view.statuses, now, foreign.has(name));
  const plan =
    former !== undefined && isSame(former, inputs, claim)
      ? former.plan
      : frame.alike.planOf(
          planAnew(inputs, claim, () =>
            contentOf(slot, inputs, compiled, status?.allocated?.contentHash),
          ),
        );
  return plannedFrom(inputs, claim, plan);
}

/** Every field is written out: V8 keeps those that were spread in a second object beside the first. */
const plannedFrom = (inputs: ZoneInputs, claim: Claim, plan: ZonePlan): Planned => ({
  zone: inputs.zone,
  siblings: inputs.siblings,
  records: inputs.records,
  zoneFileText: inputs.zoneFileText,
  writer: inputs.writer,
  ahead: inputs.ahead,
  topology: inputs.topology,
  config: inputs.config,
  proven: inputs.proven,
  outdated: inputs.outdated,
  current: inputs.current,
  claim,
  plan,
});

function planAnew(inputs: ZoneInputs, claim: Claim, content: () => ContentResult): ZonePlan {
  if (claim === 'ours') return planZone(inputs, content);
  return {
    kind: 'conflict',
    zone: inputs.name,
    object: inputs.zone,
    placement: place(inputs.zone, inputs.siblings, inputs.topology),
    why: claim,
  };
}

/**
 * Content outlives topology changes: only the zone's own inputs make it stale.
 *
 * @param agreed the hash that was agreed on: in an agent that was started again, mostly that of the content, and kept once
 */
function contentOf(
  slot: Slot,
  inputs: ZoneInputs,
  compiled: CompiledLookup,
  agreed: string | undefined,
): ContentResult {
  const { zone, records, zoneFileText: text, settings } = inputs;
  const former = slot.content;
  if (former?.records === records && former.zoneFileText === text) return former.result;
  const made = zoneContent(zone, records, compiled, settings, text);
  const isAgreed = made.kind === 'content' && made.content.hash === agreed;
  const result = isAgreed ? { ...made, content: { ...made.content, hash: agreed } } : made;
  if (result.kind !== 'pending') slot.content = { records, zoneFileText: text, result };
  return result;
}

function isSame(former: Planned, next: ZoneInputs, claim: Claim): boolean {
  const { plan } = former;
  return (
    plan.kind !== 'pending' &&
    former.claim === claim &&
    former.zone === next.zone &&
    former.records === next.records &&
    former.zoneFileText === next.zoneFileText &&
    former.writer === next.writer &&
    former.ahead === next.ahead &&
    former.topology === next.topology &&
    former.config === next.config &&
    (former.proven === next.proven || plan.kind !== 'secondary') &&
    (former.outdated === next.outdated || plan.kind !== 'secondary') &&
    (former.current === next.current || plan.kind !== 'secondary') &&
    sameZones(former.siblings, next.siblings)
  );
}

const sameZones = (a: readonly DNSZone[], b: readonly DNSZone[]): boolean =>
  a === b || (a.length === b.length && a.every((zone, i) => zone === b[i]));
