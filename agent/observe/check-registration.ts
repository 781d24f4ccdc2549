import { isIP } from 'node:net';
import type { Registration } from '../plan/registration.ts';
import { type Parsed, type Problem, parsed } from '../problem.ts';

/** A registration as another agent gives it. Fields that a newer agent may have added are let pass; those that are known must be right. */
export function checkRegistration(fields: Readonly<Record<string, unknown>>): Parsed<Registration> {
  const problems = Object.entries(checks).flatMap(([path, { is, wanted }]): Problem[] =>
    is(fields[path])
      ? []
      : [{ path, problem: `want ${wanted}, got ${JSON.stringify(fields[path]) ?? 'nothing'}` }],
  );
  if (problems.length > 0) return { ok: false, problems };
  return parsed(fields as unknown as Registration);
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
/** They are written into stanzas as they are. */
const addresses: Check = {
  is: (value) =>
    Array.isArray(value) && value.every((each) => isText(each) && isIP(each) !== 0 && noZone(each)),
  wanted: 'a list of IP addresses',
};
const noZone = (address: string): boolean => !address.includes('%');
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
  ips: addresses,
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
} satisfies Record<keyof Registration, Check>;
