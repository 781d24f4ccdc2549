import { parse } from 'yaml';
import type { Allocation } from '../plan/registration.ts';
import type { SourceVersions } from '../plan/source-versions.ts';
import type { ZoneReport } from '../report/zone-report.ts';
import { isObject } from '../resources/got.ts';
import { type ObjectKey, objectKey } from '../resources/types.ts';
import type { ZoneStatus } from './cluster.ts';
import { plainYaml } from './plain-yaml.ts';
import type { Stored } from './version-store.ts';

/** What the status store keeps of one zone. */
export interface StatusDocument {
  readonly namespace: string;
  readonly name: string;
  /** The zone's object is gone, and its status with it. */
  readonly removed?: true;
  /** `DNSZone.status`, with fields of others too. */
  readonly status: Readonly<Record<string, unknown>>;
}

/** The fields of `DNSZone.status` that are a pod's report. */
export const reportFields = {
  observedGeneration: true,
  secondaryIps: true,
  secondaryCount: true,
  serial: true,
  behindSince: true,
  worstReason: true,
  reportedBy: true,
  reportedTime: true,
  transfers: true,
  conditions: true,
} satisfies Record<keyof ZoneReport, true>;

export const keyOf = ({ namespace, name }: StatusDocument): ObjectKey => objectKey(namespace, name);

/** The version that a write must find; undefined where there is no status: never was, not any more, or lost. */
export function versionOf(stored: Stored | undefined): string | undefined {
  const document = stored === undefined ? undefined : documentOf(stored);
  if (stored === undefined || document === undefined || document.removed) return undefined;
  return `${stored.n}-${stored.id}`;
}

/** Undefined for a damaged document. */
export function documentOf({ body }: Stored): StatusDocument | undefined {
  if (!isObject(body)) return undefined;
  const { namespace, name, status } = body;
  if (typeof namespace !== 'string' || typeof name !== 'string' || !isObject(status)) {
    return undefined;
  }
  return { namespace, name, status, ...(body['removed'] === true ? { removed: true } : {}) };
}

/** The status without its report, and with another one. */
export function withReport(
  status: StatusDocument['status'],
  report: ZoneReport,
): StatusDocument['status'] {
  const kept = Object.entries(status).filter(([field]) => !(field in reportFields));
  return { ...Object.fromEntries(kept), ...report };
}

/** What was agreed stays unless it is agreed anew. */
export const withAgreement = (
  status: StatusDocument['status'],
  fields: { readonly allocated?: Allocation; readonly writer?: string },
): StatusDocument['status'] => ({ ...status, ...fields });

export function zoneStatusOf(version: string, status: StatusDocument['status']): ZoneStatus {
  const { firstSeen, writer } = status;
  const allocated = allocationOf(status['allocated']);
  const report = reportOf(status);
  return {
    version,
    ...(typeof firstSeen === 'string' ? { firstSeen } : {}),
    ...(allocated === undefined ? {} : { allocated }),
    ...(typeof writer === 'string' ? { writer } : {}),
    ...(report === undefined ? {} : { report }),
  };
}

function allocationOf(value: unknown): Allocation | undefined {
  if (!isObject(value)) return undefined;
  const { serial, contentHash, by, view, records } = value;
  if (typeof serial !== 'number' || typeof contentHash !== 'string' || typeof by !== 'string') {
    return undefined;
  }
  const agreed = { serial, contentHash, by, view: sourceVersionsOf(view) };
  return typeof records === 'number' ? { ...agreed, records } : agreed;
}

function sourceVersionsOf(value: unknown): SourceVersions {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number',
    ),
  );
}

/** Undefined until a pod has reported. Agents wrote it; what one of another version adds is passed on as it is. */
function reportOf(status: StatusDocument['status']): ZoneReport | undefined {
  const { secondaryIps, reportedBy, reportedTime, transfers, conditions } = status;
  if (typeof reportedBy !== 'string' || typeof reportedTime !== 'string') return undefined;
  if (![secondaryIps, transfers, conditions].every(Array.isArray)) return undefined;
  const fields = Object.entries(status).filter(([field]) => field in reportFields);
  return Object.fromEntries(fields) as unknown as ZoneReport;
}

const apiVersion = 'bindy.firestoned.io/v1beta1';

/** The file for people, and the version that stands in it for `shownVersion`. */
export function showStatus(version: string, { namespace, name, status }: StatusDocument): string {
  const { firstSeen, observedGeneration, secondaryIps, serial, allocated, writer, ...rest } =
    status;
  return plainYaml({
    apiVersion,
    kind: 'DNSZone',
    metadata: { name, namespace, resourceVersion: version },
    status: {
      firstSeen,
      observedGeneration,
      secondaryIps,
      serial,
      allocated,
      writer,
      ...rest,
    },
  });
}

export const shownVersion = (text: string): string | undefined =>
  /^ {2}resourceVersion: "?([^"\n]+)"?$/m.exec(text)?.[1];

/** The document as the file for people shows it. */
export function readShown(text: string): StatusDocument | undefined {
  try {
    const shown: unknown = parse(text);
    if (!isObject(shown) || !isObject(shown['metadata'])) return undefined;
    const { namespace, name } = shown['metadata'];
    const { status } = shown;
    if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
    return isObject(status) ? { namespace, name, status } : undefined;
  } catch {
    return undefined;
  }
}
