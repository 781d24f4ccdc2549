import type { Serial } from '../dns/serial.ts';

type Failed =
  | { readonly kind: 'rcode'; readonly rcode: string }
  | { readonly kind: 'tsig'; readonly error: string }
  | { readonly kind: 'timeout' }
  | { readonly kind: 'unreachable'; readonly message: string };

/** What a server answers when asked for a zone's SOA. `rcode` is a mnemonic, e.g. `REFUSED`; `error` e.g. `BADKEY`. */
export type SoaProbe =
  | { readonly kind: 'soa'; readonly serial: Serial; readonly authoritative: boolean }
  | Failed;

/** What a server answers when asked for a zone by transfer; `ok`: it gives the zone. */
export type TransferProbe =
  | { readonly kind: 'ok' }
  | { readonly kind: 'formerr'; readonly message: string }
  | Failed;

/** What the agent itself got from one primary, with the key and from the address that named uses. */
export interface PrimaryProbe {
  /** When the answer came, in milliseconds since the epoch. */
  readonly at: number;
  readonly soa: SoaProbe;
  readonly transfer?: TransferProbe;
}
