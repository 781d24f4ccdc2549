import type { Registration } from '../plan/registration.ts';
import { type Parsed, type Problem, parsed } from '../problem.ts';

/** What stands in a pod's file: its registration, and the time of its last renewal by its own clock (RFC 3339). */
export interface RegistrationFile {
  readonly registration: Registration;
  /** For people, and for telling one renewal from another; no clock is compared with it. */
  readonly renewTime: string;
}

export const showRegistration = ({ registration, renewTime }: RegistrationFile): string =>
  `${JSON.stringify({ ...registration, renewTime }, undefined, 2)}\n`;

/** Fields that a newer agent may have added are let pass; those that are known must be right. */
export function parseRegistration(text: string): Parsed<RegistrationFile> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { ok: false, problems: [{ path: '', problem: `want JSON: ${String(error)}` }] };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ok: false, problems: [{ path: '', problem: 'want a JSON object' }] };
  }
  const fields: Readonly<Record<string, unknown>> = { ...value };
  const problems = Object.entries(checks).flatMap(([path, { is, wanted }]): Problem[] =>
    is(fields[path])
      ? []
      : [{ path, problem: `want ${wanted}, got ${JSON.stringify(fields[path]) ?? 'nothing'}` }],
  );
  if (problems.length > 0) return { ok: false, problems };
  const { renewTime, ...registration } = fields;
  return parsed({
    registration: registration as unknown as Registration,
    renewTime: String(renewTime),
  });
}

interface Check {
  readonly is: (value: unknown) => boolean;
  readonly wanted: string;
}

const isText = (value: unknown): value is string => typeof value === 'string';
const text: Check = { is: isText, wanted: 'text' };
const someText: Check = { is: (value) => isText(value) && value !== '', wanted: 'some text' };
const flag: Check = { is: (value) => typeof value === 'boolean', wanted: 'true or false' };
const texts: Check = {
  is: (value) => Array.isArray(value) && value.every(isText),
  wanted: 'a list of texts',
};
const port: Check = {
  is: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65535,
  wanted: 'a port, 1 to 65535',
};

const checks = {
  pod: someText,
  uid: someText,
  namespace: text,
  role: { is: (value) => value === 'primary' || value === 'secondary', wanted: 'a role' },
  cluster: text,
  instance: text,
  ips: texts,
  dnsPort: port,
  httpPort: port,
  labels: {
    is: (value) =>
      typeof value === 'object' && value !== null && Object.values(value).every(isText),
    wanted: 'a map of texts',
  },
  version: text,
  keys: texts,
  draining: flag,
  held: { is: (value) => value === undefined || isText(value), wanted: 'text' },
  renewTime: someText,
} satisfies Record<keyof Registration | 'renewTime', Check>;
