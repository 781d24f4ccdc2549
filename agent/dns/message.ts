import type { DomainName } from './name.ts';
import type { Serial } from './serial.ts';
import type { SoaData } from './soa.ts';
import type { TsigRecord } from './tsig-record.ts';

export interface Flags {
  readonly response: boolean;
  readonly authoritative: boolean;
  readonly truncated: boolean;
  readonly recursionDesired: boolean;
  readonly recursionAvailable: boolean;
  readonly authenticData: boolean;
  readonly checkingDisabled: boolean;
}

export interface Question {
  readonly name: DomainName;
  /** A mnemonic or `TYPEn`. */
  readonly type: string;
  /** A mnemonic or `CLASSn`; an update uses `NONE` and `ANY` (RFC 2136). */
  readonly class: string;
}

export interface SoaRdata extends SoaData {
  readonly serial: Serial;
}

export interface ResourceRecord {
  readonly owner: DomainName;
  readonly type: string;
  readonly class: string;
  /** Seconds. */
  readonly ttl: number;
  /** Presentation form on one line; empty where an update's record has none. */
  readonly rdata: string;
  /** The same in parts, for a record of type SOA. */
  readonly soa?: SoaRdata;
}

/** RFC 6891. */
export interface Edns {
  readonly udpSize: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}

/**
 * The four sections; in an update they are called zone, prerequisite, update and additional (RFC 2136 section 2).
 * OPT and TSIG do not stand among the additional records.
 */
export interface Sections {
  readonly question: readonly Question[];
  readonly answer: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
}

export interface Message extends Sections {
  readonly id: number;
  /** `QUERY`, `NOTIFY`, `UPDATE`, … */
  readonly opcode: string;
  /** `NOERROR`, `REFUSED`, `NOTAUTH`, …; with the upper bits that EDNS carries. */
  readonly rcode: string;
  readonly flags: Flags;
  readonly edns?: Edns;
  readonly tsig?: TsigRecord;
  /** Where the TSIG record starts: what is before it is what was signed. */
  readonly tsigStart?: number;
}

/** A message to be sent. What is left out is empty, unset, QUERY or NOERROR. `id` 0 to 65535, a `ttl` 0 to 2^31-1. */
export interface Draft extends Partial<Sections> {
  readonly id: number;
  readonly opcode?: string;
  readonly rcode?: string;
  readonly flags?: Partial<Flags>;
  readonly edns?: Edns;
}

/** Where the flags stand in the second 16 bits of a message, RFC 1035 section 4.1.1 and RFC 4035 section 3. */
export const flagBits: Readonly<Record<keyof Flags, number>> = {
  response: 0x8000,
  authoritative: 0x0400,
  truncated: 0x0200,
  recursionDesired: 0x0100,
  recursionAvailable: 0x0080,
  authenticData: 0x0020,
  checkingDisabled: 0x0010,
};
