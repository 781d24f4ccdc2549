import type { Allocation } from '../../plan/registration.ts';
import type { ZoneReport } from '../../report/zone-report.ts';
import type { ZoneStatus } from '../cluster.ts';
import type { RawObject } from './collection.ts';
import { declaredPart, isAtomicList } from './declared.ts';
import type { Published } from './published-status.ts';
import { AGREED, COMPLETE } from './zone-status.ts';

/** What the primaries agree on. */
export interface Agreed {
  readonly allocated?: Allocation;
  readonly writer?: string;
}

/** A report as far as the cluster's DNSZone can hold it. @param present the status that it will replace */
export function fitReport(
  report: ZoneReport,
  published: Published,
  present: ZoneStatus,
): RawObject {
  const complete = incomplete(published, report.reportedTime);
  return fitted({ ...report, conditions: [...report.conditions, ...complete] }, published, present);
}

/** What was agreed on; in a condition, where there is no field for it: that list is compared and swapped as well. */
export function fitAgreed(
  agreed: Agreed,
  published: Published,
  present: ZoneStatus,
  now: string,
): RawObject {
  const { missing } = published;
  if (!missing.some((path) => /^(?:allocated|writer)\b/.test(path)))
    return fitted({ ...agreed }, published, present);
  const condition = {
    ...flag(AGREED, 'True', 'SerialAllocated', now),
    message: JSON.stringify(agreed),
  };
  return fitted({ conditions: [condition] }, published, present);
}

function fitted(fields: RawObject, published: Published, present: ZoneStatus): RawObject {
  const { schema } = published;
  const { conditions } = fields;
  const all =
    Array.isArray(conditions) && isAtomicList(schema.properties?.['conditions'])
      ? { ...fields, conditions: withThoseOf(present, conditions) }
      : fields;
  return declaredPart(all, schema) as RawObject;
}

/** Who writes one entry of an atomic list writes them all: those of others are written as they were read. */
function withThoseOf(present: ZoneStatus, conditions: readonly RawObject[]): readonly RawObject[] {
  const known = [...(present.report?.conditions ?? []), ...(present.others ?? [])] as RawObject[];
  const formerOf = ({ type, status }: RawObject) =>
    known.find((each) => each['type'] === type && each['status'] === status);
  const types = new Set(conditions.map(({ type }) => type));
  const lasting = conditions.map((each) => {
    const since = formerOf(each)?.['lastTransitionTime'];
    return since === undefined ? each : { ...each, lastTransitionTime: since };
  });
  return [...known.filter(({ type }) => !types.has(type)), ...lasting];
}

function incomplete({ missing }: Published, now: string): readonly RawObject[] {
  if (missing.length === 0) return [];
  const message = `the DNSZone resource of this cluster has no status fields ${missing.join(', ')}; apply the CRDs of this agent to see them`;
  return [{ ...flag(COMPLETE, 'False', 'FieldsNotDeclared', now), message }];
}

const flag = (type: string, status: string, reason: string, lastTransitionTime: string) => ({
  type,
  status,
  reason,
  lastTransitionTime,
});
