import { isDeepStrictEqual } from 'node:util';
import type { Allocation } from '../../plan/registration.ts';
import type { Problem } from '../../problem.ts';
import type { ZoneReport } from '../../report/zone-report.ts';
import { isObject } from '../../resources/got.ts';
import { objectName, readObject } from '../../resources/read-object.ts';
import {
  type ApiVersion,
  isRecord,
  type Metadata,
  type ObjectKey,
  type ResourceObject,
} from '../../resources/types.ts';
import type { Texts } from '../../texts.ts';
import type { InvalidObject, ZoneStatus } from '../cluster.ts';
import type { Identity, Kept, RawObject } from './collection.ts';
import { zoneStatusOf } from './zone-status.ts';

/** What is kept in memory of one object of ours. */
export interface KeptObject extends Kept {
  /** Its last good version; undefined: there was none, or it is not needed. */
  readonly object: ResourceObject | undefined;
  /** Why it cannot be used as it is now. */
  readonly wrong?: InvalidObject;
  /** Of a DNSZone. */
  readonly uid?: string;
  readonly status?: ZoneStatus;
}

export interface KeeperOptions {
  readonly texts: Texts;
  /** The last good version that an earlier run has kept of an object. */
  readonly lastGood: (kind: string, key: ObjectKey) => ResourceObject | undefined;
  /** It is used, but probably does not say what was meant. */
  readonly warn: (object: string, problems: readonly Problem[]) => void;
}

/**
 * Reads an object into what is kept of it. A part that says the same as before is the same as before; of an object that turned
 * wrong, the last good version stays.
 */
export function keepObject(
  raw: RawObject,
  { key, version }: Identity,
  before: KeptObject | undefined,
  { texts, lastGood, warn }: KeeperOptions,
): KeptObject | undefined {
  const read = readObject(raw, { where: key, defaultNamespace: '' });
  const ofZone = raw['kind'] === 'DNSZone' ? zonePart(raw, before, texts) : undefined;
  switch (read.kind) {
    case 'skipped':
      return undefined;
    case 'invalid': {
      const former = before?.object ?? lastGood(String(raw['kind']), key);
      const object = isOneWith(former, raw) ? former : undefined;
      return { version, object, wrong: same(before?.wrong, read.invalid), ...ofZone };
    }
    case 'object': {
      const object = same(before?.object, trimmed(read.object, key, texts));
      if (object !== before?.object && read.warnings.length > 0)
        warn(objectName(object.kind, object.metadata), read.warnings);
      // Field by field, see `trimmed`.
      if (ofZone === undefined) return { version, object };
      if (ofZone.uid === undefined) return { version, object, status: ofZone.status };
      return { version, object, uid: ofZone.uid, status: ofZone.status };
    }
  }
}

/** And not made anew under the name. */
const isOneWith = (former: ResourceObject | undefined, { metadata }: RawObject): boolean =>
  former?.metadata.creationTimestamp ===
  (isObject(metadata) ? metadata['creationTimestamp'] : undefined);

function zonePart(
  raw: RawObject,
  before: KeptObject | undefined,
  texts: Texts,
): { readonly uid?: string; readonly status: ZoneStatus } {
  const uid = isObject(raw['metadata']) ? raw['metadata']['uid'] : undefined;
  const read = zoneStatusOf(raw);
  const { firstSeen, allocated, report } = read;
  const status = {
    ...read,
    ...(allocated !== undefined && {
      allocated: withSharedView(allocated, texts),
    }),
    ...(firstSeen !== undefined && { firstSeen: texts.share(firstSeen) }),
    ...(report !== undefined && { report: compact(report, texts) }),
  };
  if (typeof uid !== 'string') return { status };
  return { uid: same(before?.uid, uid), status };
}

function withSharedView(allocated: Allocation, texts: Texts): Allocation {
  const { serial, contentHash, by, view, records } = allocated;
  const shared = texts.shareWhole(view);
  return records === undefined
    ? { serial, contentHash, by, view: shared }
    : { serial, contentHash, by, view: shared, records };
}

/** Zones that came or changed together have equal conditions and transfers. */
function compact(report: ZoneReport, texts: Texts): ZoneReport {
  const { secondaryIps, transfers, conditions } = texts.shareIn(report);
  return {
    ...report,
    secondaryIps: texts.shareWhole(secondaryIps),
    transfers: texts.shareWhole(transfers.map((each) => texts.shareWhole(each))),
    conditions: texts.shareWhole(conditions.map((each) => texts.shareWhole(each))),
  };
}

/** The former, where it says the same. */
const same = <T>(before: T | undefined, now: T): T =>
  before !== undefined && isDeepStrictEqual(before, now) ? before : now;

/**
 * The object without what is not needed. Every field is written out: V8 puts fields that were spread or come later into a
 * second object beside the first.
 */
function trimmed(object: ResourceObject, key: ObjectKey, texts: Texts): ResourceObject {
  const metadata = trimmedMetadata(object, texts);
  if (object.kind === 'ConfigMap') return { kind: object.kind, key, metadata, data: object.data };
  const { kind, spec } = object;
  const apiVersion = texts.share(object.apiVersion) as ApiVersion;
  texts.shareIn(spec);
  // Mostly the same for many zones, and often for many hosts.
  const parts = spec as Partial<Record<'soaRecord' | 'nameServers' | 'addresses', object>>;
  for (const name of ['soaRecord', 'nameServers', 'addresses'] as const) {
    const value = parts[name];
    if (value !== undefined) parts[name] = texts.shareWhole(value);
  }
  // The parts fit together as they did before.
  return { kind, apiVersion, key, metadata, spec } as ResourceObject;
}

/** Of a record, its uid and generation tell nothing that its versions do not. */
function trimmedMetadata({ kind, metadata }: ResourceObject, texts: Texts): Metadata {
  const { name, uid, creationTimestamp: created, generation } = metadata;
  const namespace = texts.share(metadata.namespace);
  const labels = small(texts.shareIn(metadata.labels));
  if (kind === 'ConfigMap' || created === undefined)
    return { name, namespace, labels, annotations: NONE };
  const creationTimestamp = texts.share(created);
  if (isRecord(kind) || uid === undefined || generation === undefined)
    return { name, namespace, labels, annotations: NONE, creationTimestamp };
  const annotations = ours(metadata.annotations);
  return { name, namespace, labels, annotations, creationTimestamp, uid, generation };
}

const NONE: Readonly<Record<string, string>> = Object.freeze({});

type Named = Readonly<Record<string, string>>;

const small = (texts: Named): Named => (Object.keys(texts).length === 0 ? NONE : texts);

/** `kubectl apply` keeps a copy of the whole object in an annotation. */
const ours = (annotations: Named): Named =>
  small(
    Object.fromEntries(
      Object.entries(annotations).filter(([name]) => /^[^/]*bindy\.firestoned\.io\//.test(name)),
    ),
  );
