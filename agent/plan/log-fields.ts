import { type DomainName, parseName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';

/** named prints names without the trailing dot, in the case of its configuration. */
export function loggedZone(name: string | undefined): DomainName | undefined {
  const zone = name === undefined ? undefined : parseName(name);
  return zone?.ok ? zone.value : undefined;
}

export const loggedPrimary = (address = '', port = ''): { primary: string; port: number } => ({
  primary: address,
  port: Number(port),
});

export const loggedKey = (key: string | undefined): { key?: string } =>
  key === undefined ? {} : { key };

export const loggedSerial = (serial: string | undefined): { serial?: Serial } =>
  serial === undefined ? {} : { serial: Number(serial) };

const amount = /: (\d+) messages, (\d+) records, (\d+) bytes, ([\d.]+) secs /;

/** `N messages, N records, N bytes, N.NNN secs`, of transfers in and out. */
export const loggedAmount = (
  text: string,
): { messages: number; records: number; bytes: number; seconds: number } => {
  const [, messages, records, bytes, seconds] = (amount.exec(text) ?? []).map(Number);
  return {
    messages: messages ?? 0,
    records: records ?? 0,
    bytes: bytes ?? 0,
    seconds: seconds ?? 0,
  };
};
