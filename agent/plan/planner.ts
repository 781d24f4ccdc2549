import type { DomainName } from '../dns/name.ts';
import type { ClusterView } from '../observe/cluster.ts';
import { type DNSZone, type DnsRecord, type ObjectKey, objectKey } from '../resources/types.ts';
import { type Claim, claimantHere } from './claim.ts';
import { type CompiledLookup, type ContentResult, zoneContent } from './content.ts';
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
  readonly config: InstanceConfig;
  readonly topology: Topology;
}

/** What holds for all zones in one planning. */
interface Frame {
  readonly inputs: PlanInputs;
  readonly topology: Topology;
  readonly config: InstanceConfig;
  readonly records: RecordIndex;
}

interface Remembered {
  readonly inputs: ZoneInputs;
  readonly claim: Claim;
  readonly plan: ZonePlan;
}

/** A zone's place among all of them; kept while no zone changes, so that a planning looks nothing up twice. */
interface Slot {
  readonly zone: DNSZone;
  readonly name: DomainName;
  /** The other zones of the name. */
  readonly siblings: readonly DNSZone[];
  former: Remembered | undefined;
}

interface RememberedContent {
  readonly records: readonly DnsRecord[];
  readonly zoneFileText: string | undefined;
  readonly result: ContentResult;
}

const NONE: readonly never[] = [];

/** Remembers each zone's plan, so that planning costs what changed. Same inputs, same plan: no clock, no chance. */
export class Planner {
  #slots: ReadonlyMap<ObjectKey, Slot> = new Map();
  /** The zones that the slots are for. */
  #zones: ReadonlyMap<ObjectKey, DNSZone> | undefined;
  #plans: ReadonlyMap<ObjectKey, ZonePlan> = new Map();
  #contents = new WeakMap<DNSZone, RememberedContent>();
  #names = new WeakMap<DNSZone, DomainName>();
  #records: RecordIndex | undefined;
  #topology: { readonly signature: string; readonly value: Topology } | undefined;
  #config: { readonly signature: string; readonly value: InstanceConfig } | undefined;

  plan(inputs: PlanInputs): Plan {
    const frame = this.#frame(inputs);
    const gone = this.#seat(inputs.view.zones);
    const changed: ObjectKey[] = [...gone];
    for (const slot of this.#slots.values()) {
      const entry = this.#planOne(slot, frame);
      if (entry === slot.former) continue;
      slot.former = entry;
      changed.push(slot.zone.key);
    }
    if (changed.length > 0) this.#plans = plansOf(this.#slots);
    return { zones: this.#plans, changed, config: frame.config, topology: frame.topology };
  }

  /** Gives each zone its slot, with what is remembered of it; returns those that are no more. */
  #seat(zones: ReadonlyMap<ObjectKey, DNSZone>): readonly ObjectKey[] {
    if (zones === this.#zones) return NONE;
    const former = this.#slots;
    const slots = new Map<ObjectKey, Slot>();
    for (const [name, group] of this.#byName(zones.values())) {
      for (const zone of group) {
        const siblings = group.length === 1 ? NONE : group.filter((each) => each !== zone);
        slots.set(zone.key, { zone, name, siblings, former: former.get(zone.key)?.former });
      }
    }
    this.#zones = zones;
    this.#slots = slots;
    return [...former.keys()].filter((key) => !slots.has(key));
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
    this.#records = indexRecords(view.zones, view.records, this.#records);
    return {
      inputs,
      topology: this.#topology.value,
      config: this.#config.value,
      records: this.#records,
    };
  }

  #byName(zones: Iterable<DNSZone>): Map<DomainName, DNSZone[]> {
    const byName = new Map<DomainName, DNSZone[]>();
    for (const zone of zones) {
      const name = this.#names.get(zone) ?? nameOf(zone);
      if (name === undefined) continue;
      this.#names.set(zone, name);
      const group = byName.get(name);
      if (group === undefined) byName.set(name, [zone]);
      else group.push(zone);
    }
    return byName;
  }

  #planOne({ zone, name, siblings, former }: Slot, frame: Frame): Remembered {
    const { view, served, foreign, compiled, settings, proven, outdated, ahead } = frame.inputs;
    const inputs: ZoneInputs = {
      zone,
      name,
      siblings,
      records: frame.records.get(zone.key) ?? NONE,
      zoneFileText: zoneFileText(zone, view),
      writer: view.statuses.get(zone.key)?.writer,
      ahead: ahead?.get(zone.key),
      topology: frame.topology,
      config: frame.config,
      proven,
      outdated: outdated.get(name),
      current: currentPrimaries(zone, served.get(name)),
      settings,
    };
    const claim = claimantHere(inputs, view.statuses, served.get(name), foreign.has(name));
    if (former !== undefined && isSame(former, inputs, claim)) return former;
    return { inputs, claim, plan: this.#planAnew(inputs, claim, compiled) };
  }

  #planAnew(inputs: ZoneInputs, claim: Claim, compiled: CompiledLookup): ZonePlan {
    if (claim === 'ours') return planZone(inputs, () => this.#content(inputs, compiled));
    return {
      kind: 'conflict',
      zone: inputs.name,
      object: inputs.zone,
      placement: place(inputs.zone, inputs.siblings, inputs.topology),
      why: claim,
    };
  }

  /** Content outlives topology changes: only the zone's own inputs make it stale. */
  #content(inputs: ZoneInputs, compiled: CompiledLookup): ContentResult {
    const { zone, records, zoneFileText: text, settings } = inputs;
    const former = this.#contents.get(zone);
    if (former?.records === records && former.zoneFileText === text) return former.result;
    const result = zoneContent(zone, records, compiled, settings, text);
    if (result.kind !== 'pending')
      this.#contents.set(zone, { records, zoneFileText: text, result });
    return result;
  }
}

function plansOf(slots: ReadonlyMap<ObjectKey, Slot>): Map<ObjectKey, ZonePlan> {
  const plans = new Map<ObjectKey, ZonePlan>();
  for (const [key, { former }] of slots) if (former !== undefined) plans.set(key, former.plan);
  return plans;
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

function isSame(former: Remembered, next: ZoneInputs, claim: Claim): boolean {
  const { inputs, plan } = former;
  return (
    plan.kind !== 'pending' &&
    former.claim === claim &&
    inputs.zone === next.zone &&
    inputs.records === next.records &&
    inputs.zoneFileText === next.zoneFileText &&
    inputs.writer === next.writer &&
    inputs.ahead === next.ahead &&
    inputs.topology === next.topology &&
    inputs.config === next.config &&
    (inputs.proven === next.proven || plan.kind !== 'secondary') &&
    (inputs.outdated === next.outdated || plan.kind !== 'secondary') &&
    (inputs.current === next.current || plan.kind !== 'secondary') &&
    sameZones(inputs.siblings, next.siblings)
  );
}

const sameZones = (a: readonly DNSZone[], b: readonly DNSZone[]): boolean =>
  a === b || (a.length === b.length && a.every((zone, i) => zone === b[i]));
