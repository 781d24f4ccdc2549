import { type Parsed, parsed, refused } from '../problem.ts';
import { got, isObject } from '../resources/got.ts';

/** What the API server wants to know of one object, of `admission.k8s.io/v1`. */
export interface Review {
  readonly uid: string;
  /** `pods` */
  readonly resource: string;
  readonly namespace: string;
  readonly object: unknown;
}

/** What it is told. */
export interface Verdict {
  /** For the metrics. */
  readonly outcome: Outcome;
  /** RFC 6902. */
  readonly patch?: readonly unknown[];
  /** Why the object is refused. */
  readonly refusal?: string;
  /** Shown by kubectl, a line each. */
  readonly warnings?: readonly string[];
}

export const outcomes = [
  'patched',
  'unchanged',
  'unwanted',
  'refused',
  'fine',
  'warned',
  'malformed',
] as const;
export type Outcome = (typeof outcomes)[number];

export const reviewVersion = 'admission.k8s.io/v1';

export function readReview(body: unknown): Parsed<Review> {
  if (!isObject(body)) return refused('', `want an AdmissionReview, got ${got(body)}`);
  const { apiVersion, kind, request } = body;
  if (apiVersion !== reviewVersion || kind !== 'AdmissionReview')
    return refused(
      '',
      `want ${reviewVersion} AdmissionReview, got ${got(apiVersion)} ${got(kind)}`,
    );
  if (!isObject(request)) return refused('request', `want a mapping, got ${got(request)}`);
  const { uid, resource, namespace = '', object } = request;
  if (typeof uid !== 'string' || uid === '')
    return refused('request.uid', `want text, got ${got(uid)}`);
  const plural = isObject(resource) ? resource['resource'] : undefined;
  if (typeof plural !== 'string')
    return refused('request.resource.resource', `want text, got ${got(plural)}`);
  if (typeof namespace !== 'string')
    return refused('request.namespace', `want text, got ${got(namespace)}`);
  return parsed({ uid, resource: plural, namespace, object });
}

/** Above this the API server leaves warnings out, or cuts them. */
const LONGEST_WARNING = 256;
const MOST_WARNINGS = 15;

/** The AdmissionReview that the verdict is sent as. */
export function answer({ uid }: Review, { patch = [], refusal, warnings = [] }: Verdict): object {
  return {
    apiVersion: reviewVersion,
    kind: 'AdmissionReview',
    response: {
      uid,
      allowed: refusal === undefined,
      ...(patch.length === 0
        ? {}
        : {
            patchType: 'JSONPatch',
            patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
          }),
      ...(refusal === undefined
        ? {}
        : { status: { code: 422, reason: 'Invalid', message: refusal } }),
      ...(warnings.length === 0 ? {} : { warnings: shown(warnings) }),
    },
  };
}

function shown(warnings: readonly string[]): string[] {
  const more = warnings.length - MOST_WARNINGS;
  const all = more > 0 ? [...warnings.slice(0, MOST_WARNINGS), `and ${more} more`] : warnings;
  return all.map((text) =>
    text.length > LONGEST_WARNING ? `${text.slice(0, LONGEST_WARNING - 1)}…` : text,
  );
}
