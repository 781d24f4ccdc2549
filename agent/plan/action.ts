import type { DomainName } from '../dns/name.ts';
import { displayName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { ZoneContent } from '../dns/zone-text.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { Role } from './registration.ts';
import type { Endpoint } from './topology.ts';

/** Content to serve, and the serial it was agreed to have. */
export interface Target {
  readonly content: ZoneContent;
  readonly serial: Serial;
}

/** The zone as named is to have it, without its content. */
export interface Wanted {
  readonly zone: DomainName;
  readonly key: ObjectKey;
  readonly uid: string;
  readonly role: Role;
  readonly stanza: string;
  readonly primaries: readonly Endpoint[];
}

/** One step from what named has to what it should have. */
export type Action =
  /** A new zone; a primary comes with its first content, unless others wrote it before. */
  | { readonly kind: 'add'; readonly wanted: Wanted; readonly target: Target | undefined }
  /** Another stanza for a zone that named has. */
  | { readonly kind: 'modify'; readonly wanted: Wanted; readonly from: Role }
  /** Other content for a primary zone that named has. */
  | { readonly kind: 'load'; readonly zone: DomainName; readonly target: Target }
  | { readonly kind: 'drop'; readonly zone: DomainName; readonly why: string };

export const zoneOf = (action: Action): DomainName =>
  action.kind === 'add' || action.kind === 'modify' ? action.wanted.zone : action.zone;

/** What the action does, for `plan`, logs and whoever has to approve it. */
export function explainAction(action: Action): string {
  switch (action.kind) {
    case 'add':
      return `serve ${displayName(action.wanted.zone)} as ${describe(action.wanted)}${atSerial(action.target)}`;
    case 'modify':
      return `${change(action.from, action.wanted.role)} ${displayName(action.wanted.zone)}: ${describe(action.wanted)}`;
    case 'load':
      return `load ${displayName(action.zone)}${atSerial(action.target)}, ${action.target.content.records} records`;
    case 'drop':
      return `stop serving ${displayName(action.zone)}: ${action.why}`;
  }
}

/** What so many actions of a kind do, where each by itself would be too much to read. */
export function explainMany(kind: Action['kind'], zones: number): string {
  const verbs = {
    add: `serve ${zones} more`,
    modify: `reconfigure ${zones}`,
    load: `load ${zones}`,
    drop: `stop serving ${zones}`,
  };
  return `${verbs[kind]} zones`;
}

function describe({ role, primaries }: Wanted): string {
  if (role === 'primary') return 'primary';
  const from = primaries.map(({ address, port }) => `${address} port ${port}`).join(', ');
  return from === '' ? 'secondary, no primary known yet' : `secondary of ${from}`;
}

const change = (from: Role, to: Role): string =>
  from === to ? 'reconfigure' : to === 'primary' ? 'promote' : 'demote';

const atSerial = (target: Target | undefined): string =>
  target === undefined ? '' : ` at serial ${target.serial}`;
