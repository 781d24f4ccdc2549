import Type from 'typebox';
import {
  choice,
  freeMap,
  ip,
  kept,
  keptList,
  list,
  mapList,
  object,
  openObject,
  optional,
  serial,
  text,
  time,
  whole,
} from './schema-parts.ts';

const maxCount = 2_147_483_647;

const condition = object('The state of one aspect.', {
  type: text('The aspect.', { maxLength: 316 }),
  status: choice('Whether it holds.', ['True', 'False', 'Unknown']),
  observedGeneration: optional(
    whole('The generation that it speaks of.', 0, Number.MAX_SAFE_INTEGER),
  ),
  reason: optional(Type.String({ description: 'Why, in one word.', maxLength: 1024 })),
  message: optional(Type.String({ description: 'Why, in a sentence.', maxLength: 32_768 })),
  lastTransitionTime: optional(time('When the status last changed.')),
});

const conditions = mapList('What holds and what does not.', 'type', condition);

const observedGeneration = whole(
  'The generation that this status speaks of.',
  0,
  Number.MAX_SAFE_INTEGER,
);

const transferReport = object("One pod's copy of the zone.", {
  pod: text('The pod.', { maxLength: 253 }),
  instance: optional(Type.String({ description: 'Its instance.', maxLength: 253 })),
  role: optional(choice('Its role.', ['primary', 'secondary'])),
  ip: optional(ip('Its address.')),
  state: choice('How its copy stands.', [
    'Pending',
    'Transferring',
    'Current',
    'Lagging',
    'Failing',
    'Expired',
  ]),
  serial: optional(serial('The serial that it serves.')),
  from: optional(ip('The address that it transferred from.')),
  method: optional(choice('How it got its copy.', ['AXFR', 'IXFR', 'Seed'])),
  lastTransferTime: optional(time('When it got its copy.')),
  expiresAt: optional(time('When it stops serving, if nothing is heard of a primary.')),
  reason: optional(
    choice('Why it is not current.', [
      'Refused',
      'NotAuthoritative',
      'Unreachable',
      'UnreachableCached',
      'TsigUnknownKey',
      'TsigBadSignature',
      'TsigBadTime',
      'QuotaDeferred',
      'SerialBehind',
      'Timeout',
      'FormErr',
      'BadData',
      'Expired',
      'NoPrimaries',
      'NotLoaded',
    ]),
  ),
  message: optional(Type.String({ description: 'Why, and what to do.', maxLength: 32_768 })),
});

const allocated = object('What the primaries agreed to serve.', {
  serial: serial('The serial.'),
  contentHash: text('The hash of the canonical records.', { maxLength: 128 }),
  records: optional(whole('How many records that content has.', 0, maxCount)),
  by: text('The pod that allocated it.', { maxLength: 253 }),
  view: optional(
    freeMap<number>(
      'The newest version of each source that it was rendered from.',
      whole('A version.', 0, Number.MAX_SAFE_INTEGER),
    ),
  ),
});

/** `DNSZone.status`: the agent's fields, and those that Bindy writes. */
export const dnsZoneStatus = openObject('What is served, as seen on the wire.', {
  observedGeneration: optional(observedGeneration),
  secondaryIps: optional(list('The live secondaries of the zone, sorted.', ip('An address.'))),
  serial: optional(serial('The newest serial seen served by a primary.')),
  allocated: optional(allocated),
  writer: optional(
    Type.String({ description: 'The pod that takes updates or signs.', maxLength: 253 }),
  ),
  secondaryCount: optional(whole('The number of live secondaries.', 0, maxCount)),
  behindSince: optional(time('Since when a copy of it has not been current.')),
  worstReason: optional(
    Type.String({
      description: 'Why it is not ready, or its worst copy not current.',
      maxLength: 1024,
    }),
  ),
  reportedBy: optional(Type.String({ description: 'The pod that reported.', maxLength: 253 })),
  reportedTime: optional(time('When it reported.')),
  // One writer tells all of them. As a map, who owns which field of which entry were a third of each DNSZone.
  transfers: optional(
    list("Each pod's copy of the zone.", transferReport, { 'x-kubernetes-list-type': 'atomic' }),
  ),
  conditions: optional(conditions),
  records: optional(keptList('The records of the zone, as Bindy lists them.')),
  recordsCount: optional(whole('Their number.', 0, maxCount)),
  bind9Instances: optional(keptList('The instances of the zone, as Bindy lists them.')),
  bind9InstancesCount: optional(whole('Their number.', 0, maxCount)),
  dnssec: optional(kept('The state of signing, as Bindy tells it.')),
});

/** `Bind9Instance.status`, written by whoever runs the pods. */
export const bind9InstanceStatus = openObject('The state of the instance.', {
  observedGeneration: optional(observedGeneration),
  conditions: optional(conditions),
  clusterRef: optional(kept('The cluster of the instance.')),
  zones: optional(keptList('The zones of the instance.')),
});

/** `Bind9Cluster.status`, written by whoever runs the pods. */
export const bind9ClusterStatus = openObject('The state of the cluster.', {
  observedGeneration: optional(observedGeneration),
  conditions: optional(conditions),
});

/** `status` of every record kind, written by Bindy where it runs. */
export const recordStatus = openObject('The state of the record.', {
  observedGeneration: optional(observedGeneration),
  conditions: optional(conditions),
  zoneRef: optional(kept('The zone of the record.')),
});
