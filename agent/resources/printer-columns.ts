/** A column of `kubectl get`, as a CRD declares it. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'date';
  readonly description: string;
  /** 1: with `-o wide` only. */
  readonly priority?: 1;
  readonly jsonPath: string;
}

const column = (
  name: string,
  jsonPath: string,
  description: string,
  type: PrinterColumn['type'] = 'string',
): PrinterColumn => ({ name, type, description, jsonPath });

const wide = (printed: PrinterColumn): PrinterColumn => ({ ...printed, priority: 1 });

const ready = column(
  'Ready',
  '.status.conditions[?(@.type=="Ready")].status',
  'Whether all is as it should be.',
);
/** kubectl shows a date as the time since then. */
const age = column('Age', '.metadata.creationTimestamp', 'Since the object was made.', 'date');

export const zoneColumns: readonly PrinterColumn[] = [
  column('Zone', '.spec.zoneName', 'The name of the zone.'),
  column('Type', '.spec.type', 'primary or secondary.'),
  column('Serial', '.status.serial', 'The newest serial that a primary serves.', 'integer'),
  column('Secondaries', '.status.secondaryCount', 'The number of live secondaries.', 'integer'),
  ready,
  age,
  wide(column('Lag', '.status.behindSince', 'For how long a copy has been behind.', 'date')),
  wide(column('Reason', '.status.worstReason', 'Why it is not ready, or a copy not current.')),
];

export const instanceColumns: readonly PrinterColumn[] = [
  column('Cluster', '.spec.clusterRef', 'The cluster of the instance.'),
  column('Role', '.spec.role', 'primary or secondary.'),
  column('Replicas', '.spec.replicas', 'The number of its pods.', 'integer'),
  column(
    'Zones',
    '.status.zonesCount',
    'The number of its zones, as Bindy counts them.',
    'integer',
  ),
  ready,
  age,
];

export const clusterColumns: readonly PrinterColumn[] = [
  column('Version', '.spec.version', 'The version of BIND 9.'),
  column('Primary', '.spec.primary.replicas', 'The number of primary instances.', 'integer'),
  column('Secondary', '.spec.secondary.replicas', 'The number of secondary instances.', 'integer'),
  ready,
  age,
];

/** Where a record's data stands: in which field of its spec; where there are two, in the first that it has. */
export interface RecordColumn {
  readonly name: string;
  readonly fields: readonly string[];
  readonly type?: 'integer';
}

/** Owner, zone, data and TTL of a record. */
export const recordColumns = (data: readonly RecordColumn[]): readonly PrinterColumn[] => [
  column('Name', '.spec.name', 'The owner, relative to the zone.'),
  column('Zone', firstOf(['zoneRef', 'zone']), 'The zone, where the record names it.'),
  ...data.map(({ name, fields, type }) =>
    column(name, firstOf(fields), `Its ${fields.join(', else ')}.`, type),
  ),
  column('TTL', '.spec.ttl', 'Seconds that the record may be cached.', 'integer'),
  wide(ready),
  age,
];

/** kubectl shows the first of what a path finds. */
const firstOf = (fields: readonly string[]): string =>
  fields.length === 1
    ? `.spec.${fields[0]}`
    : `.spec[${fields.map((field) => `'${field}'`).join(',')}]`;
