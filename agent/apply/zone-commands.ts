import { type DomainName, displayName } from '../dns/name.ts';
import type { ControlAnswer, Rndc } from './rndc.ts';

/** A command about one zone, e.g. `refresh` or `addzone`, and the rest of its line. */
export type ZoneCommander = (
  command: string,
  zone: DomainName,
  rest?: string,
) => Promise<ControlAnswer>;

/** Names are quoted: a slash, as in the names of RFC 2317, would end an unquoted one. */
export const zoneCommander =
  (rndc: Rndc): ZoneCommander =>
  (command, zone, rest) =>
    rndc.command(`${command} ${quoteZone(zone)}${rest === undefined ? '' : ` ${rest}`}`);

export const quoteZone = (zone: DomainName): string => `"${displayName(zone)}"`;

/** All that named said, in one line. */
export const said = ({ error, text }: ControlAnswer): string =>
  [error, text]
    .filter((each) => each !== undefined && each !== '')
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
