import type { Condition } from '../../report/zone-report.ts';
import { isObject } from '../../resources/got.ts';
import type { ZoneStatus } from '../cluster.ts';
import { zoneStatusOf as statusOf } from '../status-document.ts';
import type { RawObject } from './collection.ts';
import { metadataOf, part, textOf } from './object-parts.ts';

/** Holds what the primaries agreed on, as JSON in its message, where a cluster's DNSZone has no field for it. */
export const AGREED = 'Agreed';
/** Tells that a cluster's DNSZone lacks fields of the status. */
export const COMPLETE = 'StatusComplete';

const reported = {
  Ready: true,
  TransfersHealthy: true,
  Conflict: true,
  Diverged: true,
} satisfies Record<Condition['type'], true>;

/** A DNSZone's status. Its version is the object's resourceVersion, and what the zone was first seen at, its creation. */
export function zoneStatusOf(zone: RawObject): ZoneStatus {
  const { resourceVersion, creationTimestamp } = metadataOf(zone);
  const status = part(zone, 'status');
  const conditions = conditionsOf(status);
  const isReported = (condition: RawObject): boolean => String(condition['type']) in reported;
  const read = statusOf(String(resourceVersion), {
    ...part(agreedOf(conditions), 'agreed'),
    ...status,
    firstSeen: textOf(creationTimestamp),
    ...(Array.isArray(status['conditions']) && { conditions: conditions.filter(isReported) }),
  });
  // Without a report of ours, the conditions are whoever's.
  const others = conditions.filter((each) => read.report === undefined || !isReported(each));
  return others.length === 0 ? read : { ...read, others };
}

const conditionsOf = ({ conditions }: RawObject): readonly RawObject[] =>
  Array.isArray(conditions) ? conditions.filter(isObject) : [];

function agreedOf(conditions: readonly RawObject[]): RawObject {
  const message = textOf(conditions.find(({ type }) => type === AGREED)?.['message']);
  try {
    return { agreed: message === undefined ? undefined : JSON.parse(message) };
  } catch {
    return {};
  }
}
