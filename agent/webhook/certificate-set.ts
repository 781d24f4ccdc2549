import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';

/** What a certificate is to be made for. Times in ms since 1970. */
export interface Wanted {
  readonly names: readonly string[];
  readonly from: number;
  readonly until: number;
}

/** A certificate, its key, and the certificate of the authority that signed it; PEM. */
export interface Issued {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

/** PEM. */
export interface Pair {
  readonly certificate: string;
  readonly key: string;
}

/** What all replicas share. */
export interface CertificateSet {
  /** The authorities that API servers are to trust, PEM. One stays until it has expired: somebody may serve by it so long. */
  readonly bundle: readonly string[];
  readonly serving: Pair;
  /** Served when API servers have had time to hear of its authority. */
  readonly next?: Pair;
}

/** What is to be done with a set. */
export type Step =
  | { readonly kind: 'none'; readonly set: CertificateSet }
  /** Its certificate cannot be served, or is not there. */
  | { readonly kind: 'make' }
  /** It is time for the next one. */
  | { readonly kind: 'stage'; readonly set: CertificateSet }
  | { readonly kind: 'replace'; readonly set: CertificateSet };

export interface Terms {
  readonly names: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
  /** API servers have known of the set's authorities for long enough. */
  readonly isTrusted: boolean;
}

/**
 * One step from what is stored to what should be:
 *
 *     nothing ── make ──▶ serving ── after two thirds of its life: stage ──▶ serving, next
 *                            ▲                                                  │
 *                            └────────── when its authority is trusted ─────────┘
 */
export function stepOf(set: CertificateSet | undefined, { names, now, isTrusted }: Terms): Step {
  if (set === undefined || !isServable(set.serving, set.bundle, now)) return { kind: 'make' };
  const { serving, next } = set;
  if (next !== undefined) {
    if (!isServable(next, set.bundle, now)) return { kind: 'stage', set };
    if (isTrusted) return { kind: 'replace', set: { bundle: set.bundle, serving: next } };
    return { kind: 'none', set };
  }
  if (isDue(serving, now) || !isFor(serving, names)) return { kind: 'stage', set };
  const bundle = unexpired(set.bundle, now);
  return bundle.length === set.bundle.length
    ? { kind: 'none', set }
    : { kind: 'replace', set: { ...set, bundle } };
}

/** Those of a bundle that something may still be served by. */
export const unexpired = (bundle: readonly string[], now: number): readonly string[] =>
  bundle.filter((each) => (expiryOf(each) ?? 0) > now);

/** Milliseconds since 1970; undefined for what is no certificate. */
export const expiryOf = (pem: string): number | undefined => parsed(pem)?.validToDate.getTime();

/** The key belongs to the certificate. */
export function isPair({ certificate, key }: Pair): boolean {
  try {
    return parsed(certificate)?.checkPrivateKey(createPrivateKey(key)) === true;
  } catch {
    return false;
  }
}

function isServable(pair: Pair, bundle: readonly string[], now: number): boolean {
  const certificate = parsed(pair.certificate);
  if (certificate === undefined || certificate.validToDate.getTime() <= now) return false;
  const signed = bundle.some((each) => {
    const authority = parsed(each);
    return authority !== undefined && certificate.verify(authority.publicKey);
  });
  return signed && isPair(pair);
}

function isDue({ certificate }: Pair, now: number): boolean {
  const { validFromDate, validToDate } = parsed(certificate) ?? {};
  const [from, until] = [validFromDate?.getTime() ?? 0, validToDate?.getTime() ?? 0];
  const made = Math.min(from + BEFORE_MS, until);
  return now >= until - (until - made) / 3;
}

const isFor = ({ certificate }: Pair, names: readonly string[]): boolean =>
  names.every((name) => {
    const read = parsed(certificate);
    return (isIP(name) === 0 ? read?.checkHost(name) : read?.checkIP(name)) !== undefined;
  });

/** A certificate is valid for so long before it is made: clocks of API servers may be behind ours. */
export const BEFORE_MS = 3_600_000;

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

/** The data of a Secret, of the type `kubernetes.io/tls`. */
export function dataOf({ bundle, serving, next }: CertificateSet): Record<string, string | null> {
  const data = {
    'ca.crt': bundle.join(''),
    'tls.crt': serving.certificate,
    'tls.key': serving.key,
    'next.crt': next?.certificate,
    'next.key': next?.key,
  };
  return Object.fromEntries(
    Object.entries(data).map(([key, text]) => [
      key,
      text === undefined ? null : Buffer.from(text).toString('base64'),
    ]),
  );
}

/** Undefined where it is not all there; whether it is any good is another question. */
export function setOf(data: Readonly<Record<string, unknown>>): CertificateSet | undefined {
  const text = (key: string): string =>
    typeof data[key] === 'string' ? Buffer.from(data[key], 'base64').toString() : '';
  const pair = (name: string): Pair => ({
    certificate: text(`${name}.crt`),
    key: text(`${name}.key`),
  });
  const [serving, next] = [pair('tls'), pair('next')];
  const bundle = certificatesIn(text('ca.crt'));
  if (bundle.length === 0 || serving.certificate === '' || serving.key === '') return undefined;
  const staged = next.certificate !== '' && next.key !== '';
  return { bundle, serving, ...(staged ? { next } : {}) };
}

const certificatesIn = (text: string): string[] =>
  (text.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? []).map(
    (each) => `${each}\n`,
  );
