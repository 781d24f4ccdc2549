import { apiVersions, type ObjectKey, partsOfKey } from '../../resources/types.ts';
import type { ClusterEvent } from '../cluster.ts';
import type { RawObject } from './collection.ts';
import { microTime } from './lease.ts';

/** One thing that happened, once or again and again. */
export interface Happening {
  readonly event: ClusterEvent;
  readonly namespace: string;
  /** What it is about, as the API has it. */
  readonly regarding: RawObject;
  /** How often. */
  readonly count: number;
  /** Milliseconds since 1970. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** This pod, and the zones that there are. */
export interface Regarded {
  readonly namespace: string;
  readonly pod: string;
  /** The uid of the Pod object, where it is known. */
  readonly podUid?: string;
  readonly uidOf: (zone: ObjectKey) => string | undefined;
}

const CONTROLLER = 'bindy.firestoned.io/agent';
const LONGEST_NOTE = 1024;
const LONGEST_WORD = 128;

/** Undefined for a zone that is not known any more. */
export function regardingOf(
  about: ClusterEvent['about'],
  { namespace, pod, podUid, uidOf }: Regarded,
): RawObject | undefined {
  if (about.kind === 'Pod')
    return { apiVersion: 'v1', kind: 'Pod', namespace, name: pod, uid: podUid };
  const uid = uidOf(about.key);
  return uid === undefined
    ? undefined
    : { apiVersion: apiVersions[0], kind: 'DNSZone', ...partsOfKey(about.key), uid };
}

/** `<what it is about>.<id>`, at most 253 characters. */
export const eventName = (regarding: RawObject, id: string): string =>
  `${String(regarding['name'])
    .slice(0, 200)
    .replace(/[.-]+$/, '')}.${id}`;

/** The Event to be made. @param pod who tells of it */
export function eventOf(happening: Happening, name: string, pod: string): RawObject {
  const { event, namespace, regarding, count, firstAt } = happening;
  return {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { name, namespace },
    eventTime: microTime(firstAt),
    reportingController: CONTROLLER,
    reportingInstance: pod.slice(0, LONGEST_WORD),
    type: event.type,
    reason: event.reason.slice(0, LONGEST_WORD),
    action: event.action.slice(0, LONGEST_WORD),
    regarding,
    note: cut(event.note),
    ...(count > 1 ? { series: seriesOf(happening) } : {}),
  };
}

/** How often it happened by now: the part of an Event that grows. */
export const seriesOf = ({ count, lastAt }: Happening): RawObject => ({
  count,
  lastObservedTime: microTime(lastAt),
});

/** The limit is one of octets. */
function cut(note: string): string {
  if (Buffer.byteLength(note) <= LONGEST_NOTE) return note;
  const octets = Buffer.from(note).subarray(0, LONGEST_NOTE - 3);
  return `${octets.toString().replace(/\uFFFD+$/, '')}…`;
}
