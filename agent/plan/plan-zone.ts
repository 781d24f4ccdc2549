import { type DomainName, parseName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { ZoneContent } from '../dns/zone-text.ts';
import type { Problem } from '../problem.ts';
import { parseEndpoint } from '../resources/endpoint.ts';
import type { DNSZone, DnsRecord } from '../resources/types.ts';
import type { CompileRequest, ContentResult } from './content.ts';
import type { InstanceConfig } from './named-config.ts';
import { isUnplaced, type Placement, place } from './placement.ts';
import { type Candidate, choosePrimaries, outsideCandidate, peerCandidate } from './primaries.ts';
import { rank } from './speaker.ts';
import { renderStanza } from './stanza.ts';
import { type Endpoint, endpointOf, isLive, type Pod, type Topology } from './topology.ts';

/** What is the same for every zone of this pod. */
export interface ZoneSettings {
  readonly zonesFolder: string;
  readonly clusterKey?: string;
  readonly localKey: string;
  /** Names of all keys that named knows: a stanza that names another would fail only when it is used. */
  readonly knownKeys: ReadonlySet<string>;
  readonly narrowByAddress: boolean;
  readonly maxRecordsPerType: number;
  readonly maxTypesPerName: number;
}

/** All that one zone's plan depends on. */
export interface ZoneInputs {
  readonly zone: DNSZone;
  readonly name: DomainName;
  /** The other zones of that name. */
  readonly siblings: readonly DNSZone[];
  readonly records: readonly DnsRecord[];
  /** Text of `zoneFile`, or of the ConfigMap entry that `zoneFileFrom` names; undefined: records alone. */
  readonly zoneFileText: string | undefined;
  /** The recorded writer of a zone that has one (`status.writer`). */
  readonly writer: string | undefined;
  /** The peer that has newer updates than this pod: to be followed until this pod, its next writer, has them too. */
  readonly ahead: string | undefined;
  readonly topology: Topology;
  readonly config: InstanceConfig;
  readonly proven: ReadonlySet<string>;
  /** Primaries that answer without having what was agreed on (see `choosePrimaries`). */
  readonly outdated: ReadonlySet<string> | undefined;
  /** Where the zone is transferred from now, if this pod has it as a secondary. */
  readonly current: readonly Endpoint[];
  readonly settings: ZoneSettings;
}

interface Served {
  readonly zone: DomainName;
  readonly object: DNSZone;
  readonly placement: Placement;
  /** Without the name of the zone's file (`stanzaOf`). */
  readonly stanza: string;
  readonly problems: readonly Problem[];
}

export interface PrimaryPlan extends Served {
  readonly kind: 'primary';
  readonly content: ZoneContent;
  readonly floor: Serial | undefined;
  /** Live primaries by rank, this pod among them: who may allocate a serial first. */
  readonly ranked: readonly string[];
  readonly notify: readonly Endpoint[];
  /** Others write it too (RFC 2136): only the first content is ours. */
  readonly dynamic: boolean;
  /** No writer is recorded, or it is gone: this pod is to claim the zone before it serves it. */
  readonly claim: boolean;
  /** Why the content is not to be served, nor agreed on, for now: what is served stays as it is. */
  readonly withheld?: string;
}

export interface SecondaryPlan extends Served {
  readonly kind: 'secondary';
  readonly primaries: readonly Endpoint[];
  readonly candidates: readonly Candidate[];
}

/** What this pod does about one DNSZone object. */
export type ZonePlan =
  | PrimaryPlan
  | SecondaryPlan
  /** Other pods serve it, or nobody does. */
  | {
      readonly kind: 'elsewhere';
      readonly zone: DomainName;
      readonly object: DNSZone;
      readonly placement: Placement;
      readonly problems: readonly Problem[];
    }
  /** Another object, or somebody else's configuration, has the name here. */
  | {
      readonly kind: 'conflict';
      readonly zone: DomainName;
      readonly object: DNSZone;
      readonly placement: Placement;
      readonly why: string;
    }
  /** Its text is being checked. */
  | {
      readonly kind: 'pending';
      readonly zone: DomainName;
      readonly object: DNSZone;
      readonly placement: Placement;
      readonly requests: readonly CompileRequest[];
    }
  /** Whatever is served now stays as it is. */
  | {
      readonly kind: 'keep';
      readonly zone: DomainName;
      readonly object: DNSZone;
      readonly placement: Placement;
      readonly why: string;
      readonly problems: readonly Problem[];
    };

/** This pod is to serve it. */
export const isServed = (plan: ZonePlan): plan is PrimaryPlan | SecondaryPlan =>
  plan.kind === 'primary' || plan.kind === 'secondary';

/** The role in which this pod takes part in a zone, if it does. */
export function roleHere(placement: Placement, pod: string): 'primary' | 'secondary' | undefined {
  if (placement.primaries.some((each) => each.pod === pod)) return 'primary';
  if (placement.secondaries.some((each) => each.pod === pod)) return 'secondary';
  return undefined;
}

/**
 * Plans one zone that no other object claims.
 *
 * @param content the zone's content as a primary would serve it; asked for only where this pod is one
 */
export function planZone(inputs: ZoneInputs, content: () => ContentResult): ZonePlan {
  const { zone, name, topology } = inputs;
  const placement = place(zone, inputs.siblings, topology);
  const seen = { zone: name, object: zone, placement };
  const role = roleHere(placement, topology.self.pod);
  if (role === undefined) return { kind: 'elsewhere', ...seen, problems: nobody(zone, placement) };
  if (zone.spec.suspend === true)
    return { kind: 'keep', ...seen, why: 'spec.suspend is set', problems: [] };
  if (role === 'secondary') return planSecondary(inputs, placement);
  return planPrimary(inputs, placement, content);
}

function nobody(zone: DNSZone, placement: Placement): Problem[] {
  if (!isUnplaced(placement)) return [];
  const { clusterRef } = zone.spec;
  return [
    clusterRef === undefined
      ? { path: 'spec', problem: 'no pod matches its instance selectors' }
      : { path: 'spec.clusterRef', problem: `no pod of cluster "${clusterRef}" is registered` },
  ];
}

function planPrimary(
  inputs: ZoneInputs,
  placement: Placement,
  content: () => ContentResult,
): ZonePlan {
  const { zone, name, settings, topology } = inputs;
  const seen = { zone: name, object: zone, placement };
  const dynamic = zone.spec.updates !== undefined;
  const ranked = rank(
    zone.key,
    placement.primaries.filter(isLive).map((pod) => pod.pod),
  );
  const writer = dynamic ? writerOf(inputs.writer, placement, ranked) : undefined;
  const followed = writer === topology.self.pod ? inputs.ahead : writer;
  if (followed !== undefined) return planSecondary(inputs, follow(placement, followed));
  const rendered = content();
  if (rendered.kind === 'pending') return { kind: 'pending', ...seen, requests: rendered.requests };
  if (rendered.kind === 'unusable')
    return { kind: 'keep', ...seen, why: 'its content is wrong', problems: rendered.problems };
  const updates = knownKeys(zone.spec.updates?.allow ?? [], 'spec.updates.allow', settings);
  const outside = outsideNotify(zone, settings);
  const notify = [
    ...placement.secondaries,
    ...(dynamic ? placement.primaries.filter((pod) => pod.pod !== topology.self.pod) : []),
  ].map((pod) => endpointOf(pod, settings.clusterKey));
  return {
    kind: 'primary',
    ...seen,
    stanza: ownStanza(inputs, 'primary', placement, {
      notify: [...notify, ...outside.endpoints],
      updateKeys: updates.keys,
    }),
    content: rendered.content,
    floor: rendered.floor,
    ranked,
    notify,
    dynamic,
    claim: dynamic && inputs.writer !== topology.self.pod,
    problems: [...rendered.problems, ...updates.problems, ...outside.problems, ...unsigned(zone)],
  };
}

/** The recorded writer for as long as it is registered; else whoever ranks first. */
function writerOf(
  writer: string | undefined,
  placement: Placement,
  ranked: readonly string[],
): string | undefined {
  const recorded = placement.primaries.find((pod) => pod.pod === writer);
  return recorded?.pod ?? ranked[0];
}

/** Where one pod writes the zone, or has the newest of it, all others serve it as its secondaries. */
function follow(placement: Placement, followed: string): Placement {
  const pods = [...placement.secondaries, ...placement.primaries];
  return {
    ...placement,
    primaries: pods.filter((pod) => pod.pod === followed),
    secondaries: pods.filter((pod) => pod.pod !== followed),
  };
}

function planSecondary(inputs: ZoneInputs, placement: Placement): ZonePlan {
  const { zone, name, settings, proven, current, outdated } = inputs;
  const { candidates, problems } = candidatesOf(inputs, placement);
  const primaries = choosePrimaries(candidates, proven, current, outdated);
  return {
    kind: 'secondary',
    zone: name,
    object: zone,
    placement,
    primaries,
    candidates,
    stanza: ownStanza(inputs, 'secondary', placement, { primaries }),
    problems: [...problems, ...unknownKey(zone.spec.transfer?.tsigKeyRef, settings)],
  };
}

function candidatesOf(
  { zone, name, settings, topology, writer }: ZoneInputs,
  placement: Placement,
): { candidates: Candidate[]; problems: Problem[] } {
  const others = placement.primaries.filter((pod) => pod.pod !== topology.self.pod);
  const peers = preferred(others, `${zone.key}/${topology.self.pod}`, writer).map((pod) =>
    peerCandidate(pod, endpointOf(pod, settings.clusterKey)),
  );
  const outside = placement.outside.flatMap((text) => {
    const endpoint = outsideEndpoint(text, zone, settings);
    return endpoint === undefined ? [] : [outsideCandidate(name, endpoint)];
  });
  const candidates = [...peers, ...outside];
  const none = { path: 'spec', problem: 'no primary of the zone is registered yet' };
  return { candidates, problems: candidates.length === 0 ? [none] : [] };
}

/** The zone's writer first; else each secondary prefers another primary, so that they share the load. */
function preferred(pods: readonly Pod[], seed: string, writer: string | undefined): Pod[] {
  const ranked = rank(
    seed,
    pods.map((pod) => pod.pod),
  );
  const place = (pod: Pod) => (pod.pod === writer ? -1 : ranked.indexOf(pod.pod));
  return [...pods].sort((a, b) => place(a) - place(b));
}

function outsideEndpoint(
  text: string,
  zone: DNSZone,
  settings: ZoneSettings,
): Endpoint | undefined {
  const endpoint = parseEndpoint(text);
  if (!endpoint.ok) return undefined;
  const key = zone.spec.transfer?.tsigKeyRef;
  const known = key !== undefined && settings.knownKeys.has(key);
  return { ...endpoint.value, ...(known ? { key } : {}) };
}

function outsideNotify(
  zone: DNSZone,
  settings: ZoneSettings,
): { endpoints: Endpoint[]; problems: Problem[] } {
  const endpoints = (zone.spec.transfer?.alsoNotify ?? []).flatMap((text) => {
    const endpoint = outsideEndpoint(text, zone, settings);
    return endpoint === undefined ? [] : [endpoint];
  });
  return { endpoints, problems: unknownKey(zone.spec.transfer?.tsigKeyRef, settings) };
}

function unknownKey(key: string | undefined, settings: ZoneSettings): Problem[] {
  return key === undefined ? [] : knownKeys([key], 'spec.transfer.tsigKeyRef', settings).problems;
}

/** Only keys that named knows may stand in a stanza; the others are told. */
function knownKeys(
  names: readonly string[],
  path: string,
  { knownKeys: known }: ZoneSettings,
): { keys: string[]; problems: Problem[] } {
  const problems = names
    .filter((name) => !known.has(name))
    .map((name) => ({ path, problem: `want the name of a key that this pod has, got "${name}"` }));
  return { keys: names.filter((name) => known.has(name)), problems };
}

const unsigned = (zone: DNSZone): Problem[] =>
  zone.spec.dnssecPolicy === undefined
    ? []
    : [{ path: 'spec.dnssecPolicy', problem: 'the zone is served unsigned: no signing keys' }];

function ownStanza(
  { zone, settings, config, topology }: ZoneInputs,
  role: 'primary' | 'secondary',
  placement: Placement,
  own: {
    readonly primaries?: readonly Endpoint[];
    readonly notify?: readonly Endpoint[];
    readonly updateKeys?: readonly string[];
  },
): string {
  const tsigKey = zone.spec.transfer?.tsigKeyRef;
  const outsideKey =
    tsigKey !== undefined && settings.knownKeys.has(tsigKey) ? [`key "${tsigKey}"`] : [];
  const others = [...placement.primaries, ...placement.secondaries].filter(
    (pod) => pod.pod !== topology.self.pod,
  );
  return renderStanza({
    role,
    folder: settings.zonesFolder,
    primaries: own.primaries ?? [],
    notify: own.notify ?? [],
    ...(settings.clusterKey === undefined ? {} : { clusterKey: settings.clusterKey }),
    localKey: settings.localKey,
    updateKeys: own.updateKeys ?? [],
    peerAddresses: [...new Set(others.flatMap((pod) => pod.ips))],
    narrowByAddress: settings.narrowByAddress,
    allowTransfer: [
      ...withKnownKeys(zone.spec.transfer?.allowTransfer ?? config.allowTransfer ?? [], settings),
      ...outsideKey,
    ],
    allowQuery: withKnownKeys(config.allowQuery ?? ['any'], settings),
    maxRecordsPerType: settings.maxRecordsPerType,
    maxTypesPerName: settings.maxTypesPerName,
  });
}

/** Address match elements without those that name a key we do not have: named would take them and fail when it is used. */
const withKnownKeys = (elements: readonly string[], { knownKeys: known }: ZoneSettings): string[] =>
  elements.filter((element) => {
    const key = /^!?key "([^"]+)"$/.exec(element)?.[1];
    return key === undefined || known.has(key);
  });

/** The zone's name as named knows it; a spec whose name does not parse was refused before it came here. */
export function nameOf(zone: DNSZone): DomainName | undefined {
  const name = parseName(zone.spec.zoneName);
  return name.ok ? name.value : undefined;
}
