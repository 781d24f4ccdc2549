import type { DomainName } from '../dns/name.ts';
import type { Serial } from '../dns/serial.ts';
import type { ObjectKey } from '../resources/types.ts';
import type { Role } from './registration.ts';
import type { Endpoint } from './topology.ts';

/** One zone that this agent put into its named: what the ledger keeps of it. */
export interface ServedZone {
  /** The zone's name, canonical. */
  readonly zone: DomainName;
  /** The DNSZone it came from. */
  readonly key: ObjectKey;
  readonly uid: string;
  readonly role: Role;
  /** Without the name of the zone's file (`stanzaOf`). */
  readonly stanza: string;
  /** Secondary: where the stanza transfers from. */
  readonly primaries?: readonly Endpoint[];
  /** Primary: the content last loaded, and the serial it was loaded under. */
  readonly serial?: Serial;
  readonly hash?: string;
  readonly records?: number;
  /** RFC 3339, when it was added. */
  readonly since: string;
  /** Written before named was told and not yet confirmed: what named has is not known. */
  readonly pending?: true;
  /** Its removal was begun and not yet confirmed: named may not have it any more, and what is left of its files is to go. */
  readonly dropping?: true;
  /** Its removal is held by the guard. */
  readonly held?: true;
}
