import type { Registration } from '../plan/registration.ts';
import { type Parsed, parsed } from '../problem.ts';
import { checkRegistration } from './check-registration.ts';

/** What stands in a pod's file: its registration, and the time of its last renewal by its own clock (RFC 3339). */
export interface RegistrationFile {
  readonly registration: Registration;
  /** For people, and for telling one renewal from another; no clock is compared with it. */
  readonly renewTime: string;
}

export const showRegistration = ({ registration, renewTime }: RegistrationFile): string =>
  `${JSON.stringify({ ...registration, renewTime }, undefined, 2)}\n`;

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
  const { renewTime, ...fields }: Readonly<Record<string, unknown>> = { ...value };
  const registration = checkRegistration(fields);
  const timeless =
    typeof renewTime === 'string' && renewTime !== ''
      ? []
      : [
          {
            path: 'renewTime',
            problem: `want some text, got ${JSON.stringify(renewTime) ?? 'nothing'}`,
          },
        ];
  if (registration.ok && timeless.length === 0)
    return parsed({ registration: registration.value, renewTime: String(renewTime) });
  return { ok: false, problems: [...(registration.ok ? [] : registration.problems), ...timeless] };
}
